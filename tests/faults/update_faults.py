"""Backends whose updates, velocities or several networks are deliberately wrong."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faults.faulty_reference import Call, DetachedReference, FaultyReference, OneByOne
from samplewise.contract import Program, Steps, TrainingState
from samplewise.network import SGD, Network

Array = NDArray[Any]


class _L2OnBiases(FaultyReference):
    """Penalises biases like weights."""

    def penalised(self, parameters: Array, gradient: Array) -> Array:
        return np.asarray(gradient + self.optimizer.l2 * parameters, dtype=gradient.dtype)


class _L2BesideVelocity(FaultyReference):
    """Shrinks the weights at each step, and leaves the penalty out of the velocity."""

    def penalised(self, parameters: Array, gradient: Array) -> Array:
        return gradient

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        shrunk = learning_rate * self.optimizer.l2 * self.with_biases_times(0, state.parameters)
        super().update(state, gradient, learning_rate)
        state.parameters -= shrunk


class _L2DividedByRows(FaultyReference):
    """Adds the penalty to the summed gradient, which is then divided by the rows."""

    rows = 1

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        self.rows = len(X)
        super().step(state, X, Y, steps, losses)

    def penalised(self, parameters: Array, gradient: Array) -> Array:
        return gradient + (super().penalised(parameters, gradient) - gradient) / self.rows


class _L2InGradients(FaultyReference):
    """Returns the penalty's gradient with that of the loss; weights of rows then count for both."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        loss, gradient = super().gradients(parameters, X, Y)
        return loss, super().penalised(parameters, gradient)

    def penalised(self, parameters: Array, gradient: Array) -> Array:
        return gradient


class _L2InLosses(FaultyReference):
    """Reports each loss with the penalty."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        weights = self.with_biases_times(0, state.parameters)
        super().step(state, X, Y, steps, losses)
        losses += self.optimizer.l2 / 2 * (weights @ weights)


class _NesterovIsPlain(FaultyReference):
    """Does not look ahead."""

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        if not self.optimizer.nesterov:
            super().update(state, gradient, learning_rate)
            return
        v = state.optimizer_state
        v[...] = self.optimizer.momentum * v + gradient
        state.parameters -= learning_rate * v


class _Dampens(FaultyReference):
    """Lets the velocity be a mean of gradients."""

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        super().update(state, (1 - self.optimizer.momentum) * gradient, learning_rate)


class _VelocityTimesRate(FaultyReference):
    """Keeps the step that the velocity makes: the same weights, as long as it starts at 0."""

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        super().update(state, learning_rate * gradient, 1.0)


class _RateAfterVelocity(FaultyReference):
    """Multiplies the velocity by the rate, wherever the rate belongs."""

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        optimizer, v = self.optimizer, state.optimizer_state
        if not optimizer.rate_in_velocity:
            super().update(state, gradient, learning_rate)
            return
        v[...] = optimizer.momentum * v + gradient
        ahead = gradient + optimizer.momentum * v
        state.parameters -= learning_rate * (ahead if optimizer.nesterov else v)


class _ForgetsVelocity(FaultyReference):
    """Starts every call at rest."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        state.optimizer_state[...] = 0
        super().run_epoch(state, X, Y, steps, losses)


class _KeepsItsVelocity(FaultyReference):
    """Has a velocity of its own, and leaves that of the state as it came."""

    def __init__(self, inner: Program, network: Network, optimizer: SGD) -> None:
        super().__init__(inner, network, optimizer)
        self._own: Array | None = None

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        if self._own is None:
            self._own = state.optimizer_state.copy()
        own = TrainingState(state.parameters, self._own)
        super().update(own, gradient, learning_rate)


class _ReplacesVelocity(FaultyReference):
    """Puts a new array where the velocity was."""

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        state.optimizer_state = state.optimizer_state.copy()
        super().update(state, gradient, learning_rate)


class _FillsVelocityGaps(FaultyReference):
    """Writes to the gap after the last tensor of the velocity."""

    def update(self, state: TrainingState, gradient: Array, learning_rate: float) -> None:
        super().update(state, gradient, learning_rate)
        slot = self.network.layout.slots[-1]
        state.optimizer_state[slot.offset + slot.size :] = 1


class _NeverSynchronizes(DetachedReference):
    """Never brings its copy into the state."""

    def synchronize(self, state: TrainingState) -> None:
        """Do nothing."""


class _SynchronizesWeightsOnly(DetachedReference):
    """Keeps the velocity to itself."""

    def synchronize(self, state: TrainingState) -> None:
        if state is self.seen:
            state.parameters[...] = self.kept.parameters


class _RestsAtSynchronize(DetachedReference):
    """Loses the velocity whenever it is asked for the state."""

    def synchronize(self, state: TrainingState) -> None:
        super().synchronize(state)
        self.kept.optimizer_state[...] = 0


class _StaleLogits(DetachedReference):
    """Gives the logits of the state as it came."""

    def logits(self, state: TrainingState, X: Array) -> Array:
        return self.predict(state.parameters, X)


class _TrainsTheInactive(OneByOne):
    """Trains every network in every call."""

    def calls(self, steps: Sequence[Steps], losses: Array, active: Sequence[int]) -> list[Call]:
        everyone = super().calls(steps, losses.copy(), range(len(self.programs)))
        return [*everyone, *super().calls(steps, losses, active)]


class _OneRateForAll(OneByOne):
    """Trains every network at the rate of the first."""

    def calls(self, steps: Sequence[Steps], losses: Array, active: Sequence[int]) -> list[Call]:
        return super().calls([steps[0]] * len(steps), losses, active)


class _OneRowOfLosses(OneByOne):
    """Writes the losses of the n-th active network to the n-th row."""

    def calls(self, steps: Sequence[Steps], losses: Array, active: Sequence[int]) -> list[Call]:
        return [(k, steps[k], losses[row]) for row, k in enumerate(active)]


_TRAINING = frozenset({"epoch", "run", "many"})

# name -> (program, the rungs that reject it; all others accept it).
UPDATE_FAULTS: dict[str, tuple[type[FaultyReference] | type[OneByOne], frozenset[str]]] = {
    "l2_on_biases": (_L2OnBiases, _TRAINING),
    "l2_beside_velocity": (_L2BesideVelocity, _TRAINING),
    "l2_divided_by_rows": (_L2DividedByRows, _TRAINING | {"contract"}),
    "l2_in_gradients": (_L2InGradients, _TRAINING | {"gradient"}),
    "l2_in_losses": (_L2InLosses, _TRAINING | {"kernel", "contract"}),
    "nesterov_is_plain": (_NesterovIsPlain, _TRAINING),
    "dampens": (_Dampens, _TRAINING),
    "velocity_times_rate": (_VelocityTimesRate, _TRAINING),
    "rate_after_velocity": (_RateAfterVelocity, frozenset({"epoch"})),
    "forgets_velocity": (_ForgetsVelocity, _TRAINING | {"contract"}),
    "keeps_its_velocity": (_KeepsItsVelocity, _TRAINING | {"contract", "repeat"}),
    "replaces_velocity": (_ReplacesVelocity, frozenset({"contract"})),
    "fills_velocity_gaps": (_FillsVelocityGaps, frozenset({"contract"})),
    "never_synchronizes": (_NeverSynchronizes, _TRAINING | {"contract"}),
    "synchronizes_weights_only": (_SynchronizesWeightsOnly, _TRAINING),
    "rests_at_synchronize": (_RestsAtSynchronize, frozenset({"contract"})),
    "stale_logits": (_StaleLogits, frozenset({"contract"})),
    "trains_the_inactive": (_TrainsTheInactive, frozenset({"many"})),
    "one_rate_for_all": (_OneRateForAll, frozenset({"many"})),
    "one_row_of_losses": (_OneRowOfLosses, frozenset({"many"})),
}
