"""Programs of trainings that have ended, kept for the next training with the same key.

Compiling chooses a plan and allocates, which takes longer than a small training itself.
"""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samplewise.contract import Backend, ManyProgram, PlanSpec, Program, Workload
from samplewise.locks import new_lock
from samplewise.network import Loss, Network, Optimizer
from samplewise.network.custom import CUSTOM_ACTIVATIONS
from samplewise.threads import threads_of_many

MOST_PROGRAMS = 8
MOST_BYTES = 2**26
"""Bytes that all idle programs hold at most, as they are estimated; really, a third of that.

Three convolutions of 32 x 32 images over 64 rows (16 filters, 32 filters, 32 in float32), estimated
at 28, 53 and 27 MiB, held 10, 19 and 8; to compile them anew took 9 of 16, 6 of 22 and 2 of 10 ms.
"""


@dataclass(frozen=True)
class ProgramKey:
    """The key of an idle program: it serves every session that has an equal one.

    Args:
        parts: all that compiling depends on.
        buffers: estimated bytes of its buffers, without those of its plan.
    """

    parts: tuple[Hashable, ...]
    buffers: int = field(default=0, compare=False)


class IdlePrograms:
    """A few programs that no training uses; each is taken out by one training at a time.

    Of more than `MOST_PROGRAMS` or `MOST_BYTES`, the ones that were idle longest go first.
    """

    def __init__(self) -> None:
        self._lock = new_lock()
        # The backend is held, so that no other can come to have its id.
        self._idle: list[tuple[ProgramKey, Backend, Program | ManyProgram]] = []

    def take(self, key: ProgramKey) -> Program | ManyProgram | None:
        """Return a program with this key, which is the caller's from now on; or None."""
        with self._lock:
            for index in reversed(range(len(self._idle))):
                if self._idle[index][0] == key:
                    return self._idle.pop(index)[2]
        return None

    def give(self, key: ProgramKey, backend: Backend, program: Program | ManyProgram) -> None:
        """Keep a program that has forgotten its training."""
        with self._lock:
            self._idle.append((key, backend, program))
            del self._idle[:-MOST_PROGRAMS]
            sizes = [_bytes_of(own, other) for own, _, other in self._idle]
            while sum(sizes) > MOST_BYTES:
                del sizes[0], self._idle[0]

    def clear(self) -> None:
        """Drop all programs."""
        with self._lock:
            self._idle.clear()


IDLE = IdlePrograms()


def program_key(
    backend: Backend,
    networks: Sequence[Network],
    loss: Loss,
    optimizers: Sequence[Optimizer],
    dtype: np.dtype[Any],
    workload: Workload | None,
    recorded: PlanSpec | None,
) -> ProgramKey | None:
    """Return a key that is equal where the program of one session serves for the other.

    None where a program is not kept: it is of any workload, its buffers are large, or a custom
    activation is known by its name alone, which may be registered anew.
    """
    if workload is None:
        return None
    numbers = sum(_numbers_of(network, workload.batch_size) for network in networks)
    buffers = numbers * dtype.itemsize
    activations = {layer.activation for network in networks for layer in network.layers}
    if buffers > MOST_BYTES or activations & CUSTOM_ACTIVATIONS.names:
        return None
    work = vars(workload)
    # Its only use is to foresee an overflow; other rows of the same size differ in it.
    if workload.overflow_of_products(networks[0].inputs, dtype) is None:
        work = work | {"largest_input": 0.0}
    split = threads_of_many() if len(networks) > 1 else 1
    parts = tuple(networks), loss, tuple(optimizers), dtype, tuple(work.values()), recorded
    return ProgramKey((id(backend), split, *parts), buffers)


def _numbers_of(network: Network, batch_size: int) -> int:
    units = sum(map(math.prod, network.shapes))
    return 3 * network.layout.size + 4 * units * batch_size


def _bytes_of(key: ProgramKey, program: Program | ManyProgram) -> int:
    return key.buffers + program.plan.memory_bytes


def keep(key: ProgramKey, backend: Backend, program: Program | ManyProgram) -> None:
    """Keep a program after its training where it is small and can forget."""
    if _bytes_of(key, program) > MOST_BYTES:
        return
    forget = getattr(program, "forget", None)
    if forget is not None and forget() is True:
        IDLE.give(key, backend, program)
