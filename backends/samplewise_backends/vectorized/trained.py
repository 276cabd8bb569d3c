"""The parameters that a step changes: runs of the flat vectors, frozen layers left out."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samplewise.contract import TrainingState
from samplewise.network import Network, Optimizer, aligned_zeros
from samplewise_backends.vectorized.arrays import DType, Vector
from samplewise_backends.vectorized.flush import Flush, flush_interval
from samplewise_backends.vectorized.optimizers import UPDATES, custom_update, fading, sgd
from samplewise_backends.vectorized.penalties import LIMITS, PENALTIES, in_use, l2


@dataclass(frozen=True, eq=False)
class Views:
    """The views that the steps of a call work on.

    Args:
        gradient: of all tensors that a step may update, 0 where frozen.
        weights: those that penalties shrink, with their gradients and scratch.
        runs: parameters, state, gradient and scratch of trained tensors, one beside the other.
    """

    gradient: Vector
    weights: list[tuple[Vector, Vector, Vector]]
    runs: list[tuple[Vector, Vector, Vector, Vector]]


class TrainedParameters:
    """The steps of an optimizer in all trained tensors from `start` on.

    Args:
        start: offset of the first tensor that a step updates.

    Attributes:
        flush_interval: steps from one flush to the next.
    """

    def __init__(self, optimizer: Optimizer, network: Network, dtype: DType, start: int) -> None:
        self._optimizer, self._start = optimizer, start
        self._update = UPDATES.get(optimizer.variant, custom_update)
        # Nothing but the update needs the gradient, so the rate can be part of it.
        self._simple = self._update is sgd and optimizer.is_linear
        self._limits = in_use(LIMITS, optimizer)
        self._penalties = in_use(PENALTIES, optimizer)
        self._shrinks = not {"l2", "weight_decay"}.isdisjoint(optimizer.features)
        # Of the flat vectors from `start` on.
        self._runs = [
            slice(max(run.start - start, 0), run.stop - start)
            for run in network.trained
            if run.stop > start
        ]
        self._weights = [
            slice(slot.offset - start, slot.offset - start + slot.size)
            for slot in network.weights
            if slot.offset >= start
        ]
        self._scratch = aligned_zeros(network.layout.size - start, dtype)
        self._flush = Flush(len(self._scratch), dtype)
        self._fading = fading(optimizer)
        self.flush_interval = flush_interval(self._fading or 0.0)

    def views(self, state: TrainingState, gradient: Vector) -> Views:
        """Return the views for a call; gradient: (P,), 0 where frozen."""
        count = self._optimizer.slots
        slots = state.optimizer_state.reshape(count, -1 if count else 0)[:, self._start :]
        theta, g, scratch = state.parameters[self._start :], gradient[self._start :], self._scratch
        # A single slot is a vector.
        v = slots[0] if count == 1 else slots
        return Views(
            g,
            [(theta[part], g[part], scratch[part]) for part in self._weights],
            [(theta[run], v[..., run], g[run], scratch[run]) for run in self._runs],
        )

    def factor(self, learning_rate: float, rows: int) -> float:
        """Return the factor of a batch's summed gradient that `step` expects.

        Where nothing else needs the gradient, the rate is part of it: the entries of dZ are few,
        the parameters many.
        """
        return (learning_rate if self._simple else 1.0) / rows

    def penalty(self, views: Views, l2: float) -> float:
        """Return l2/2 |W|^2 of the weights that penalties shrink; squares are summed in float64."""
        total = 0.0
        for W, _, scratch in views.weights:
            total += float(np.add.reduce(np.multiply(W, W, out=scratch), dtype=np.float64))
        return l2 / 2 * total

    def step(self, views: Views, learning_rate: float, t: int, step_l2: float) -> None:
        """Make step t, from 1, along the gradient, summed and times `factor`; it is used up.

        `step_l2` is the penalty of this step alone, beside the optimizer's own.
        """
        for limit, largest in self._limits:
            limit(views.gradient, largest, self._scratch)
        self._shrinks = self._shrinks or step_l2 > 0
        for weights in views.weights:
            self._penalise(*weights, learning_rate, step_l2)
        for theta, state, g, scratch in views.runs:
            if self._simple:
                theta -= g
            else:
                self._update(theta, state, g, learning_rate, t, self._optimizer, scratch)

    def _penalise(
        self, W: Vector, g: Vector, scratch: Vector, learning_rate: float, step_l2: float
    ) -> None:
        if self._simple:
            factor = self._optimizer.l2 + step_l2
            if factor:
                l2(W, g, factor * learning_rate, learning_rate, scratch)
            return
        if step_l2:
            l2(W, g, step_l2, learning_rate, scratch)
        for penalty, factor in self._penalties:
            penalty(W, g, factor, learning_rate, scratch)

    def flush(self, views: Views) -> None:
        """Flush the state if it fades, and the weights if penalties shrink them."""
        for theta, state, _, _ in views.runs:
            if self._shrinks:
                self._flush(theta)
            if self._fading is not None:
                for slot in np.atleast_2d(state):
                    self._flush(slot)
