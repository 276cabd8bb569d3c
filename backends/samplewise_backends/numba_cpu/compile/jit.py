"""The one place that decides how kernels are compiled."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast

import numba
from numba import types
from numba.core import ccallback

from samplewise_backends.numba_cpu.compile.kernel_cache import keep_on_disk
from samplewise_backends.numba_cpu.compile.record import Record

# Lets sums be reordered, so that they vectorise, and products be fused into them. `nnan` and
# `ninf` stay out: with them, numba folds isnan and isfinite to constants.
REORDERED = frozenset({"reassoc", "contract", "arcp", "nsz"})
# Lets a product be fused into a sum, which rounds once instead of twice.
FUSED = frozenset({"contract"})


def _options(flags: frozenset[str]) -> dict[str, Any]:
    return {"nogil": True, "error_model": "numpy", "fastmath": set(flags) or False}


def entry_point(function: Callable[..., Any]) -> Any:
    """Compile on first call from Python, with products fused into sums, and keep it on disk."""
    dispatcher = numba.njit(**_options(FUSED))(function)
    if not cast(Any, numba.config).DISABLE_JIT:
        keep_on_disk(dispatcher, function)
    return dispatcher


INTEGER = types.intp
INTEGERS = types.CPointer(types.int64)  # type: ignore[no-untyped-call]
NUMBER, NUMBERS = "number", "numbers"
"""Kinds of a routine's arguments: integer, int64 pointer, number of its dtype, pointer to these."""


class Routine:
    """A kernel that others call by its address, so that it is compiled once and not in each.

    Args:
        function: returns nothing.
        kinds: of its arguments; one record, which is passed by its address, or several others.
    """

    def __init__(self, function: Callable[..., None], kinds: tuple[Any, ...]) -> None:
        self._function, self._kinds = function, kinds
        self._compiled: dict[str, Any] = {}

    @property
    def record(self) -> Record:
        """The fields of its one argument."""
        (record,) = self._kinds
        return record

    def address(self, dtype: str) -> int:
        """Return the address of a dtype's routine in this process; compile it if need be."""
        if dtype not in self._compiled:
            # numba.cfunc(cache=True) would choose the folder and the class of the cache.
            callback: Any = ccallback.CFunc
            signature = self._arguments(dtype), types.void
            compiled = callback(self._function, signature, {}, _options(FUSED))
            keep_on_disk(compiled, self._function)
            compiled.compile()
            self._compiled[dtype] = compiled
        return int(self._compiled[dtype].address)

    def _arguments(self, dtype: str) -> tuple[Any, ...]:
        number = getattr(types, dtype)
        if isinstance(self._kinds[0], Record):
            return (numba.from_dtype(self.record.of(dtype)),)
        kinds = {NUMBER: number, NUMBERS: types.CPointer(number)}  # type: ignore[no-untyped-call]
        return tuple(kinds.get(kind, kind) for kind in self._kinds)


def routine(*kinds: Any) -> Callable[[Callable[..., None]], Routine]:
    """Compile on the first question for the address, as `entry_point`, for kernels to call."""
    return lambda function: Routine(function, kinds)


def _inner(function: Callable[..., Any], flags: frozenset[str], **options: Any) -> Any:
    # Without the wrappers for Python and C that nobody calls, and without a cache of its own: a
    # sixth of the time of a first compile. The trap: called from Python, such a kernel crashes.
    unwrapped: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(**_options(flags), **unwrapped, **options)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile for other kernels to call, in strict IEEE arithmetic."""
    return _inner(function, frozenset())


def reordered_kernel(function: Callable[..., Any]) -> Any:
    """Compile as `kernel`, but let sums be reordered: for inner products only.

    Measured on a dot product of 4096 float64: 1.2 us against 3.0 us in strict order.
    """
    return _inner(function, REORDERED)


def inlined_kernel(function: Callable[..., Any]) -> Any:
    """Compile into each caller, with products fused into sums and nothing else reordered.

    An array is seven arguments of machine code, so a call with ten of them costs more than a
    small layer: inlining the layers was measured to take a third off a step of 784-10-1.
    """
    return _inner(function, FUSED, forceinline=True)


def spliced_kernel(function: Callable[..., Any]) -> Any:
    """Copy the source into each caller, which compiles it with its own flags.

    For long functions with few callers: numba optimises a function once for itself and once more
    in everything that calls it. A quarter of the time of a first compile. Such a function takes no
    `*arguments`.
    """
    return _inner(function, FUSED, inline="always")
