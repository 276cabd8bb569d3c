"""Programs of trainings that have ended, kept for the next training of the same description.

Compiling chooses a plan and allocates, which takes longer than a small training itself.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np

from samplewise.contract import Backend, ManyProgram, PlanSpec, Program, Workload
from samplewise.locks import new_lock
from samplewise.network import Loss, Network, Optimizer
from samplewise.network.custom import CUSTOM_ACTIVATIONS
from samplewise.threads import threads_of_many

MOST_PROGRAMS, MOST_BYTES = 8, 2**24


class IdlePrograms:
    """A few programs that no training uses; each is taken out by one training at a time.

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

    None where a program is not kept: it is of any workload, its buffers are large, or a custom
    activation is known by its name alone, which may be registered anew.
    """
    if workload is None:
        return None
    numbers = sum(_numbers_of(network, workload.batch_size) for network in networks)
    activations = {layer.activation for network in networks for layer in network.layers}
    if numbers * dtype.itemsize > MOST_BYTES or activations & CUSTOM_ACTIVATIONS.names:
        return None
    work = vars(workload)
    # Its only use is to foresee an overflow; other rows of the same size differ in it.
    if workload.overflow_of_products(networks[0].inputs, dtype) is None:
        work = work | {"largest_input": 0.0}
    split = threads_of_many() if len(networks) > 1 else 1
    parts = tuple(networks), loss, tuple(optimizers), dtype, tuple(work.values()), recorded
    return id(backend), split, *parts


def _numbers_of(network: Network, batch_size: int) -> int:
    units = sum(map(math.prod, network.shapes))
    return 3 * network.layout.size + 4 * units * batch_size


def keep(key: Hashable, backend: Backend, program: Program | ManyProgram) -> None:
    """Keep a program after its training where it is small and can forget."""
    plan = program.plan
    if plan.memory_bytes > MOST_BYTES:
        return
    forget = getattr(program, "forget", None)
    if forget is not None and forget() is True:
        IDLE.give(key, backend, program)
