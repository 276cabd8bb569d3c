"""Calls of routines from Python: prepared once, then a fraction of a microsecond each."""

from __future__ import annotations

import ctypes
from typing import Protocol

from numpy.typing import DTypeLike

from samplewise_backends.numba_cpu.compile.record import Addressable, Record, Struct

# Without the interpreter's lock while the routine runs: networks train on several threads.
_PROTOTYPE = ctypes.CFUNCTYPE(None, ctypes.c_void_p)


class RecordRoutine(Addressable, Protocol):
    """A routine whose argument is a record."""

    @property
    def record(self) -> Record:
        """The fields of its argument."""
        ...


class Call(Struct):
    """A call of a routine: its record, and the routine's address.

    Args:
        routine: to call.
        dtype: of its numbers.
    """

    def __init__(self, routine: RecordRoutine, dtype: DTypeLike) -> None:
        super().__init__(routine.record, dtype)
        self._function = _PROTOTYPE(routine.address(self.dtype.name))
        self._pointer = ctypes.c_void_p(self.address)

    def __call__(self) -> None:
        """Run the routine on the record as it is now."""
        self._function(self._pointer)
