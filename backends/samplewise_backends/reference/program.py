"""Algorithm 1 of the report, for any stack of dense layers and any batch size.

    for each batch: for each sample of it: forward pass, loss, backward pass; then one update

This is what every other backend must agree with. It is meant to be read, not to be fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Capabilities, Program, Steps, TrainingState, Workload
from samplewise.network import Dense, Loss, Network, Optimizer
from samplewise_backends.reference import dense
from samplewise_backends.reference.activations import ACTIVATIONS
from samplewise_backends.reference.losses import LOSSES
from samplewise_backends.reference.optimizers import add_l2, sgd

Vector = NDArray[Any]
Matrix = NDArray[Any]


class ReferenceProgram(Program):
    """A network executed one sample at a time."""

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer) -> None:
        self._layout = network.layout
        self._depth = len(network.layers)
        self._activations = [ACTIVATIONS[layer.activation] for layer in network.layers]
        self._loss = LOSSES[loss.name]
        self._optimizer = optimizer

    def warm_up(self) -> None:
        """Nothing to do: NumPy is compiled already."""

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run the batches one after the other: accumulate over the samples, then update."""
        layers = self._layers(state.parameters)
        gradient = np.zeros_like(state.parameters)
        gradient_layers = self._layers(gradient)
        for first in range(steps.start, steps.stop, steps.batch_size):
            last = min(first + steps.batch_size, steps.stop)
            gradient.fill(0)
            for i in range(first, last):
                row = steps.order[i]
                losses[i] = self._add_gradient(layers, X[row], Y[row], gradient_layers)
            gradient /= last - first
            self._update(state, gradient, steps.learning_rate)

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient."""
        layers = self._layers(parameters)
        gradient = np.zeros_like(parameters)
        gradient_layers = self._layers(gradient)
        total = 0.0
        for x, y in zip(X, Y, strict=True):
            total += float(self._add_gradient(layers, x, y, gradient_layers))
        return total / len(X), gradient / len(X)

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, row by row."""
        layers = self._layers(parameters)
        return np.array([self._forward(layers, x)[-1] for x in X])

    def _update(self, state: TrainingState, gradient: Vector, learning_rate: float) -> None:
        """Make one step along the mean gradient of a batch."""
        rule = self._optimizer
        if rule.l2:
            weights = [W for W, _ in self._layers(state.parameters)]
            add_l2([dW for dW, _ in self._layers(gradient)], weights, rule.l2)
        sgd(state.parameters, state.optimizer_state, gradient, learning_rate, rule)

    def _layers(self, vector: Vector) -> list[tuple[Matrix, Vector]]:
        """Return the (weight, bias) views of each layer into a flat vector."""
        views = self._layout.views(vector)
        return [(views[f"{k}.weight"], views[f"{k}.bias"]) for k in range(self._depth)]

    def _forward(self, layers: list[tuple[Matrix, Vector]], x: Vector) -> list[Vector]:
        """Return x and the output a = f(W a_below + b) of each layer."""
        outputs = [x]
        for (W, b), (f, _) in zip(layers, self._activations, strict=True):
            outputs.append(f(dense.forward(outputs[-1], W, b)))
        return outputs

    def _add_gradient(
        self,
        layers: list[tuple[Matrix, Vector]],
        x: Vector,
        y: Vector,
        gradient_layers: list[tuple[Matrix, Vector]],
    ) -> float:
        """Add the gradient of one sample's loss to `gradient_layers`; return the loss."""
        outputs = self._forward(layers, x)
        loss, da = self._loss(outputs[-1], y)
        for k in reversed(range(self._depth)):
            _, slope = self._activations[k]
            dz = da * slope(outputs[k + 1])
            dW, db = dense.parameter_gradients(outputs[k], dz)
            weight_sum, bias_sum = gradient_layers[k]
            weight_sum += dW
            bias_sum += db
            if k > 0:
                da = dense.input_gradient(layers[k][0], dz)
        return loss


class ReferenceBackend:
    """One sample at a time in NumPy: the specification of all backends."""

    name = "reference"
    capabilities = Capabilities(
        layers=frozenset({Dense.kind}),
        activations=frozenset(ACTIVATIONS),
        losses=frozenset(LOSSES),
        optimizers=frozenset({"sgd", "momentum", "nesterov", "l2"}),
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
    ) -> ReferenceProgram:
        """Return the program; it follows the dtype of the arrays it is given."""
        del dtype, workload  # NumPy takes the dtype from the arrays, and there is one way to train
        return ReferenceProgram(network, loss, optimizer)
