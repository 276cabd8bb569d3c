"""numba's lowering of a function to LLVM's code, without the parts that kernels never need."""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba.core import ir as code
from numba.core import lowering

from samplewise_backends.numba_cpu.compile.lowering_loops import end_loop


class Lower(lowering.Lower):
    """numba's lowering, of functions without exceptions and Python objects."""

    def pre_block(self, block: Any) -> None:
        """Note the block; numba also looks for the exceptions that it catches."""
        self._cur_ir_block = block

    def lower_block(self, block: Any) -> None:
        """Write a block; where it jumps back, it is the end of a loop."""
        self.pre_block(block)
        for instruction in block.body:
            self.loc = instruction.loc
            self.lower_inst(instruction)
        self._written.add(block)
        if any(self.blocks[place] in self._written for place in block.terminator.get_targets()):
            end_loop(self.builder.block.terminator)

    def emit_environment_object(self) -> None:
        """Write nothing: kernels have no Python objects."""

    def pre_lower(self) -> None:
        """Read nothing: see `emit_environment_object`."""

    def lower_inst(self, instruction: Any) -> None:
        """Write an instruction; numba's own also writes each as a text, for nobody."""
        if isinstance(instruction, code.Assign):
            name = instruction.target.name
            self.storevar(self.lower_assign(self.typeof(name), instruction), name)
        else:
            super().lower_inst(instruction)

    def storevar(self, value: ir.Value, name: str, argidx: Any = None) -> None:
        """Store the value of a variable, without freeing an older one: kernels hold no objects."""
        if name in self._singly_assigned_vars:
            self._blk_local_varmap[name] = value
        else:
            self._alloca_var(name, self.typeof(name))
            self.builder.store(value, self.getvar(name))

    def alloca_lltype(self, name: str, kind: ir.Type, datamodel: Any = None) -> ir.Value:
        """Return the address of a variable, not set to 0: kernels write each before reading it."""
        with self.builder.goto_entry_block():
            return self.builder.alloca(kind, name=name)

    def init(self) -> None:
        """Prepare for the first block."""
        super().init()
        self._written: set[Any] = set()
