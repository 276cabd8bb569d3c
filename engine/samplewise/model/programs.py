"""Programs that predict, and programs that nobody uses, kept for the next use of the same kind."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, ManyProgram, Program
from samplewise.locks import new_lock
from samplewise.network import SGD, Loss, Network

MOST_PROGRAMS = 8


class IdlePrograms:
    """A few programs that nobody uses; each is taken out by one training or model at a time.

    Of more than `MOST_PROGRAMS`, the one that was idle longest goes first.
    """

    def __init__(self) -> None:
        self._lock = new_lock()
        # The backend is held, so that no other can come to have its id.
        self._idle: list[tuple[Hashable, Backend, Program | ManyProgram]] = []

    def take(self, key: Hashable) -> Program | ManyProgram | None:
        """Return a program of this description, which is the caller's from now on; or None."""
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index][0] == key:
                    return self._idle.pop(index)[2]
        return None

    def give(self, key: Hashable, backend: Backend, program: Program | ManyProgram) -> None:
        """Keep a program that has forgotten its training."""
        with self._lock:
            self._idle.append((key, backend, program))
            del self._idle[:-MOST_PROGRAMS]

    def clear(self) -> None:
        """Drop all programs."""
        with self._lock:
            self._idle.clear()


def predicting_program(
    network: Network, loss: Loss, parameters: NDArray[Any], backend: str | None
) -> Program:
    """Return a program that predicts with parameters of this dtype.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """
    settings = network, loss, SGD(), parameters.dtype
    return registry.resolve(backend, *settings).backend.compile(*settings)
