"""The program: NumPy arrays of the engine in, one compiled call, NumPy arrays out."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

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
        self._trained = {
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
        X, inputs = self.idle_inputs(self._workload, samples_of_call([self._network]))
        with device.in_use(self._on):
            self.compiled.window(jax.device_put(X), inputs)

    def idle_inputs(self, work: Workload, samples: int) -> tuple[Matrix, Inputs]:
        """Return rows of zeros, and inputs of a call of `samples` samples that makes no step."""
        network, dtype = self._network, self._dtype
        X = np.zeros((padded_data(work.rows), network.inputs), dtype)
        Y = np.zeros((work.rows, network.outputs), dtype)
        size = min(work.batch_size, work.rows)
        stop = min(max(samples // size, 1) * size, work.rows)
        l2 = np.zeros(-(-stop // size)) if PENALTIES in work.step_fields else None
        steps = Steps(np.arange(work.rows), 0, stop, size, 0.0, l2=l2)
        slots = np.zeros(network.layout.size * self._optimizer.slots, dtype)
        state = TrainingState(network.layout.zeros(dtype), slots)
        inputs = self.inputs(state, Y, steps)
        return X, inputs._replace(window=inputs.window._replace(steps=np.int64(0)))

    def forget(self) -> bool:
        """Drop the rows on the device."""
        self._rows: tuple[Matrix, Any] | None = None
        return True

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Make all steps in one call."""
        with device.in_use(self._on):
            outputs = self.compiled.window(self.on_device(X), self.inputs(state, Y, steps))
            self._seen_on(outputs.losses)
            self.write(jax.tree.map(np.asarray, outputs), state, steps, losses)

    def inputs(self, state: TrainingState, Y: Matrix, steps: Steps) -> Inputs:
        """Return the inputs of the steps of a window."""
        trained, frozen = self._split(state.parameters)
        slots = tuple(self._split(vector)[0] for vector in self._slots(state))
        window = self._window(Y, steps, self._numbers_of(steps, state.step))
        return Inputs(trained, slots, frozen, window, self._numbers)

    def write(self, found: Outputs, state: TrainingState, steps: Steps, losses: Vector) -> None:
        """Write what the steps of a window have changed, as `run_epoch` says.

        Args:
            found: arrays of NumPy.
            state: updated.
            steps: of the window; its penalties and decisions are written.
            losses: written, as `run_epoch` does.
        """
        window, taken = slice(steps.start, steps.stop), steps.stop - steps.start
        self._write(found.trained, state.parameters)
        for slot, vector in zip(found.slots, self._slots(state), strict=True):
            self._write(slot, vector)
        losses[window] = found.losses.ravel()[:taken]
        if steps.decisions is not None:
            logits = found.logits.reshape(-1, self._network.outputs)[:taken]
            decided = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
            steps.decisions[window] = decided
        if steps.l2 is not None and steps.penalties is not None:
            steps.penalties[:] = steps.l2 / 2 * found.squares[: steps.count]

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        count = len(X)
        at = np.minimum(np.arange(padded_rows(count, self._network)), count - 1)
        scales = np.zeros(len(at), self._dtype)
        scales[:count] = 1 / count
        rows = X[at], Y[at], scales, np.zeros(len(at), np.uint64)
        with device.in_use(self._on):
            values, _, gradient = self.compiled.gradient(*self._split(parameters), rows)
            self._seen_on(values)
            found = self._network.layout.zeros(self._dtype)
            self._write(gradient, found)
            return float(np.asarray(values)[:count].mean(dtype=np.float64)), found

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

    def _window(self, Y: Matrix, steps: Steps, numbers: dict[str, Vector]) -> Window:
        """Return the data of a window, padded."""
        size = min(steps.batch_size, len(steps.order))
        shape, taken = (padded_steps(steps.count, size), size), steps.stop - steps.start
        at = steps.start + np.arange(shape[0] * size)
        rows = steps.order[np.minimum(at, steps.stop - 1)]
        scales = np.zeros(len(rows), self._dtype)
        scales[:taken] = 1 if steps.weights is None else steps.weights[rows[:taken]]
        # The last batch is of its own rows.
        last = (steps.count - 1) * size
        scales[:last] /= size
        scales[last:taken] /= taken - last
        return Window(
            rows.reshape(shape),
            Y[rows].reshape(*shape, -1),
            scales.reshape(shape),
            at.astype(np.uint64).reshape(shape),
            {name: np.resize(values, shape[0]) for name, values in numbers.items()},
            np.uint64(steps.dropout_key),
            np.int64(steps.count),
        )

    def _numbers_of(self, steps: Steps, done: int) -> dict[str, Vector]:
        """Return the numbers of each step of a window, (steps,)."""
        rates = np.full(steps.count, steps.learning_rate) if steps.rates is None else steps.rates
        found = numbers_of_steps(self._optimizer, rates, done, self._dtype)
        return found if steps.l2 is None else {**found, "step_l2": steps.l2.astype(self._dtype)}

    def on_device(self, X: Matrix) -> Any:
        """Return the rows on the device, where they stay as long as X is the same object."""
        if self._rows is None or self._rows[0] is not X:
            rows = np.zeros((padded_data(len(X)), X.shape[1]), X.dtype)
            rows[: len(X)] = X
            self._rows = X, jax.device_put(rows)
        return self._rows[1]

    def _slots(self, state: TrainingState) -> Matrix:
        return state.optimizer_state.reshape(self._optimizer.slots, self._network.layout.size)

    def _split(self, vector: Vector) -> tuple[Tensors, Tensors]:
        """Return the views of the trained tensors of a flat vector, and of the frozen ones."""
        views = self._network.layout.views(vector)
        trained = {name: views.pop(name) for name in list(views) if name in self._trained}
        return trained, views

    def _write(self, tensors: Tensors, vector: Vector) -> None:
        """Write tensors into their places in a flat vector."""
        views = self._network.layout.views(vector)
        for name, tensor in tensors.items():
            views[name][...] = np.asarray(tensor)
