"""Algorithm 1 of the report, for any stack of layers and any batch size.

    for each batch: for each sample of it: forward pass, loss, backward pass; then one update

This is what every other backend must agree with. It is meant to be read, not to be fast.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import (
    RATES,
    WEIGHTS,
    Capabilities,
    Program,
    Steps,
    TrainingState,
    Workload,
    dropout,
)
from samplewise.network import Dropout, Loss, Network, Optimizer
from samplewise_backends.reference.activations import ACTIVATIONS, activation_named
from samplewise_backends.reference.layers import LAYERS, Given
from samplewise_backends.reference.losses import LOSSES, own_loss
from samplewise_backends.reference.optimizers import DECAYS, LIMITS, PENALTIES, RULES, own_rule

Vector = NDArray[Any]
Matrix = NDArray[Any]


class ReferenceProgram(Program):
    """A network executed one sample at a time."""

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer) -> None:
        self._network, self._loss, self._rule = network, loss, optimizer
        described = zip(network.layers, network.shapes, strict=False)
        self._layers = [LAYERS[layer.kind](layer, inputs) for layer, inputs in described]
        self._activations = [activation_named(layer.activation) for layer in network.layers]

        self._value = LOSSES.get(loss.name, own_loss)

    def warm_up(self) -> None:
        """Nothing to do: NumPy is compiled already."""

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run the batches one after the other: accumulate over the samples, then update."""
        given = self._tensors(state.parameters)
        gradient = np.zeros_like(state.parameters)
        sums = self._tensors(gradient)
        batches = range(steps.start, steps.stop, steps.batch_size)
        for step, first in enumerate(batches):
            last = min(first + steps.batch_size, steps.stop)
            gradient.fill(0)
            for i in range(first, last):
                row = steps.order[i]
                seen = self._with_masks(given, steps.dropout_key, i)
                weight = 1 if steps.weights is None else steps.weights[row]
                losses[i] = self._add_gradient(seen, X[row], Y[row], sums, weight)
            gradient /= last - first
            self._update(state, gradient, steps.rate(step), state.step + step + 1)

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient; nothing is dropped."""
        given = self._tensors(parameters)
        gradient = np.zeros_like(parameters)
        sums = self._tensors(gradient)
        total = 0.0
        for x, y in zip(X, Y, strict=True):
            total += float(self._add_gradient(given, x, y, sums))
        return total / len(X), gradient / len(X)

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, row by row."""
        given = self._tensors(parameters)
        return np.array([self._forward(given, x)[1][-1].ravel() for x in X])

    def _forward(self, given: list[Given], x: Vector) -> tuple[list[Vector], list[Vector]]:
        """Return each layer's z, and x with each layer's output a = f(z)."""
        Z, A = [], [x.reshape(self._network.input_shape)]
        for layer, (f, _), own in zip(self._layers, self._activations, given, strict=True):
            Z.append(layer.forward(A[-1], own))
            A.append(f(Z[-1]))
        return Z, A

    def _add_gradient(
        self, given: list[Given], x: Vector, y: Vector, sums: list[Given], weight: Any = 1
    ) -> Any:
        """Add the gradient of one sample's loss times `weight` to `sums`; return the loss."""
        Z, A = self._forward(given, x)
        loss, da = self._value(A[-1].ravel(), y, self._loss)
        da = weight * da.reshape(A[-1].shape)
        for k in reversed(range(len(self._layers))):
            layer, (_, slope) = self._layers[k], self._activations[k]
            dz = da * slope(Z[k], A[k + 1])
            gradients = layer.gradients(A[k], dz, given[k])
            for total, own in zip(sums[k], gradients, strict=bool(gradients)):
                total += own
            if k > 0:
                da = layer.below(A[k], dz, given[k])
        return loss

    def _update(self, state: TrainingState, gradient: Vector, eta: float, t: int) -> None:
        """Make step t along the mean gradient of a batch."""
        rule, theta = self._rule, state.parameters
        for option, limit in LIMITS.items():
            if option in rule.features:
                limit(gradient, getattr(rule, option))
        for g, W in zip(self._weights(gradient), self._weights(theta), strict=True):
            for option, penalty in PENALTIES.items():
                if option in rule.features:
                    g += penalty(W, getattr(rule, option))
            for option, decay in DECAYS.items():
                if option in rule.features:
                    decay(W, eta, getattr(rule, option))
        slots = state.optimizer_state.reshape(rule.slots, -1 if rule.slots else 0)
        RULES.get(rule.variant, own_rule)(theta, slots, gradient, eta, t, rule)

    def _tensors(self, vector: Vector) -> list[Given]:
        """Return the views of each layer into a flat vector: weight and bias, or none."""
        views = self._network.layout.views(vector)
        shapes = zip(self._network.layers, self._network.shapes, strict=False)
        return [
            tuple(views[f"{k}.{name}"] for name in layer.parameter_shapes(inputs))
            for k, (layer, inputs) in enumerate(shapes)
        ]

    def _weights(self, vector: Vector) -> list[Matrix]:
        """Return the views of all that penalties shrink."""
        slots = self._network.weights
        return [vector[slot.offset : slot.offset + slot.size] for slot in slots]

    def _with_masks(self, given: list[Given], key: int, position: int) -> list[Given]:
        """Return `given`, with what each dropout layer keeps of this sample."""
        return [
            tuple(dropout.kept(key, [position], k, self._size(k), layer.rate))
            if isinstance(layer, Dropout)
            else given[k]
            for k, layer in enumerate(self._network.layers)
        ]

    def _size(self, layer: int) -> int:
        return int(np.prod(self._network.shapes[layer]))


class ReferenceBackend:
    """One sample at a time in NumPy: the specification of all backends."""

    name = "reference"
    _built_in = Capabilities.of(
        layers=LAYERS,
        activations=ACTIVATIONS,
        losses=LOSSES,
        optimizers=[*RULES, *LIMITS, *PENALTIES, *DECAYS],
        step_fields=[RATES, WEIGHTS],
    )

    @property
    def capabilities(self) -> Capabilities:
        """What it can compile: what is built in, and what the user has registered by now."""
        return self._built_in.with_own()

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
