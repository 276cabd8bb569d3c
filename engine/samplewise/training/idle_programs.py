"""Programs of trainings that have ended, kept for the next training of the same description.

Compiling chooses a plan and allocates, which takes longer than a small training itself.
"""

from __future__ import annotations

import math
import threading
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from samplewise.contract import Backend, PlanSpec, Program, Workload
from samplewise.network import Loss, Network, Optimizer
from samplewise.network.custom import CUSTOM_ACTIVATIONS

MOST_PROGRAMS, MOST_BYTES = 8, 2**24


class IdlePrograms:
    """A few programs that no training uses; each is taken out by one training at a time.

    Args:
        most: programs kept; the one that was idle longest goes first.
    """

    def __init__(self, most: int = MOST_PROGRAMS) -> None:
        self._most, self._lock = most, threading.Lock()
        # The backend is held, so that no other can come to have its id.
        self._idle: list[tuple[Hashable, Backend, Program]] = []

    def take(self, key: Hashable) -> Program | None:
        """Return a program of this description, which is the caller's from now on; or None."""
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index][0] == key:
                    return self._idle.pop(index)[2]
        return None

    def give(self, key: Hashable, backend: Backend, program: Program) -> None:
        """Keep a program that has forgotten its training."""
        with self._lock:
            self._idle.append((key, backend, program))
            del self._idle[: -self._most]

    def clear(self) -> None:
        """Drop all programs."""
        with self._lock:
            self._idle.clear()


IDLE = IdlePrograms()


def description(
    backend: Backend,
    networks: Sequence[Network],
    loss: Loss,
    optimizers: Sequence[Optimizer],
    dtype: np.dtype[Any],
    workload: Workload | None,
    recorded: PlanSpec | None,
) -> Hashable | None:
    """Return a key that is equal where the program of one session serves for the other.

    None where a program is not kept: it is of several networks or of any workload, its buffers are
    large, or a custom activation is known by its name alone, which may be registered anew.
    """
    if workload is None or len(networks) > 1:
        return None
    (network,), (optimizer,) = networks, optimizers
    units = sum(map(math.prod, network.shapes))
    if (3 * network.layout.size + 4 * units * workload.batch_size) * dtype.itemsize > MOST_BYTES:
        return None
    if not CUSTOM_ACTIVATIONS.names.isdisjoint(layer.activation for layer in network.layers):
        return None
    work = vars(workload)
    # Its only use is to foresee an overflow; other rows of the same size differ in it.
    if workload.overflow_of_products(network.inputs, dtype) is None:
        work = work | {"largest_input": 0.0}
    return id(backend), network, loss, optimizer, dtype, tuple(work.values()), recorded


def keep(key: Hashable, backend: Backend, program: Program) -> None:
    """Keep a program after its training where it is small and can forget."""
    plan = program.plan
    if not plan.in_place or plan.memory_bytes > MOST_BYTES:
        return
    forget = getattr(program, "forget", None)
    if forget is not None and forget() is True:
        IDLE.give(key, backend, program)
