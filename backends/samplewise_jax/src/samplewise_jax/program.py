"""The program: NumPy arrays of the engine in, one compiled call, NumPy arrays out."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import PENALTIES, Plan, Program, Steps, TrainingState, Workload
from samplewise.network import Loss, Network, Optimizer
from samplewise_jax import device
from samplewise_jax.compiled import Tensors, Window, compiled, padded_rows, padded_steps
from samplewise_jax.lazy import jax
from samplewise_jax.optimizers import Rule, numbers, numbers_of_steps
from samplewise_jax.passes import Passes

Vector = NDArray[Any]
Matrix = NDArray[Any]
PREDICTED_AT_ONCE = 1024
# An interrupt acts between two calls. A step does about three times these multiply-adds.
CALL_MULTIPLY_ADDS = 100_000_000
CALL_SAMPLES = 16_384


class JaxProgram(Program):
    """A network whose steps are one compiled loop a call.

    Args:
        network, loss, optimizer, dtype, workload: as `Backend.compile`.
    """

    def __init__(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None,
    ) -> None:
        samples = min(CALL_SAMPLES, CALL_MULTIPLY_ADDS // max(network.multiply_adds, 1))
        self._samples = max(samples, 1)
        self.plan = Plan(chunk=self._samples)
        self._network, self._optimizer, self._dtype = network, optimizer, dtype
        self._workload = workload
        self._numbers = numbers(optimizer, dtype)
        self._trained = {
            slot.name
            for slot in network.layout.slots
            if network.layers[int(slot.name.split(".")[0])].trainable
        }
        with device.in_use():
            self._compiled = compiled(Passes(network, loss), Rule.of(optimizer))
        self.forget()

    def warm_up(self) -> None:
        """Compile the steps of the workload, by a call that makes none of them."""
        work, network, dtype = self._workload, self._network, self._dtype
        if work is None:
            return
        X, Y = (np.zeros((work.rows, size), dtype) for size in (network.inputs, network.outputs))
        size = min(work.batch_size, work.rows)
        stop = min(max(self._samples // size, 1) * size, work.rows)
        l2 = np.zeros(-(-stop // size)) if PENALTIES in work.step_fields else None
        steps = Steps(np.arange(work.rows), 0, stop, size, 0.0, l2=l2)
        slots = np.zeros(network.layout.size * self._optimizer.slots, dtype)
        state = TrainingState(network.layout.zeros(dtype), slots)
        with device.in_use():
            self._make_steps(state, jax.device_put(X), self._window(state, Y, steps, count=0))

    def forget(self) -> bool:
        """Drop the rows on the device."""
        self._rows: tuple[Matrix, Any] | None = None
        return True

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Make all steps in one call."""
        window, taken = slice(steps.start, steps.stop), steps.stop - steps.start
        with device.in_use():
            data = self._window(state, Y, steps, steps.count)
            trained, slots, values, Z, squares = self._make_steps(state, self._on_device(X), data)
            self._write(trained, state.parameters)
            for slot, vector in zip(slots, self._slots(state), strict=True):
                self._write(slot, vector)
            losses[window] = np.asarray(values).ravel()[:taken]
            if steps.decisions is not None:
                logits = np.asarray(Z).reshape(-1, self._network.outputs)[:taken]
                decided = logits.argmax(axis=1) if logits.shape[1] > 1 else logits[:, 0] > 0
                steps.decisions[window] = decided
            if steps.l2 is not None and steps.penalties is not None:
                steps.penalties[:] = steps.l2 / 2 * np.asarray(squares)[: steps.count]

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        count = len(X)
        at = np.minimum(np.arange(padded_rows(count)), count - 1)
        scales = np.zeros(len(at), self._dtype)
        scales[:count] = 1 / count
        rows = X[at], Y[at], scales, np.zeros(len(at), np.uint64)
        with device.in_use():
            values, _, gradient = self._compiled.gradient(*self._split(parameters), rows)
            found = self._network.layout.zeros(self._dtype)
            self._write(gradient, found)
            return float(np.asarray(values)[:count].mean(dtype=np.float64)), found

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, some rows at a time."""
        tensors = self._network.layout.views(parameters)
        logits = np.empty((len(X), self._network.outputs), dtype=self._dtype)
        with device.in_use():
            for first in range(0, len(X), PREDICTED_AT_ONCE):
                rows = X[first : first + PREDICTED_AT_ONCE]
                at = np.minimum(np.arange(padded_rows(len(rows))), len(rows) - 1)
                found = self._compiled.logits(tensors, rows[at])
                logits[first : first + len(rows)] = np.asarray(found)[: len(rows)]
        return logits

    def _make_steps(self, state: TrainingState, X: Any, data: Window) -> Any:
        trained, frozen = self._split(state.parameters)
        slots = tuple(self._split(vector)[0] for vector in self._slots(state))
        return self._compiled.window(trained, slots, frozen, X, data, self._numbers)

    def _window(self, state: TrainingState, Y: Matrix, steps: Steps, count: int) -> Window:
        """Return the data of the first `count` steps of a window, padded to the shape of all."""
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
            self._numbers_of(steps, state.step, shape[0]),
            np.uint64(steps.dropout_key),
            np.int64(count),
        )

    def _numbers_of(self, steps: Steps, done: int, length: int) -> dict[str, Vector]:
        rates = np.full(length, steps.learning_rate)
        if steps.rates is not None:
            rates[: steps.count] = steps.rates
        found = numbers_of_steps(self._optimizer, rates, done, self._dtype)
        if steps.l2 is not None:
            found["step_l2"] = np.zeros(length, self._dtype)
            found["step_l2"][: steps.count] = steps.l2
        return found

    def _on_device(self, X: Matrix) -> Any:
        """Return the rows on the device, where they stay as long as X is the same object."""
        if self._rows is None or self._rows[0] is not X:
            self._rows = X, jax.device_put(X)
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
