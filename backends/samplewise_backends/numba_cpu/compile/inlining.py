"""Formulas of one float that become instructions inside the kernel that calls them.

A formula is plain Python over arithmetic operators and the functions below. Called with NumPy's
numbers it computes. Named in a kernel, it is run once while the kernel is compiled, on values that
write an instruction for each operator: nothing is left to inline, so loops around it vectorise, and
numba's own passes, about 60 ms a function, are not run. `lowering_formulas` writes them.

The instructions carry their own flag, `contract`: products may be fused into sums. numba adds a
kernel's flags only to instructions without any, so a caller that reorders its sums does not reorder
these. (An `overload` or `register_jitable` would: it is compiled once, with the flags of whichever
kernel calls it first.)
"""

from __future__ import annotations

import functools
from abc import ABC, abstractmethod
from collections.abc import Callable
from typing import Any

import numpy as np


class Traced(ABC):
    """A number that is known when the kernel runs; operators write instructions."""

    size_in_bits: int

    @abstractmethod
    def as_integer(self) -> Traced:
        """Return the bits of a float as an integer of its size."""

    @abstractmethod
    def as_float(self) -> Traced:
        """Return the float of these bits."""

    @abstractmethod
    def choose(self, chosen: Any, otherwise: Any) -> Traced:
        """Return one or the other, by this condition."""

    @abstractmethod
    def is_nan(self) -> Traced:
        """Return the condition that this is not a number."""


def bits(x: Any) -> Any:
    """Return the bits of a float as an integer of its size."""
    if isinstance(x, Traced):
        return x.as_integer()
    return x.view(np.int32 if x.dtype == np.float32 else np.int64)


def from_bits(n: Any) -> Any:
    """Return the float of these bits, the inverse of `bits`."""
    if isinstance(n, Traced):
        return n.as_float()
    return n.view(np.float32 if n.dtype == np.int32 else np.float64)


def select(condition: Any, chosen: Any, otherwise: Any) -> Any:
    """Return `chosen` or `otherwise`, both of which are computed; one may be a Python number."""
    if isinstance(condition, Traced):
        return condition.choose(chosen, otherwise)
    return np.where(condition, chosen, otherwise)[()]


def is_nan(x: Any) -> Any:
    """Return the condition that x is not a number."""
    return x.is_nan() if isinstance(x, Traced) else np.isnan(x)


def _sign_bit(pattern: Any) -> int:
    size = pattern.size_in_bits if isinstance(pattern, Traced) else 8 * pattern.dtype.itemsize
    return -1 << (size - 1)


def magnitude(x: Any) -> Any:
    """Return |x|."""
    # Not LLVM's fabs: a call takes on the kernel's flags, and with `nsz` zeros may lose their sign.
    pattern = bits(x)
    return from_bits(pattern & ~_sign_bit(pattern))


def with_sign(x: Any, sign: Any) -> Any:
    """Return |x| with the sign bit of `sign`."""
    pattern = bits(sign)
    return from_bits(bits(magnitude(x)) | (pattern & _sign_bit(pattern)))


class Formula:
    """A function of a float32 or float64, of the same dtype: a scalar in kernels, in Python any.

    In vector kernels, a vector.

    Args:
        formula: of a float and constants of its format.
        single: passed to the formula with a float32.
        double: passed to the formula with a float64.
    """

    def __init__(self, formula: Callable[..., Any], single: Any, double: Any) -> None:
        self.formula, self.single, self.double = formula, single, double
        functools.update_wrapper(self, formula)

    def __call__(self, z: Any) -> Any:
        """Write instructions, or compute with NumPy."""
        if isinstance(z, Traced):
            return self.formula(z, self.single if bits(z).size_in_bits == 32 else self.double)
        z = np.asarray(z)[()]
        with np.errstate(all="ignore"):
            return self.formula(z, self.single if z.dtype == np.float32 else self.double)


def inlined(single: Any, double: Any) -> Callable[[Callable[..., Any]], Formula]:
    """Make a function of one float from a formula of a float and constants of its format."""
    return lambda formula: Formula(formula, single, double)
