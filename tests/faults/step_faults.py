"""Faults in following rates, L2 and weights, writing decisions and penalties, and forgetting."""

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


class _OneL2AWindow(FaultyReference):
    """Takes the first L2 for all steps."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        if steps.l2 is not None:
            steps = dataclasses.replace(steps, l2=np.full_like(steps.l2, steps.l2[0]))
        super().run_epoch(state, X, Y, steps, losses)


class _IgnoresL2OfSteps(FaultyReference):
    """Writes the penalties, and trains without them."""

    def penalised_in_step(self, parameters: Array, gradient: Array, l2: float) -> Array:
        return gradient


class _L2OfStepsOnBiases(FaultyReference):
    """Shrinks biases like weights."""

    def penalised_in_step(self, parameters: Array, gradient: Array, l2: float) -> Array:
        return gradient + l2 * parameters


class _PenaltyOfBiases(FaultyReference):
    """Counts biases in the penalties that it writes."""

    def penalty(self, parameters: Array, l2: float) -> float:
        return float(l2 / 2 * (parameters @ parameters))


class _PenaltyAfterTheStep(FaultyReference):
    """Writes the penalty of the weights that a step leaves."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        if steps.penalties is not None:
            steps.penalties[0] = self.penalty(state.parameters, steps.step_l2(0))


class _PenaltyInLosses(FaultyReference):
    """Adds the penalty of a step to its losses."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        if steps.penalties is not None:
            losses += steps.penalties[0]


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
_PENALISED = frozenset({"epoch", "many"})

# name -> (program, the rungs that reject it; all others accept it).
STEP_FAULTS: dict[str, tuple[type[FaultyReference], frozenset[str]]] = {
    "one_rate_a_window": (_OneRateAWindow, frozenset({"contract", "epoch", "many"})),
    "ignores_weights": (_IgnoresWeights, _WEIGHTED),
    "weights_by_position": (_WeightsByPosition, _WEIGHTED),
    "divides_by_weights": (_DividesByWeights, _WEIGHTED),
    "weighs_losses": (_WeighsLosses, _WEIGHTED),
    "one_l2_a_window": (_OneL2AWindow, _PENALISED | {"contract"}),
    "ignores_l2_of_steps": (_IgnoresL2OfSteps, _PENALISED),
    "l2_of_steps_on_biases": (_L2OfStepsOnBiases, _PENALISED),
    "penalty_of_biases": (_PenaltyOfBiases, _PENALISED | {"contract"}),
    "penalty_after_the_step": (_PenaltyAfterTheStep, _PENALISED | {"contract"}),
    "penalty_in_losses": (_PenaltyInLosses, _PENALISED),
    "decides_by_the_wrong_end": (_DecidesByTheWrongEnd, frozenset({"contract"})),
    "decides_after_the_epoch": (_DecidesAfterTheEpoch, frozenset({"contract"})),
    "decides_by_row": (_DecidesByRow, frozenset({"contract"})),
    "remembers_what_it_forgot": (_RemembersWhatItForgot, frozenset({"contract"})),
    "forgets_decisions": (_ForgetsDecisions, frozenset({"contract"})),
}
