"""The target of numba's compiler: LLVM's code for a processor, collected and not yet compiled."""

from __future__ import annotations

from functools import cached_property
from typing import Any

import llvmlite.binding as llvm
from llvmlite import ir
from numba.core import cgutils, codegen, config, cpu, fastmathpass
from numba.cpython import builtins, enumimpl, mathimpl, numbers, tupleobj  # noqa: F401
from numba.np import arrayobj  # noqa: F401 - these modules have the code of what kernels use

from samplewise_backends.numba_cpu.compile.convention import Convention
from samplewise_backends.numba_cpu.compile.language import CODE, Typing


class Library(codegen.AOTCodeLibrary):
    """LLVM's code of one function, and the libraries of the functions that it calls.

    Nothing in it is compiled or made faster on its own: see `whole`.
    """

    def __init__(self, owner: Any, name: str) -> None:
        codegen.CodeLibrary.__init__(self, owner, name)
        self._modules: list[Any] = []
        self._called: dict[Library, None] = {}

    def add_linking_library(self, library: Library) -> None:
        """Note a library that this one calls."""
        self._called[library] = None

    def add_ir_module(self, module: ir.Module) -> None:
        """Take a module."""
        self._modules.append(llvm.parse_assembly(str(module)))

    def whole(self) -> Any:
        """Return one module with the code of this library and of all that it calls."""
        module = llvm.parse_assembly(str(self._codegen._create_empty_module(self.name)))
        for library in self._reached({}):
            for part in library._modules:
                module.link_in(part, preserve=True)
        return module

    def _reached(self, seen: dict[Library, None]) -> dict[Library, None]:
        if self not in seen:
            seen[self] = None
            for library in self._called:
                library._reached(seen)
        return seen


class Codegen(codegen.AOTCPUCodegen):
    """Code for the processor that numba's settings name, which may lie anywhere in memory."""

    _library_class = Library

    def _customize_tm_options(self, options: dict[str, Any]) -> None:
        super()._customize_tm_options(options)
        options["cpu"] = self._get_host_cpu_name()

    def _customize_tm_features(self) -> str:
        return str(self._get_host_cpu_features())

    def machine_code(self, module: Any) -> bytes:
        """Run LLVM's passes over a module, and return an object file."""
        module.data_layout = self._data_layout
        passes, builder = self._module_pass_manager()
        passes.run(module, builder)
        return bytes(self._tm.emit_object(module))


class Target(cpu.CPUContext):
    """numba's compiler of the language of kernels."""

    def init(self) -> None:
        """Start LLVM."""
        self.is32bit = False
        self._internal_codegen: Any = Codegen("samplewise")
        self._sizes: dict[str, int] = {}
        self.aot_mode = True

    @cached_property
    def call_conv(self) -> Convention:
        """How functions call one another."""
        return Convention(self)

    def call_internal(
        self, builder: ir.IRBuilder, described: Any, signature: Any, values: Any
    ) -> Any:
        """Call a function; where indices are checked, return if one was out of bounds in it."""
        status, result = self.call_internal_no_propagate(builder, described, signature, values)
        if config.BOUNDSCHECK:
            with builder.if_then(cgutils.is_not_null(builder, status), likely=False):
                self.call_conv.return_status_propagate(builder, status)
        return result

    def insert_kernel(self, lowered: Any) -> None:
        """Let calls of a kernel with these types become calls of its code."""

        def code(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
            return context.call_internal(builder, lowered.described, lowered.signature, values)

        code.libs = (lowered.library,)  # type: ignore[attr-defined]
        self.insert_func_defn([(code, lowered.library, lowered.signature.args)])

    def pair_first(self, builder: ir.IRBuilder, pair: ir.Value, kind: Any) -> ir.Value:
        """Return the number of a turn."""
        return builder.extract_value(pair, 0)

    def pair_second(self, builder: ir.IRBuilder, pair: ir.Value, kind: Any) -> ir.Value:
        """Return whether there is such a turn."""
        return builder.extract_value(pair, 1)

    def get_abi_sizeof(self, type_: ir.Type) -> int:
        """Return the bytes of a type; LLVM is asked once, as it reads a module for each answer."""
        name = str(type_)
        if name not in self._sizes:
            self._sizes[name] = super().get_abi_sizeof(type_)
        return self._sizes[name]

    def load_additional_registries(self) -> None:
        """Add the instructions of the functions of the language; the caller adds numba's own."""
        for registry in (CODE, mathimpl.registry):
            self.install_registry(registry)

    def post_lowering(self, module: ir.Module, library: Library) -> None:
        """Put a kernel's flags on its instructions; nothing here counts references."""
        if self.fastmath:
            fastmathpass.rewrite_module(module, self.fastmath)


TARGET = Target(Typing(), "cpu")
TARGET.refresh()
