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


def _element(kind: ir.Type) -> ir.Type:
    """Return the type of a number, or of a vector's numbers."""
    return kind.element if isinstance(kind, ir.VectorType) else kind


def _with_element(kind: ir.Type, element: ir.Type) -> ir.Type:
    """Return the type of as many numbers as `kind` has, of another type."""
    return ir.VectorType(element, kind.count) if isinstance(kind, ir.VectorType) else element


class Value(Traced):
    """A number or vector that is known when the kernel runs; operators write instructions.

    Of a vector and a number, the number stands for a vector of it.
    """

    def __init__(self, builder: ir.IRBuilder, value: ir.Value) -> None:
        self.builder = builder
        self.value = value

    def in_every_lane(self, kind: ir.Type) -> Value:
        """Return this number in every lane of a vector type; a vector of it stays as it is."""
        if self.value.type == kind:
            return self
        nothing = ir.Constant(kind, ir.Undefined)
        first = self.builder.insert_element(nothing, self.value, ir.IntType(32)(0))
        lanes = ir.Constant(ir.VectorType(ir.IntType(32), kind.count), [0] * kind.count)
        return Value(self.builder, self.builder.shuffle_vector(first, nothing, lanes))

    def _operands(self, *operands: Any) -> list[ir.Value]:
        """Return operands of one type: a vector's, where one of them is."""
        kinds = [each.value.type for each in operands if isinstance(each, Value)]
        kind = next((kind for kind in kinds if isinstance(kind, ir.VectorType)), kinds[0])
        return [_of_type(each, kind) for each in operands]

    def _write(self, instruction: str, *operands: Any) -> Value:
        """Write `instruction`, or its form for floats."""
        builder = self.builder
        if _element(self.value.type) in _INTEGERS:
            write = getattr(builder, "f" + instruction)
            return Value(builder, write(*self._operands(*operands), flags=_FLAGS))
        return Value(builder, getattr(builder, instruction)(*self._operands(*operands)))

    def __add__(self, other: Any) -> Value:
        return self._write("add", self, other)

    def __radd__(self, other: Any) -> Value:
        return self._write("add", other, self)

    def __sub__(self, other: Any) -> Value:
        return self._write("sub", self, other)

    def __rsub__(self, other: Any) -> Value:
        return self._write("sub", other, self)

    def __mul__(self, other: Any) -> Value:
        return self._write("mul", self, other)

    def __rmul__(self, other: Any) -> Value:
        return self._write("mul", other, self)

    def __truediv__(self, other: Any) -> Value:
        return self._write("div", self, other)

    def __rtruediv__(self, other: Any) -> Value:
        return self._write("div", other, self)

    def __floordiv__(self, other: Any) -> Value:
        """Divide integers that are not negative."""
        return self._write("udiv", self, other)

    def __neg__(self) -> Value:
        return self._write("neg", self)

    def __and__(self, other: int) -> Value:
        return self._write("and_", self, other)

    def __or__(self, other: Value) -> Value:
        return self._write("or_", self, other)

    def __lshift__(self, places: int) -> Value:
        return self._write("shl", self, places)

    def __rshift__(self, places: int) -> Value:
        """Shift zeros in: for numbers that are not negative."""
        return self._write("lshr", self, places)

    def _compared(self, relation: str, other: Any) -> Value:
        operands, builder = self._operands(self, other), self.builder
        if _element(self.value.type) in _INTEGERS:
            return Value(builder, builder.fcmp_ordered(relation, *operands, flags=_FLAGS))
        return Value(builder, builder.icmp_signed(relation, *operands))

    def __lt__(self, other: Any) -> Value:
        return self._compared("<", other)

    def __le__(self, other: Any) -> Value:
        return self._compared("<=", other)

    def __gt__(self, other: Any) -> Value:
        return self._compared(">", other)

    @property
    def size_in_bits(self) -> int:
        """The size of an integer."""
        return int(_element(self.value.type).width)

    def as_integer(self) -> Value:
        """Return the bits of a float as an integer of its size."""
        return self._reinterpreted(_INTEGERS)

    def as_float(self) -> Value:
        """Return the float of these bits."""
        return self._reinterpreted(_FLOATS)

    def choose(self, chosen: Any, otherwise: Any) -> Value:
        """Return one or the other, by this condition."""
        operands = self._operands(chosen, otherwise)
        return Value(self.builder, self.builder.select(self.value, *operands))

    def is_nan(self) -> Value:
        """Return the condition that this is not a number."""
        return Value(self.builder, self.builder.fcmp_unordered("uno", self.value, self.value))

    def _reinterpreted(self, kinds: dict[ir.Type, ir.Type]) -> Value:
        """Return the same bits as numbers of another type."""
        kind = _with_element(self.value.type, kinds[_element(self.value.type)])
        return Value(self.builder, self.builder.bitcast(self.value, kind))


def _of_type(operand: Any, kind: ir.Type) -> ir.Value:
    """Return a value or a Python number as a value of a type."""
    if isinstance(operand, Value):
        return operand.in_every_lane(kind).value
    is_vector = isinstance(kind, ir.VectorType)
    return ir.Constant(kind, [operand] * kind.count if is_vector else operand)


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
        return formula.formula(Value(builder, operands[0]), of_format).value

    name = f"Formula_{formula.formula.__name__}"
    template = type(name, (CallableTemplate,), {"key": formula, "generic": typed})
    lower_builtin(formula, types.Float)(lowered)
    return types.Function(template)
