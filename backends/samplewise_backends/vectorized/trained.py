"""The parameters that a step changes: runs of the flat vectors, frozen layers left out."""

from __future__ import annotations

from typing import Any

from samplewise.contract import TrainingState
from samplewise.network import Network, Optimizer, aligned_zeros
from samplewise_backends.vectorized.arrays import DType, Vector
from samplewise_backends.vectorized.optimizers import Update, update_of
from samplewise_backends.vectorized.penalties import limits_of

# An update, and its part of parameters, slots and gradient.
Part = tuple[Update[Any], Vector, Vector, Vector]


class TrainedParameters:
    """The steps of an optimizer in all trained tensors from `start` on.

    Args:
        start: offset of the first tensor that a step updates.
    """

    def __init__(self, optimizer: Optimizer, network: Network, dtype: DType, start: int) -> None:
        self._slots, self._start = optimizer.slots, start
        self._limits = limits_of(optimizer)
        self._scratch = aligned_zeros(network.layout.size - start if self._limits else 0, dtype)
        runs = [slice(max(run.start, start), run.stop) for run in network.trained]
        self._updates = [
            (run, update_of(optimizer, network, dtype, run)) for run in runs if run.start < run.stop
        ]

    def parts(self, state: TrainingState, gradient: Vector) -> list[Part]:
        """Return the views that the steps of a call work on; gradient: (P,), 0 where frozen."""
        slots = state.optimizer_state.reshape(self._slots, -1 if self._slots else 0)
        return [
            (update, state.parameters[run], _as_one(slots[:, run]), gradient[run])
            for run, update in self._updates
        ]

    def factor(self, learning_rate: float, rows: int) -> float:
        """Return the factor of a batch's summed gradient that `step` expects."""
        return next((update.factor(learning_rate, rows) for _, update in self._updates), 1.0)

    def penalty(self, parts: list[Part], l2: float) -> float:
        """Return l2/2 |W|^2 of the trained weights that penalties shrink."""
        return sum(update.penalty(theta, l2) for update, theta, *_ in parts)

    def step(
        self, parts: list[Part], gradient: Vector, learning_rate: float, t: int, l2: float
    ) -> None:
        """Make step t, from 1, along the gradient (P,), summed and times `factor`; it is used up.

        `l2` is the penalty of this step alone, beside the optimizer's own.
        """
        for limit, largest in self._limits:
            limit(gradient[self._start :], largest, self._scratch)
        for update, theta, state, g in parts:
            update.step(theta, state, g, learning_rate, t, l2)

    def flush(self, parts: list[Part], step: int) -> None:
        """Flush parameters and slots, where a flush follows the step of this number."""
        for update, theta, state, _ in parts:
            if step % update.flush_interval == 0:
                update.flush(theta, state)


def _as_one(slots: Vector) -> Vector:
    """Return a single slot as a vector."""
    return slots[0] if len(slots) == 1 else slots
