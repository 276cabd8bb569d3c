"""Formulas of one float that become instructions inside the kernel that calls them.

A formula is plain Python over arithmetic operators and the functions below. Called with NumPy's
numbers it computes. Named in a kernel, it is run once while the kernel is compiled, on values that
write an instruction for each operator: nothing is left to inline, so loops around it vectorise, and
numba's own passes, about 60 ms a function, are not run.

The instructions carry their own flag, `contract`: products may be fused into sums. numba adds a
kernel's flags only to instructions without any, so a caller that reorders its sums does not reorder
these. (An `overload` or `register_jitable` would: it is compiled once, with the flags of whichever
kernel calls it first.)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from llvmlite import ir
from numba import types
from numba.extending import lower_builtin, type_callable

_FLAGS = ("contract",)
_INTEGERS: dict[ir.Type, ir.Type] = {
    ir.FloatType(): ir.IntType(32),
    ir.DoubleType(): ir.IntType(64),
}
_FLOATS = {integer: real for real, integer in _INTEGERS.items()}


class _Value:
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

    def reinterpreted(self, kind: ir.Type) -> _Value:
        """Return the same bits as a number of another type."""
        return _Value(self.builder, self.builder.bitcast(self.value, kind))


def bits(x: Any) -> Any:
    """Return the bits of a float as an integer of its size."""
    if isinstance(x, _Value):
        return x.reinterpreted(_INTEGERS[x.value.type])
    return x.view(np.int32 if x.dtype == np.float32 else np.int64)


def from_bits(n: Any) -> Any:
    """Return the float of these bits, the inverse of `bits`."""
    if isinstance(n, _Value):
        return n.reinterpreted(_FLOATS[n.value.type])
    return n.view(np.float32 if n.dtype == np.int32 else np.float64)


def select(condition: Any, chosen: Any, otherwise: Any) -> Any:
    """Return `chosen` or `otherwise`, both of which are computed; one may be a Python number."""
    if not isinstance(condition, _Value):
        return np.where(condition, chosen, otherwise)[()]
    typed = chosen if isinstance(chosen, _Value) else otherwise
    operands = (condition.value, typed._operand(chosen), typed._operand(otherwise))
    return _Value(typed.builder, typed.builder.select(*operands))


def _sign_bit(pattern: Any) -> int:
    kind = pattern.value.type if isinstance(pattern, _Value) else pattern.dtype
    return -1 << (31 if kind in (ir.IntType(32), np.int32) else 63)


def magnitude(x: Any) -> Any:
    """Return |x|."""
    # Not LLVM's fabs: a call takes on the kernel's flags, and with `nsz` zeros may lose their sign.
    pattern = bits(x)
    return from_bits(pattern & ~_sign_bit(pattern))


def with_sign(x: Any, sign: Any) -> Any:
    """Return |x| with the sign bit of `sign`."""
    pattern = bits(sign)
    return from_bits(bits(magnitude(x)) | (pattern & _sign_bit(pattern)))


def inlined(single: Any, double: Any) -> Callable[[Callable[..., Any]], Callable[..., Any]]:
    """Make a function of one float from a formula of a float and constants of its format.

    Args:
        single: passed to the formula with a float32.
        double: passed to the formula with a float64.

    Returns:
        A decorator. Its function takes a float32 or float64, a scalar in kernels and also an array
        in Python, and returns the same dtype.
    """

    def decorate(formula: Callable[..., Any]) -> Callable[..., Any]:
        def function(z: Any) -> Any:
            z = np.asarray(z)[()]
            with np.errstate(all="ignore"):
                return formula(z, single if z.dtype == np.float32 else double)

        def typed(_context: Any) -> Callable[[Any], Any]:
            return lambda z: z if z in (types.float32, types.float64) else None

        def lowered(_context: Any, builder: ir.IRBuilder, signature: Any, operands: Any) -> Any:
            of_format = single if signature.args[0] == types.float32 else double
            return formula(_Value(builder, operands[0]), of_format).value

        function.__name__, function.__doc__ = formula.__name__, formula.__doc__
        function.__module__, function.__qualname__ = formula.__module__, formula.__qualname__
        type_callable(function)(typed)
        lower_builtin(function, types.Float)(lowered)  # type: ignore[no-untyped-call]
        return function

    return decorate
