"""Calls of routines from Python: prepared once, then a fraction of a microsecond each."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any

from numpy.typing import DTypeLike

from samplewise_backends.numba_cpu.compile.fields import fields_of
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.compile.settings import (
    CODE_SETTINGS,
    code_settings,
    compiles_nothing,
)

# Without the interpreter's lock while the routine runs: networks train on several threads.
_PROTOTYPE = ctypes.CFUNCTYPE(ctypes.c_int32, ctypes.c_void_p)


class Call(Struct):
    """A call of a routine: its record, and the routine's address.

    Args:
        routine: to call.
        dtype: of its numbers.
    """

    def __init__(self, routine: Routine, dtype: DTypeLike) -> None:
        super().__init__(routine.record, dtype)
        self._function: Any = routine
        self._argument: Any = fields_of(routine.record, self.memory[0])
        if not compiles_nothing():
            self._function = _PROTOTYPE(routine.address(self.dtype.name))
            self._argument = ctypes.c_void_p(self.address)

    def prepared(self) -> Callable[[], object]:
        """Return a function that calls without a look at the outcome, at two thirds of the cost.

        Where numba's settings ask for checks of indices, it is this call itself.
        """
        if compiles_nothing() or code_settings()["BOUNDSCHECK"] != CODE_SETTINGS["BOUNDSCHECK"]:
            return self
        argument = ctypes.c_void_p(self.address)
        # The record lives as long as the function that is called with its address.
        argument.record = self  # type: ignore[attr-defined]
        return partial(self._function, argument)

    def __call__(self) -> None:
        """Run the routine on the record as it is now.

        Raises:
            IndexError: an index was out of bounds, where numba's settings ask for such checks.
        """
        if self._function(self._argument):
            raise IndexError(f"kernel of {self.record.name}: an index is out of bounds")
