"""The compiled program: it lays out tables and buffers, and calls the kernels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Capabilities, Program, Steps, TrainingState, Workload
from samplewise.network import Dense, Loss, Network, Optimizer, aligned_zeros
from samplewise_backends.numba_cpu import kernels

Vector = NDArray[Any]
Matrix = NDArray[Any]

ACTIVATION_CODES = {
    "identity": kernels.IDENTITY,
    "sigmoid": kernels.SIGMOID,
    "tanh": kernels.TANH,
    "relu": kernels.RELU,
}
LOSS_CODES = {
    "binary_cross_entropy": kernels.BINARY,
    "categorical_cross_entropy": kernels.CATEGORICAL,
}
PREDICTED_AT_ONCE = 256


class NumbaProgram(Program):
    """A network executed by compiled kernels, one call a stretch of an epoch."""

    def __init__(self, network: Network, loss: Loss, dtype: np.dtype[Any]) -> None:
        self._network = network
        self._dtype = dtype
        self._loss = LOSS_CODES[loss.name]
        self._layers = _layer_table(network)
        self._gradient = network.layout.zeros(dtype)
        self._rows = 0
        self._reserve(1)

    def warm_up(self) -> None:
        """Compile, or load from the cache, every kernel of this dtype."""
        X = np.zeros((2, self._network.inputs), dtype=self._dtype)
        Y = np.zeros((2, self._network.outputs), dtype=self._dtype)
        state = TrainingState(self._network.layout.zeros(self._dtype), aligned_zeros(0, X.dtype))
        losses = np.zeros(2, dtype=self._dtype)
        order = np.arange(2)
        for batch_size in (1, 2):
            self.run_epoch(state, X, Y, Steps(order, 0, 2, batch_size, 0.1), losses)
        self.gradients(state.parameters, X, Y)
        self.predict(state.parameters, X)

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run all steps in one compiled call."""
        rate = self._dtype.type(steps.learning_rate)
        X, Y, order = _read_only(X), _read_only(Y), _read_only(steps.order)
        if steps.batch_size == 1:
            window: tuple[int, ...] = (steps.start, steps.stop, self._loss)
            kernels.run_samples(
                *(state.parameters, X, Y, order, window, rate),
                *(self._layers, losses, self._values, self._deltas),
            )
            return
        rows = min(steps.batch_size, steps.stop - steps.start)
        self._reserve(rows)
        window = (steps.start, steps.stop, rows, self._loss)
        kernels.run_batches(
            *(state.parameters, X, Y, order, window, rate, self._layers, losses),
            *(self._values, self._deltas, self._gathered, self._gradient),
        )

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        A, targets = self._copied(X, Y)
        gradient = self._network.layout.zeros(self._dtype)
        losses = np.zeros(len(X), dtype=self._dtype)
        kernels.batch_gradient(
            *(np.require(parameters, requirements="W"), A, targets, self._loss),
            *(self._layers, losses, self._values, self._deltas, gradient),
        )
        gradient /= len(X)
        return float(losses.mean(dtype=np.float64)), gradient

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, some rows at a time so that their buffers stay in the cache."""
        parameters = np.require(parameters, requirements="W")
        logits = np.empty((len(X), self._network.outputs), dtype=self._dtype)
        for first in range(0, len(X), PREDICTED_AT_ONCE):
            (A,) = self._copied(X[first : first + PREDICTED_AT_ONCE])
            kernels.forward(parameters, A, self._layers, self._values)
            start = len(A) * self._layers[-1, kernels.FIRST]
            block = self._values[start : start + len(A) * self._network.outputs]
            logits[first : first + len(A)] = block.reshape(len(A), -1)
        return logits

    def _copied(self, *arrays: Matrix) -> list[Matrix]:
        """Return the rows of X (and Y) in the buffers of a batch.

        Kernels then see one type of array, whatever the caller's flags: each further type would
        compile them anew.
        """
        rows = len(arrays[0])
        self._reserve(rows)
        for buffer, array in zip(self._gathered, arrays, strict=False):
            buffer[:rows] = array
        return [buffer[:rows] for buffer in self._gathered[: len(arrays)]]

    def _reserve(self, rows: int) -> None:
        """Make the buffers hold at least `rows` rows."""
        if rows <= self._rows:
            return
        self._rows = rows
        units = int(self._layers[:, kernels.UNITS].sum())
        self._values = aligned_zeros(rows * units, self._dtype)
        self._deltas = aligned_zeros(rows * units, self._dtype)
        self._gathered = tuple(
            aligned_zeros(rows * columns, self._dtype).reshape(rows, columns)
            for columns in (self._network.inputs, self._network.outputs)
        )


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """Return a read-only view: numba would compile anew for a caller's array that is read-only."""
    view = array.view()
    view.flags.writeable = False
    return view


def _layer_table(network: Network) -> NDArray[np.int64]:
    offsets = {slot.name: slot.offset for slot in network.layout.slots}
    rows = []
    first = 0
    for k, layer in enumerate(network.layers):
        units = int(np.prod(network.shapes[k + 1]))
        rows.append(
            (
                int(np.prod(network.shapes[k])),
                units,
                ACTIVATION_CODES[layer.activation],
                offsets[f"{k}.weight"],
                offsets[f"{k}.bias"],
                first,
            )
        )
        first += units
    return np.array(rows, dtype=np.int64)


class NumbaBackend:
    """Kernels compiled by numba: a whole stretch of an epoch in one call."""

    name = "numba_cpu"
    capabilities = Capabilities(
        layers=frozenset({Dense.kind}),
        activations=frozenset(ACTIVATION_CODES),
        losses=frozenset(LOSS_CODES),
        optimizers=frozenset({"sgd"}),
        dtypes=frozenset({"float32", "float64"}),
        deterministic=True,
    )

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> NumbaProgram:
        """Return the program with its tables and buffers; kernels compile at first use."""
        del optimizer, workload  # SGD is the only rule
        return NumbaProgram(network, loss, dtype)
