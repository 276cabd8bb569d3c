"""Deliberately wrong backends: a check that cannot fail proves nothing."""

from __future__ import annotations

import dataclasses
from typing import Any

import numpy as np
from numpy.typing import NDArray

from faults.device_faults import DEVICE_FAULTS
from faults.faulty_reference import FaultyBackend, FaultyReference, OneByOne
from faults.step_faults import STEP_FAULTS
from faults.update_faults import UPDATE_FAULTS
from samplewise.contract import Program, Steps, TrainingState
from samplewise.network import SGD, Network
from samplewise.testing.problems import REFERENCE

Array = NDArray[Any]


class _BiasSignInForward(FaultyReference):
    """Computes W x - b, and the gradient as if it were W x + b."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        return super().gradients(self.with_biases_times(-1, parameters), X, Y)

    def predict(self, parameters: Array, X: Array) -> Array:
        return super().predict(self.with_biases_times(-1, parameters), X)


class _ComputesInFloat32(FaultyReference):
    """Rounds everything to float32 before it computes."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        return super().gradients(*map(_rounded_to_float32, (parameters, X, Y)))

    def predict(self, parameters: Array, X: Array) -> Array:
        return super().predict(_rounded_to_float32(parameters), _rounded_to_float32(X))


def _rounded_to_float32(array: Array) -> Array:
    return np.asarray(array.astype(np.float32), dtype=array.dtype)


class _BiasSignInUpdate(FaultyReference):
    """Adds the biases' gradient where it should be subtracted."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        before = state.parameters.copy()
        super().step(state, X, Y, steps, losses)
        change = state.parameters - before
        state.parameters[...] = before + self.with_biases_times(-1, change)


class _SkipsLastRow(FaultyReference):
    """Ends every chunk one row too early."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        short = dataclasses.replace(steps, stop=steps.stop - 1)
        super().run_epoch(state, X, Y, short, losses)


class _SumsTheBatch(FaultyReference):
    """Sums over the batch instead of taking the mean."""

    def divisor(self, rows: int, steps: Steps) -> int:
        return 1

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        loss, gradient = super().gradients(parameters, X, Y)
        return loss, gradient * len(X)


class _DividesByBatchSize(FaultyReference):
    """Divides a short last batch by the size of a full one."""

    def divisor(self, rows: int, steps: Steps) -> int:
        return steps.batch_size


class _ReluDerivativeOneAtZero(FaultyReference):
    """Takes 1 for the derivative of ReLU at 0: z is lifted to the smallest number above 0."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        lifted = parameters.copy()
        for slot in self.network.layout.slots:
            if slot.name.endswith(".bias"):
                bias = lifted[slot.offset : slot.offset + slot.size]
                bias[bias == 0] = np.finfo(bias.dtype).tiny
        return super().gradients(lifted, X, Y)


class _LossAfterUpdate(FaultyReference):
    """Reports each loss as it is after the step."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        for i in range(len(X)):
            losses[i], _ = self.gradients(state.parameters, X[i : i + 1], Y[i : i + 1])


class _ForgetsDerivative(FaultyReference):
    """Leaves f'(z) out of the first layer's gradient, where f is sigmoid or tanh."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        total = np.zeros_like(parameters)
        loss, _ = super().gradients(parameters, X, Y)
        for i in range(len(X)):
            _, gradient = super().gradients(parameters, X[i : i + 1], Y[i : i + 1])
            views = self.network.layout.views(gradient)
            derivative = self._first_derivative(parameters, X[i])
            views["0.weight"] /= derivative[:, None]
            views["0.bias"] /= derivative
            total += gradient
        return loss, total / len(X)

    def _first_derivative(self, parameters: Array, x: Array) -> Array:
        views = self.network.layout.views(parameters)
        z = views["0.weight"] @ x + views["0.bias"]
        activation = self.network.layers[0].activation
        if activation == "tanh":
            return np.asarray(1 - np.tanh(z) ** 2)
        if activation == "sigmoid":
            return np.asarray(1 / (2 + np.exp(z) + np.exp(-z)))
        return np.ones_like(z)


class _MutatesX(FaultyReference):
    """Scales the rows where they lie, if it may."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        super().run_epoch(state, X, Y, steps, losses)
        if X.flags.writeable:
            X /= 2


class _HidesNan(FaultyReference):
    """Replaces NaN by 0 in losses and logits."""

    def gradients(self, parameters: Array, X: Array, Y: Array) -> tuple[float, Array]:
        loss, gradient = super().gradients(parameters, X, Y)
        return float(np.nan_to_num(loss)), gradient

    def predict(self, parameters: Array, X: Array) -> Array:
        return np.nan_to_num(super().predict(parameters, X))


class _NeedsWritable(FaultyReference):
    """Refuses read-only rows."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        if not X.flags.writeable:
            raise ValueError("buffer source array is read-only")
        super().run_epoch(state, X, Y, steps, losses)


class _RemembersCalls(FaultyReference):
    """Trains a little further with every epoch it has seen, so that no run repeats."""

    calls = 0

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        super().run_epoch(state, X, Y, steps, losses)
        self.calls += 1
        state.parameters *= 1 + self.calls * np.finfo(X.dtype).eps


class _FillsGaps(FaultyReference):
    """Writes to the gap after the last tensor."""

    def step(self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array) -> None:
        super().step(state, X, Y, steps, losses)
        slot = self.network.layout.slots[-1]
        state.parameters[slot.offset + slot.size :] = 1


class _WritesAllLosses(FaultyReference):
    """Clears the losses outside its window."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        losses[: steps.start] = 0
        losses[steps.stop :] = 0
        super().run_epoch(state, X, Y, steps, losses)


class _ReusesLogits(FaultyReference):
    """Returns the same array from every call of predict with as many rows."""

    def __init__(self, inner: Program, network: Network, optimizer: SGD) -> None:
        super().__init__(inner, network, optimizer)
        self._logits: dict[int, Array] = {}

    def predict(self, parameters: Array, X: Array) -> Array:
        logits = super().predict(parameters, X)
        buffer = self._logits.setdefault(len(X), logits)
        buffer[...] = logits
        return buffer


class _LosesACutStep(FaultyReference):
    """Puts the last update of a chunk off to the next step, and forgets it at a cut."""

    def run_epoch(
        self, state: TrainingState, X: Array, Y: Array, steps: Steps, losses: Array
    ) -> None:
        edge = steps.stop - steps.batch_size
        if steps.stop == len(X) or edge < steps.start:
            super().run_epoch(state, X, Y, steps, losses)
            return
        super().run_epoch(state, X, Y, dataclasses.replace(steps, stop=edge), losses)
        before = state.parameters.copy()
        super().run_epoch(state, X, Y, dataclasses.replace(steps, start=edge), losses)
        state.parameters[...] = before


_TRAINING = frozenset({"epoch", "run", "many"})
_AGAINST_REFERENCE = _TRAINING | {"kernel", "gradient"}

# name -> (program, the rungs that reject it; all others accept it).
FAULTS: dict[str, tuple[type[FaultyReference] | type[OneByOne], frozenset[str]]] = {
    "bias_sign_in_forward": (_BiasSignInForward, _AGAINST_REFERENCE | {"difference"}),
    "computes_in_float32": (_ComputesInFloat32, _AGAINST_REFERENCE | {"difference", "device"}),
    "bias_sign_in_update": (_BiasSignInUpdate, _TRAINING),
    "skips_last_row": (_SkipsLastRow, _TRAINING | {"kernel", "contract"}),
    "sums_the_batch": (_SumsTheBatch, _TRAINING | {"gradient", "difference", "contract"}),
    "divides_by_batch_size": (_DividesByBatchSize, _TRAINING),
    "relu_derivative_one_at_zero": (_ReluDerivativeOneAtZero, frozenset({"gradient", "epoch"})),
    "loss_after_update": (_LossAfterUpdate, _TRAINING | {"kernel", "contract"}),
    "forgets_derivative": (
        _ForgetsDerivative,
        _TRAINING | {"gradient", "difference"},
    ),
    "mutates_x": (_MutatesX, frozenset({"contract"})),
    "needs_writable": (_NeedsWritable, _TRAINING | {"kernel", "contract", "repeat"}),
    "hides_nan": (_HidesNan, frozenset({"contract"})),
    "remembers_calls": (_RemembersCalls, frozenset({"repeat"})),
    "fills_gaps": (_FillsGaps, frozenset({"contract"})),
    "writes_all_losses": (_WritesAllLosses, frozenset({"epoch", "contract", "many"})),
    "reuses_logits": (_ReusesLogits, frozenset({"contract"})),
    "loses_a_cut_step": (_LosesACutStep, frozenset({"epoch", "contract", "many"})),
    **DEVICE_FAULTS,
    **UPDATE_FAULTS,
    **STEP_FAULTS,
}


def faulty_backend(fault: str, inner: str = REFERENCE) -> FaultyBackend:
    """Return a backend with a fault, a key of `FAULTS`; without it, it would compute as `inner`."""
    program, _ = FAULTS[fault]
    name = f"faulty: {fault}"
    if issubclass(program, OneByOne):
        return FaultyBackend(name, many=program, decisions=True, inner=inner)
    return FaultyBackend(name, program, decisions=True, inner=inner)
