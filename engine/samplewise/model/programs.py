"""Programs that predict, and programs that nobody uses, kept for the next use of the same kind."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, ManyProgram, Program
from samplewise.locks import new_lock
from samplewise.network import SGD, Loss, Network
from samplewise.network.custom import CUSTOM_ACTIVATIONS

MOST_PROGRAMS = 8
# A program that predicts is kept where the outputs of so many rows take no more bytes.
PREDICTED_AT_ONCE, MOST_BYTES = 256, 2**22


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
        """Keep a program where it can forget all arrays that it was given."""
        forget = getattr(program, "forget", None)
        if forget is None or forget() is not True:
            return
        with self._lock:
            self._idle.append((key, backend, program))
            del self._idle[:-MOST_PROGRAMS]

    def clear(self) -> None:
        """Drop all programs."""
        with self._lock:
            self._idle.clear()


PREDICTING = IdlePrograms()


def predicting_program(
    network: Network, loss: Loss, parameters: NDArray[Any], backend: str | None
) -> Program:
    """Return a program that predicts with parameters of this dtype.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """
    return _found(network, loss, parameters, backend)[2]


@contextmanager
def lent_program(
    network: Network, loss: Loss, parameters: NDArray[Any], backend: str | None
) -> Iterator[Program]:
    """Lend a program for one call, as `predicting_program`; then the next one may have it.

    To compile one takes longer than to predict some hundred rows.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """
    found, key, program = _found(network, loss, parameters, backend)
    yield program
    if _may_be_kept(network, parameters.dtype):
        PREDICTING.give(key, found, program)


def _found(
    network: Network, loss: Loss, parameters: NDArray[Any], backend: str | None
) -> tuple[Backend, Hashable, Program]:
    """Return a backend, the key of its programs of this kind, and one of them."""
    settings = network, loss, SGD(), parameters.dtype
    found = registry.resolve(backend, *settings).backend
    key = id(found), network, loss, parameters.dtype
    return found, key, cast("Program | None", PREDICTING.take(key)) or found.compile(*settings)


def _may_be_kept(network: Network, dtype: np.dtype[Any]) -> bool:
    """Return True if buffers are small, and no activation may be registered anew by its name."""
    units = sum(map(math.prod, network.shapes))
    activations = {layer.activation for layer in network.layers}
    small = PREDICTED_AT_ONCE * units * dtype.itemsize <= MOST_BYTES
    return small and not activations & CUSTOM_ACTIVATIONS.names
