"""The one place that decides how kernels are compiled.

A kernel is declared by a decorator and stays a Python function, which runs when it is called. The
compiler is loaded only where a routine has to be compiled.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import Any

import numpy as np

from samplewise_backends.numba_cpu.compile.record import Record
from samplewise_backends.numba_cpu.compile.settings import compiles_nothing

# Lets sums be reordered, so that they vectorise, and products be fused into them. `nnan` and
# `ninf` stay out: with them, numba folds isnan and isfinite to constants.
REORDERED = frozenset({"reassoc", "contract", "arcp", "nsz"})
# Lets a product be fused into a sum, which rounds once instead of twice.
FUSED = frozenset({"contract"})


class Kernel:
    """A function that compiled kernels call; called from Python, it runs in Python.

    Args:
        function: the body.
        flags: that LLVM may use on its arithmetic.
        options: of numba, beside the common ones.
    """

    def __init__(self, function: Callable[..., Any], flags: frozenset[str], **options: Any) -> None:
        self.py_func = function
        common = {"nogil": True, "error_model": "numpy", "fastmath": set(flags) or False}
        self.targetoptions: dict[str, Any] = {**common, **options}
        functools.update_wrapper(self, function)

    def __call__(self, *arguments: Any) -> Any:
        """Run the Python function."""
        # As in machine code, integers wrap and floats overflow without a word.
        with np.errstate(all="ignore"):
            return self.py_func(*arguments)


_numbered: list[Routine] = []


class Routine(Kernel):
    """A kernel that others call by its address, so that it is compiled once and not in each.

    Args:
        function: of a record, which it may write; it returns nothing.
        record: the fields of its argument.
    """

    def __init__(self, function: Callable[..., None], record: Record) -> None:
        super().__init__(function, FUSED)
        self.record = record
        _numbered.append(self)
        self._number = len(_numbered)

    @property
    def name(self) -> str:
        """Its name among all routines, also as a part of a file's name."""
        module = self.py_func.__module__.rpartition("numba_cpu.")[2]
        return f"{module}.{self.py_func.__qualname__}".replace("<locals>.", "")

    def address(self, dtype: str) -> int:
        """Return the address of a dtype's routine in this process; compile it if need be.

        Where nothing is compiled, it is a number that `routine_at` knows.
        """
        if compiles_nothing():
            return self._number
        from samplewise_backends.numba_cpu.compile.library import address

        return address(self, dtype)


def routine_at(address: int) -> Routine:
    """Return the routine that has a number instead of an address."""
    return _numbered[address - 1]


def routine(record: Record) -> Callable[[Callable[..., None]], Routine]:
    """Compile on the first question for the address, with products fused into sums."""
    return lambda function: Routine(function, record)


def kernel(function: Callable[..., Any]) -> Kernel:
    """Compile for other kernels to call, in strict IEEE arithmetic."""
    return Kernel(function, frozenset())


def reordered_kernel(function: Callable[..., Any]) -> Kernel:
    """Compile as `kernel`, but let sums be reordered: for inner products only.

    Measured on a dot product of 4096 float64: 1.2 us against 3.0 us in strict order.
    """
    return Kernel(function, REORDERED)


def inlined_kernel(function: Callable[..., Any]) -> Kernel:
    """Compile into each caller, with products fused into sums and nothing else reordered.

    For short functions, and for long ones with one or two callers: their machine code is written
    once for each call. Inlining the layers was measured to take a third off a step of 784-10-1.
    """
    return Kernel(function, FUSED, forceinline=True)
