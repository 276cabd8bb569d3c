"""Faults in following rates of steps and weights of rows, writing decisions, and forgetting."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faults.faulty_reference import FaultyReference
from samplewise.contract import Steps, TrainingState

Array = NDArray[Any]


class _OneRateAWindow(FaultyReference):
    """Takes the first rate for all steps."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        super().run_epoch(state, X, Y, dataclasses.replace(steps, rates=None), losses)


class _IgnoresWeights(FaultyReference):
    """Counts every row as 1."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        super().run_epoch(state, X, Y, dataclasses.replace(steps, weights=None), losses)


class _WeightsByPosition(FaultyReference):
    """Takes weights in the order of the epoch, not by row."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        if steps.weights is not None:
            by_row = np.empty_like(steps.weights)
            by_row[steps.order] = steps.weights
            steps = dataclasses.replace(steps, weights=by_row)
        super().run_epoch(state, X, Y, steps, losses)


class _DividesByWeights(FaultyReference):
    """Takes the weighted mean over the batch."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        if steps.weights is not None:
            steps = dataclasses.replace(steps, weights=steps.weights / steps.weights.mean())
        super().step(state, X, Y, steps, losses)


class _WeighsLosses(FaultyReference):
    """Multiplies the recorded losses by the weights."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        if steps.weights is not None:
            losses *= steps.weights


class _DecidesByTheWrongEnd(FaultyReference):
    """Decides for the smallest logit."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        if steps.decisions is not None:
            logits = self.predict(state.parameters, X)
            decided = logits.argmin(axis=1) if logits.shape[1] > 1 else logits[:, 0] <= 0
            steps.decisions[:] = decided


class _DecidesAfterTheEpoch(FaultyReference):
    """Decides by the weights that the epoch ends with."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        super().run_epoch(state, X, Y, steps, losses)
        if steps.decisions is not None:
            window = steps.order[steps.start : steps.stop]
            logits = self.predict(state.parameters, X[window])
            decided = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
            steps.decisions[steps.start : steps.stop] = decided


class _DecidesByRow(FaultyReference):
    """Writes decisions by row, not by position."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        super().run_epoch(state, X, Y, steps, losses)
        if steps.decisions is not None:
            by_position = steps.decisions.copy()
            steps.decisions[steps.order] = by_position


class _ForgetsDecisions(FaultyReference):
    """Leaves decisions as they are."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        super().run_epoch(state, X, Y, dataclasses.replace(steps, decisions=None), losses)


class _RemembersWhatItForgot(FaultyReference):
    """Says that it forgets a training, and makes smaller steps in every later one."""

    share = 1.0

    def forget(self) -> bool:
        self.share /= 2
        return True

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        super().update(state, gradient, learning_rate * min(2 * self.share, 1.0))


_WEIGHTED = frozenset({"contract", "epoch", "run", "many"})

# name -> (program, the rungs that reject it; all others accept it).
STEP_FAULTS: dict[str, tuple[type[FaultyReference], frozenset[str]]] = {
    "one_rate_a_window": (_OneRateAWindow, frozenset({"contract", "epoch", "many"})),
    "ignores_weights": (_IgnoresWeights, _WEIGHTED),
    "weights_by_position": (_WeightsByPosition, _WEIGHTED),
    "divides_by_weights": (_DividesByWeights, _WEIGHTED),
    "weighs_losses": (_WeighsLosses, _WEIGHTED),
    "decides_by_the_wrong_end": (_DecidesByTheWrongEnd, frozenset({"contract"})),
    "decides_after_the_epoch": (_DecidesAfterTheEpoch, frozenset({"contract"})),
    "decides_by_row": (_DecidesByRow, frozenset({"contract"})),
    "remembers_what_it_forgot": (_RemembersWhatItForgot, frozenset({"contract"})),
    "forgets_decisions": (_ForgetsDecisions, frozenset({"contract"})),
}
