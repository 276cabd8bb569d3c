"""Calls of routines from Python: prepared once, then a fraction of a microsecond each."""

from __future__ import annotations

import ctypes
from collections.abc import Callable
from functools import partial
from typing import Any, Self

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
    """A call of a routine: its record, and the routine's address; or several such calls.

    Args:
        routine: to call.
        dtype: of its numbers.
    """

    # It holds the arrays whose addresses the fields of a repeated call have.
    like: Call | None = None

    def __init__(self, routine: Routine, dtype: DTypeLike) -> None:
        super().__init__(routine.record, dtype)
        self._function: Any = routine
        if not compiles_nothing():
            self._function = _PROTOTYPE(routine.address(self.dtype.name))
        self._arguments = self._arguments_of_records()

    def repeated(self, count: int) -> Self:
        """Return so many calls with the settled fields of this one, in a tenth of the time.

        They have the same buffers: none may run while another one does.
        """
        made = super().repeated(count)
        made._function = self._function
        made._arguments = made._arguments_of_records()
        made.like = self
        return made

    def _arguments_of_records(self) -> list[Any]:
        if isinstance(self._function, Routine):
            return [fields_of(self.record, one) for one in self.memory]
        first, size = self.address, self.memory.dtype.itemsize
        return [ctypes.c_void_p(first + size * k) for k in range(len(self.memory))]

    def prepared(self) -> Callable[[], object]:
        """Return a function that calls without a look at the outcome, at two thirds of the cost.

        Where numba's settings ask for checks of indices, it is this call itself.
        """
        # Made while nothing was compiled, it stays in Python, whatever the settings are now.
        in_python = isinstance(self._function, Routine)
        if in_python or code_settings()["BOUNDSCHECK"] != CODE_SETTINGS["BOUNDSCHECK"]:
            return self
        argument = ctypes.c_void_p(self.address)
        # The record lives as long as the function that is called with its address.
        argument.record = self  # type: ignore[attr-defined]
        return partial(self._function, argument)

    def __call__(self, index: int = 0) -> None:
        """Run the routine on the record as it is now; of several, on one of them.

        Raises:
            IndexError: an index was out of bounds, where numba's settings ask for such checks.
        """
        if self._function(self._arguments[index]):
            raise IndexError(f"kernel of {self.record.name}: an index is out of bounds")
