"""The instructions that formulas become in a kernel."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

from llvmlite import ir
from numba import types
from numba.core.typing.templates import CallableTemplate
from numba.extending import lower_builtin, typeof_impl

from samplewise_backends.numba_cpu.compile.inlining import Formula, Traced

_FLAGS = ("contract",)
_INTEGERS: dict[ir.Type, ir.Type] = {
    ir.FloatType(): ir.IntType(32),
    ir.DoubleType(): ir.IntType(64),
}
_FLOATS = {integer: real for real, integer in _INTEGERS.items()}


class _Value(Traced):
    """A number that is known when the kernel runs; operators write instructions."""

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder = builder
        self.value = value

    def _operand(self, other: Any) -> ir.Value:
        return other.value if isinstance(other, _Value) else ir.Constant(self.value.type, other)

    def _write(self, instruction: str, *operands: Any) -> _Value:
        """Write `instruction`, or its form for floats."""
        builder = self.builder
        if self.value.type in _INTEGERS:
            write = getattr(builder, "f" + instruction)
            return _Value(builder, write(*map(self._operand, operands), flags=_FLAGS))
        return _Value(builder, getattr(builder, instruction)(*map(self._operand, operands)))

    def __add__(self, other: Any) -> _Value:
        return self._write("add", self, other)

    def __radd__(self, other: Any) -> _Value:
        return self._write("add", other, self)

    def __sub__(self, other: Any) -> _Value:
        return self._write("sub", self, other)

    def __rsub__(self, other: Any) -> _Value:
        return self._write("sub", other, self)

    def __mul__(self, other: Any) -> _Value:
        return self._write("mul", self, other)

    def __rmul__(self, other: Any) -> _Value:
        return self._write("mul", other, self)

    def __truediv__(self, other: Any) -> _Value:
        return self._write("div", self, other)

    def __rtruediv__(self, other: Any) -> _Value:
        return self._write("div", other, self)

    def __neg__(self) -> _Value:
        return self._write("neg", self)

    def __and__(self, other: int) -> _Value:
        return self._write("and_", self, other)

    def __or__(self, other: _Value) -> _Value:
        return self._write("or_", self, other)

    def __lshift__(self, places: int) -> _Value:
        return self._write("shl", self, places)

    def __rshift__(self, places: int) -> _Value:
        """Shift zeros in: for numbers that are not negative."""
        return self._write("lshr", self, places)

    def _compared(self, relation: str, other: Any) -> _Value:
        operands = (self.value, self._operand(other))
        return _Value(self.builder, self.builder.fcmp_ordered(relation, *operands, flags=_FLAGS))

    def __lt__(self, other: Any) -> _Value:
        return self._compared("<", other)

    def __le__(self, other: Any) -> _Value:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> _Value:
        return self._compared(">", other)

    @property
    def size_in_bits(self) -> int:
        """The size of an integer."""
        return int(self.value.type.width)

    def as_integer(self) -> _Value:
        """Return the bits of a float as an integer of its size."""
        return self._reinterpreted(_INTEGERS[self.value.type])

    def as_float(self) -> _Value:
        """Return the float of these bits."""
        return self._reinterpreted(_FLOATS[self.value.type])

    def choose(self, chosen: Any, otherwise: Any) -> _Value:
        """Return one or the other, by this condition."""
        typed = chosen if isinstance(chosen, _Value) else otherwise
        operands = (self.value, typed._operand(chosen), typed._operand(otherwise))
        return _Value(self.builder, self.builder.select(*operands))

    def _reinterpreted(self, kind: ir.Type) -> _Value:
        """Return the same bits as a number of another type."""
        return _Value(self.builder, self.builder.bitcast(self.value, kind))


@typeof_impl.register(Formula)
def _typeof_formula(formula: Formula, context: Any) -> Any:
    return _function_type(formula)


@cache
def _function_type(formula: Formula) -> Any:
    """Return the type of a formula, which numba knows how to write from then on."""

    def typed(_context: Any) -> Callable[[Any], Any]:
        return lambda z: z if z in (types.float32, types.float64) else None

    def lowered(_context: Any, builder: ir.IRBuilder, signature: Any, operands: Any) -> Any:
        of_format = formula.single if signature.args[0] == types.float32 else formula.double
        return formula.formula(_Value(builder, operands[0]), of_format).value

    name = f"Formula_{formula.formula.__name__}"
    template = type(name, (CallableTemplate,), {"key": formula, "generic": typed})
    lower_builtin(formula, types.Float)(lowered)
    return types.Function(template)
