"""Mini-batch training with matrix products.

Differs from the reference: a sum over samples, units or inputs runs in the order of NumPy's
matrix product and pairwise sum, so last bits may differ.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Capabilities, Program, Steps, TrainingState, Workload
from samplewise.network import Dense, Loss, Network, Optimizer
from samplewise_backends.vectorized import dense
from samplewise_backends.vectorized.activations import ACTIVATIONS
from samplewise_backends.vectorized.losses import LOSSES
from samplewise_backends.vectorized.optimizers import sgd
from samplewise_backends.vectorized.workspace import Workspace

Vector = NDArray[Any]
Matrix = NDArray[Any]
Layers = list[tuple[Matrix, Vector]]
PREDICTED_AT_ONCE = 256


class VectorizedProgram(Program):
    """A network executed a batch at a time."""

    def __init__(self, network: Network, loss: Loss, dtype: np.dtype[Any]) -> None:
        self._network = network
        self._dtype = dtype
        self._activations = [ACTIVATIONS[layer.activation] for layer in network.layers]
        self._loss = LOSSES[loss.name]
        self._workspace = Workspace(network, 1, dtype)

    def warm_up(self) -> None:
        """Nothing to do: NumPy is compiled already, and buffers follow the first batch size."""

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run each batch as matrices: forward, loss, backward, one update."""
        self._reserve(min(steps.batch_size, steps.stop - steps.start))
        layers, gradient = self._layers(state.parameters), self._workspace.gradient
        gradient_layers = self._layers(gradient)
        in_order = _is_consecutive(steps)
        for first in range(steps.start, steps.stop, steps.batch_size):
            last = min(first + steps.batch_size, steps.stop)
            rows = steps.order[first:last]
            batch = slice(rows[0], rows[-1] + 1)
            x, y = (X[batch], Y[batch]) if in_order else self._gather(X, Y, rows)
            self._gradient(layers, x, y, losses[first:last], gradient_layers)
            sgd(state.parameters, gradient, steps.learning_rate / (last - first))

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient, all rows in one batch."""
        self._reserve(len(X))
        gradient = np.zeros_like(parameters)
        losses = np.zeros(len(X), dtype=self._dtype)
        self._gradient(self._layers(parameters), X, Y, losses, self._layers(gradient))
        return float(losses.mean(dtype=np.float64)), gradient / len(X)

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, some rows at a time so that the buffers stay small."""
        self._reserve(min(len(X), PREDICTED_AT_ONCE))
        layers = self._layers(parameters)
        logits = np.empty((len(X), self._network.outputs), dtype=self._dtype)
        for first in range(0, len(X), PREDICTED_AT_ONCE):
            rows = slice(first, first + PREDICTED_AT_ONCE)
            logits[rows] = self._forward(layers, X[rows])[-1]
        return logits

    def _reserve(self, rows: int) -> None:
        if rows > self._workspace.rows:
            self._workspace = Workspace(self._network, rows, self._dtype)

    def _layers(self, vector: Vector) -> Layers:
        """Return the (weight, bias) views of each layer into a flat vector."""
        views = self._network.layout.views(vector)
        depth = len(self._network.layers)
        return [(views[f"{k}.weight"], views[f"{k}.bias"]) for k in range(depth)]

    def _gather(self, X: Matrix, Y: Matrix, rows: NDArray[np.int64]) -> tuple[Matrix, Matrix]:
        space, count = self._workspace, len(rows)
        # With mode="raise" NumPy would copy through a buffer; the engine made the order.
        np.take(X, rows, axis=0, out=space.X[:count], mode="clip")
        np.take(Y, rows, axis=0, out=space.Y[:count], mode="clip")
        return space.X[:count], space.Y[:count]

    def _forward(self, layers: Layers, X: Matrix) -> list[Matrix]:
        """Return X and the output of each layer."""
        outputs = [X]
        for (W, b), (activate, _), A in zip(
            layers, self._activations, self._workspace.A, strict=True
        ):
            Z = A[: len(X)]
            dense.forward(outputs[-1], W, b, Z)
            activate(Z)
            outputs.append(Z)
        return outputs

    def _gradient(
        self, layers: Layers, X: Matrix, Y: Matrix, losses: Vector, gradient_layers: Layers
    ) -> None:
        """Write the losses of the rows, and the sum of their gradients to `gradient_layers`."""
        outputs = self._forward(layers, X)
        dA = [buffer[: len(X)] for buffer in self._workspace.dA]
        scratch = [buffer[: len(X)] for buffer in self._workspace.scratch]
        self._loss(outputs[-1], Y, losses, dA[-1], scratch[-1])
        for k in reversed(range(len(layers))):
            _, multiply_by_slope = self._activations[k]
            multiply_by_slope(dA[k], outputs[k + 1], scratch[k])
            dense.parameter_gradients(outputs[k], dA[k], *gradient_layers[k])
            if k > 0:
                dense.input_gradient(layers[k][0], dA[k], dA[k - 1])


def _is_consecutive(steps: Steps) -> bool:
    """Return whether the batches are slices of X as it lies, so that no row need be copied."""
    rows = steps.order[steps.start : steps.stop]
    return bool((np.diff(rows) == 1).all())


class VectorizedBackend:
    """Mini-batches as NumPy matrices."""

    name = "vectorized"
    capabilities = Capabilities(
        layers=frozenset({Dense.kind}),
        activations=frozenset(ACTIVATIONS),
        losses=frozenset(LOSSES),
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
    ) -> VectorizedProgram:
        """Return the program with its buffers."""
        del optimizer, workload  # SGD is the only rule
        return VectorizedProgram(network, loss, dtype)
