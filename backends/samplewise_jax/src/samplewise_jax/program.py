"""The program: NumPy arrays of the engine in, one compiled call, NumPy arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import PENALTIES, Plan, Program, Steps, TrainingState, Workload
from samplewise.network import Loss, Network, Optimizer
from samplewise_jax import device
from samplewise_jax.compiled import (
    Inputs,
    Outputs,
    Tensors,
    Window,
    compiled,
    padded_data,
    padded_rows,
    padded_steps,
)
from samplewise_jax.lazy import jax
from samplewise_jax.optimizers import Rule, numbers, numbers_of_steps
from samplewise_jax.passes import Passes

Vector = NDArray[Any]
Matrix = NDArray[Any]
PREDICTED_AT_ONCE = 1024
# An interrupt acts between two calls. A step does about three times these multiply-adds.
CALL_MULTIPLY_ADDS = 100_000_000
CALL_SAMPLES = 16_384


def samples_of_call(networks: Sequence[Network]) -> int:
    """Return the maximum number of samples of a call in which these networks train."""
    multiply_adds = sum(network.multiply_adds for network in networks)
    return max(min(CALL_SAMPLES // len(networks), CALL_MULTIPLY_ADDS // max(multiply_adds, 1)), 1)


class JaxProgram(Program):
    """A network whose steps are one compiled loop a call.

    Args:
        network, loss, optimizer, dtype, workload: as `Backend.compile`.
        on: the device, as `device.chosen` takes it.

    Attributes:
        compiled: the functions of the network.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None,
        on: str = "",
    ) -> None:
        self.plan = Plan(chunk=samples_of_call([network]))
        self._network, self._optimizer, self._dtype = network, optimizer, dtype
        self._workload, self._on = workload, on
        self._numbers = numbers(optimizer, dtype)
        self._trained = network.trained
        self._names = {
            slot.name
            for slot in network.layout.slots
            if network.layers[int(slot.name.split(".")[0])].trainable
        }
        with device.in_use(self._on) as used:
            self.compiled = compiled(Passes(network, loss), Rule.of(optimizer), used.platform)
        self._devices: set[Any] = set()
        self.forget()

    def warm_up(self) -> None:
        """Compile the steps of the workload, by a call that makes none of them."""
        if self._workload is None:
            return
        samples = samples_of_call([self._network])
        with device.in_use(self._on):
            self.compiled.window(*self.idle_inputs(self._workload, samples))

    def idle_inputs(self, work: Workload, samples: int) -> tuple[Matrix, Matrix, Inputs]:
        """Return X and Y of zeros, and inputs of a call of `samples` samples that makes no step."""
        network, dtype = self._network, self._dtype
        widths = network.inputs, network.outputs
        X, Y = (np.zeros((padded_data(work.rows), width), dtype) for width in widths)
        stop, size = work.first_window(samples), min(work.batch_size, work.rows)
        l2 = np.zeros(-(-stop // size)) if PENALTIES in work.step_fields else None
        steps = Steps(np.arange(work.rows), 0, stop, size, 0.0, l2=l2)
        slots = np.zeros(network.layout.size * self._optimizer.slots, dtype)
        state = TrainingState(network.layout.zeros(dtype), slots)
        inputs = self.inputs(state, steps)
        return X, Y, inputs._replace(window=inputs.window._replace(steps=np.int64(0)))

    def forget(self) -> bool:
        """Drop the rows on the device, and the state."""
        self._rows: _Placed | None = None
        self._state: _Viewed | None = None
        return True

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Make all steps in one call."""
        with device.in_use(self._on):
            outputs = self.compiled.window(*self.on_device(X, Y), self.inputs(state, steps))
            self._seen_on(outputs.losses)
            self.write(outputs, state, steps, losses)

    def inputs(self, state: TrainingState, steps: Steps) -> Inputs:
        """Return the inputs of the steps of a window."""
        window = self._window(steps, self._numbers_of(steps, state.step))
        return Inputs(*self._views(state), window, self._numbers)

    def write(self, found: Outputs, state: TrainingState, steps: Steps, losses: Vector) -> None:
        """Write what the steps of a window have changed, as `run_epoch` says."""
        window, taken = slice(steps.start, steps.stop), steps.stop - steps.start
        parameters, *slots = np.asarray(found.vectors).reshape(-1, len(state.parameters))
        for part in self._trained:
            state.parameters[part] = parameters[part]
            for own, slot in zip(self._slots(state), slots, strict=True):
                own[part] = slot[part]
        losses[window] = np.asarray(found.losses).ravel()[:taken]
        if steps.decisions is not None:
            logits = np.asarray(found.logits).reshape(-1, self._network.outputs)[:taken]
            decided = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
            steps.decisions[window] = decided
        if steps.l2 is not None and steps.penalties is not None:
            steps.penalties[:] = steps.l2 / 2 * np.asarray(found.squares)[: steps.count]

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        count = len(X)
        at = np.minimum(np.arange(padded_rows(count, self._network)), count - 1)
        scales = np.zeros(len(at), self._dtype)
        scales[:count] = 1 / count
        rows = X[at], Y[at], scales, np.zeros(len(at), np.uint64)
        with device.in_use(self._on):
            values, gradient = self.compiled.gradient(*self._split(parameters), rows)
            self._seen_on(values)
            loss = float(np.asarray(values)[:count].mean(dtype=np.float64))
            return loss, np.array(gradient)

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, some rows at a time."""
        tensors = self._network.layout.views(parameters)
        logits = np.empty((len(X), self._network.outputs), dtype=self._dtype)
        with device.in_use(self._on):
            for first in range(0, len(X), PREDICTED_AT_ONCE):
                rows = X[first : first + PREDICTED_AT_ONCE]
                at = np.minimum(np.arange(padded_rows(len(rows), self._network)), len(rows) - 1)
                found = self.compiled.logits(tensors, rows[at])
                self._seen_on(found)
                logits[first : first + len(rows)] = np.asarray(found)[: len(rows)]
        return logits

    def computed_on(self) -> frozenset[str]:
        """Return the devices of the last results, as JAX's arrays say."""
        return frozenset(map(device.name, self._devices))

    def _seen_on(self, result: Any) -> None:
        self._devices = result.devices()

    def _window(self, steps: Steps, numbers: dict[str, Vector]) -> Window:
        """Return the data of a window, padded."""
        size = min(steps.batch_size, len(steps.order))
        shape, taken = (padded_steps(steps.count, size), size), steps.stop - steps.start
        rows = np.empty(shape[0] * size, np.int64)
        rows[:taken] = steps.order[steps.start : steps.stop]
        # Padding of the last batch is finite where its rows are.
        rows[taken:] = rows[taken - 1]
        scales = np.zeros(len(rows), self._dtype)
        scales[:taken] = 1 if steps.weights is None else steps.weights[rows[:taken]]
        # The last batch is of its own rows.
        last = (steps.count - 1) * size
        scales[:last] /= size
        scales[last:taken] /= taken - last
        return Window(
            rows.reshape(shape),
            scales.reshape(shape),
            {name: np.resize(values, shape[0]) for name, values in numbers.items()},
            np.uint64(steps.dropout_key),
            np.uint64(steps.start),
            np.int64(steps.count),
        )

    def _numbers_of(self, steps: Steps, done: int) -> dict[str, Vector]:
        """Return the numbers of each step of a window, (steps,)."""
        rates = np.full(steps.count, steps.learning_rate) if steps.rates is None else steps.rates
        found = numbers_of_steps(self._optimizer, rates, done, self._dtype)
        return found if steps.l2 is None else {**found, "step_l2": steps.l2.astype(self._dtype)}

    def on_device(self, X: Matrix, Y: Matrix) -> tuple[Any, Any]:
        """Return X and Y on the device, where they stay as long as X is the same object.

        Targets are compared: the contract does not say that they stay.
        """
        placed = self._rows
        if placed is None or placed.X is not X or not np.array_equal(placed.Y, Y):
            rows = jax.device_put((_padded(X), _padded(Y)))
            self._rows = placed = _Placed(X, Y.copy(), rows)
        return placed.rows

    def _views(self, state: TrainingState) -> tuple[Tensors, tuple[Tensors, ...], Tensors]:
        """Return the tensors of a state: trained ones, those of each slot, frozen ones.

        Those of the last state are kept: a training asks for them in each call.
        """
        found = self._state
        vectors = state.parameters, state.optimizer_state
        if found is None or found.parameters is not vectors[0] or found.slots is not vectors[1]:
            trained, frozen = self._split(state.parameters)
            slots = tuple(self._split(vector)[0] for vector in self._slots(state))
            self._state = found = _Viewed(*vectors, (trained, slots, frozen))
        return found.tensors

    def _slots(self, state: TrainingState) -> Matrix:
        return state.optimizer_state.reshape(self._optimizer.slots, self._network.layout.size)

    def _split(self, vector: Vector) -> tuple[Tensors, Tensors]:
        """Return the views of the trained tensors of a flat vector, and of the frozen ones."""
        views = self._network.layout.views(vector)
        trained = {name: views.pop(name) for name in list(views) if name in self._names}
        return trained, views


class _Placed(NamedTuple):
    """X, a copy of Y, and both on the device."""

    X: Matrix
    Y: Matrix
    rows: tuple[Any, Any]


class _Viewed(NamedTuple):
    """The vectors of a state, and their tensors."""

    parameters: Vector
    slots: Vector
    tensors: tuple[Tensors, tuple[Tensors, ...], Tensors]


def _padded(rows: Matrix) -> Matrix:
    """Return rows with zeros behind them, as many as the device has room for."""
    padded = np.zeros((padded_data(len(rows)), rows.shape[1]), rows.dtype)
    padded[: len(rows)] = rows
    return padded
