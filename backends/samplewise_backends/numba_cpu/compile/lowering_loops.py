"""The instructions that a loop over a range becomes in a kernel: one number that is counted up.

numba's own counts a second one down, divides by the step, and raises an exception where that is 0.
The last index and a step must add up to an integer of 64 bits.
`end_loop` says what LLVM may do with any loop.
"""

from __future__ import annotations

from typing import Any

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import models, register_model

from samplewise_backends.numba_cpu.compile.language import CODE, lowers

_INDEX = ir.IntType(64)


class _Turns(types.SimpleIteratorType):
    """The type of a range's turns.

    Args:
        step: of each, where it is known; else it must be positive, or the loop may never end.
    """

    def __init__(self, step: int | None) -> None:
        self.step = step
        super().__init__(f"turns({step})", types.intp)


class _Range(types.SimpleIterableType):
    """The type of a range; `step` as in `_Turns`."""

    def __init__(self, step: int | None) -> None:
        super().__init__(f"range({step})", _Turns(step))


@register_model(_Range)
class _RangeModel(models.StructModel):
    def __init__(self, manager: Any, kind: _Range) -> None:
        super().__init__(manager, kind, [(name, types.intp) for name in ("start", "stop", "step")])


@register_model(_Turns)
class _TurnsModel(models.StructModel):
    def __init__(self, manager: Any, kind: _Turns) -> None:
        members = [("place", types.CPointer(types.intp)), ("stop", types.intp)]
        super().__init__(manager, kind, [*members, ("step", types.intp)])


@lowers(range)
def _range(typing: Any, *bounds: Any) -> Any:
    step: int | None = 1
    if len(bounds) == 3:
        step = getattr(bounds[2], "literal_value", None)
    kind = _Range(step)

    def code(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
        start, stop = values[:2] if len(values) > 1 else (_INDEX(0), values[0])
        last = values[2] if step is None else _INDEX(step)
        return _struct(context, builder, kind, [start, stop, last])

    return kind(*[types.intp] * len(bounds)), code


def _struct(context: Any, builder: ir.IRBuilder, kind: Any, values: list[ir.Value]) -> ir.Value:
    found = ir.Constant(context.get_value_type(kind), ir.Undefined)
    for position, value in enumerate(values):
        found = builder.insert_value(found, value, position)
    return found


@CODE.lower("getiter", _Range)
def _begin(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
    start, stop, step = cgutils.unpack_tuple(builder, values[0], 3)
    with builder.goto_entry_block():
        place = builder.alloca(_INDEX)
    builder.store(start, place)
    return _struct(context, builder, signature.return_type, [place, stop, step])


@CODE.lower("iternext", _Turns)
def _turn(context: Any, builder: ir.IRBuilder, signature: Any, values: Any) -> Any:
    place, stop, step = cgutils.unpack_tuple(builder, values[0], 3)
    falls = (signature.args[0].step or 1) < 0
    index = builder.load(place)
    goes_on = builder.icmp_signed(">" if falls else "<", index, stop)
    builder.store(builder.add(index, step, flags=["nsw"]), place)
    return _struct(context, builder, signature.return_type, [index, goes_on])


def end_loop(jump: ir.Instruction, *, of_vectors: bool = False) -> None:
    """Keep LLVM from writing the body of a loop several times, at its jump back.

    Args:
        jump: back to the loop's first block.
        of_vectors: the loop is written on vectors, so LLVM need not try to make some.

    LLVM still writes it several times where it knows how often the loop runs, or makes vectors.
    Elsewhere no kernel was measured to gain, and writing machine code took 1.6 times as long.
    """
    module = jump.module
    words: list[list[Any]] = [["llvm.loop.unroll.runtime.disable"]]
    if of_vectors:
        words.append(["llvm.loop.isvectorized", ir.IntType(32)(1)])
    nodes = [module.add_metadata(word) for word in words]
    loop = module.add_metadata([*nodes, ir.IntType(32)(len(module.metadata))])
    # A loop is known by a node that names itself first.
    loop.operands = (loop, *nodes)
    jump.set_metadata("llvm.loop", loop)
