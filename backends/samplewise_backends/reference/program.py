"""Algorithm 1 of the report, for any stack of layers and any batch size.

    for each batch: for each sample of it: forward pass, loss, backward pass; then one update

Every other backend must agree with this one, which is meant to be read, not to be fast.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import (
    DECISIONS,
    PENALTIES,
    RATES,
    WEIGHTS,
    Capabilities,
    Program,
    Steps,
    TrainingState,
    Workload,
    dropout,
)
from samplewise.network import FROZEN, Dropout, Loss, Network, Optimizer
from samplewise_backends.reference import optimizers as updates
from samplewise_backends.reference.activations import ACTIVATIONS, activation_named
from samplewise_backends.reference.layers import LAYERS, Backward, Parameters
from samplewise_backends.reference.losses import LOSSES, custom_loss

Vector = NDArray[Any]
Matrix = NDArray[Any]
Passed = tuple[Backward, Callable[[], Vector]]


class ReferenceProgram(Program):
    """A network executed one sample at a time."""

    def __init__(self, network: Network, loss: Loss, optimizer: Optimizer) -> None:
        self._network, self._loss, self._optimizer = network, loss, optimizer
        self._lowest, self._trained = network.first_trained, network.trained
        pairs = network.layers_and_inputs
        self._layers = [LAYERS[layer.kind](layer, inputs) for layer, inputs in pairs]
        self._activations = [activation_named(layer.activation) for layer in network.layers]
        self._value = LOSSES.get(loss.name, custom_loss)
        self._step = updates.UPDATES.get(optimizer.variant, updates.custom_update)
        self._limits = updates.in_use(updates.LIMITS, optimizer)
        self._penalties = updates.in_use(updates.PENALTIES, optimizer)

    def run_epoch(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
    ) -> None:
        """Run the batches one after the other: accumulate over the samples, then update."""
        tensors = self._tensors(state.parameters)
        gradient = np.zeros_like(state.parameters)
        sums = self._tensors(gradient)
        batches = range(steps.start, steps.stop, steps.batch_size)
        for step, first in enumerate(batches):
            last = min(first + steps.batch_size, steps.stop)
            gradient.fill(0)
            for i in range(first, last):
                row = steps.order[i]
                seen = self._with_masks(tensors, steps.dropout_key, i)
                weight = 1 if steps.weights is None else steps.weights[row]
                losses[i], z = self._add_gradient(seen, X[row], Y[row], sums, weight)
                if steps.decisions is not None:
                    steps.decisions[i] = z.argmax() if len(z) > 1 else z[0] > 0
            gradient /= last - first
            l2 = steps.step_l2(step)
            if steps.penalties is not None:
                steps.penalties[step] = l2 / 2 * self._square_of_weights(state.parameters)
            self._update(state, gradient, steps.rate(step), l2, state.step + step + 1)

    def gradients(self, parameters: Vector, X: Matrix, Y: Matrix) -> tuple[float, Vector]:
        """Return the mean loss of the rows and its gradient; nothing is dropped."""
        tensors = self._tensors(parameters)
        gradient = np.zeros_like(parameters)
        sums = self._tensors(gradient)
        total = 0.0
        for x, y in zip(X, Y, strict=True):
            total += float(self._add_gradient(tensors, x, y, sums)[0])
        return total / len(X), gradient / len(X)

    def predict(self, parameters: Vector, X: Matrix) -> Matrix:
        """Return the logits, row by row."""
        tensors = self._tensors(parameters)
        return np.array([self._forward(tensors, x)[0].ravel() for x in X])

    def _forward(self, parameters: list[Parameters], x: Vector) -> tuple[Vector, list[Passed]]:
        """Return the logits, and the backward pass and derivative of each layer."""
        a, passed = x.reshape(self._network.input_shape), []
        for layer, f, tensors in zip(self._layers, self._activations, parameters, strict=True):
            z, backward = layer(a, *tensors)
            a, derivative = f(z)
            passed.append((backward, derivative))
        return a, passed

    def _add_gradient(
        self,
        parameters: list[Parameters],
        x: Vector,
        y: Vector,
        sums: list[Parameters],
        weight: Any = 1,
    ) -> tuple[Any, Vector]:
        """Add the gradient of one sample's loss times `weight`; return loss and logits."""
        a, passed = self._forward(parameters, x)
        loss, da = self._value(a.ravel(), y, self._loss)
        da = weight * da.reshape(a.shape)
        for k in range(len(passed) - 1, self._lowest - 1, -1):
            backward, derivative = passed[k]
            gradients, dx = backward(da * derivative())
            if self._network.layers[k].trainable:
                for total, gradient in zip(sums[k], gradients, strict=bool(gradients)):
                    total += gradient
            if k > self._lowest:
                da = dx()
        return loss, a.ravel()

    def _update(
        self, state: TrainingState, gradient: Vector, eta: float, l2: float, t: int
    ) -> None:
        """Make step t along the mean gradient of a batch, which is 0 for frozen layers.

        `l2` is the step's own penalty.
        """
        optimizer, theta = self._optimizer, state.parameters
        of_step = [(updates.PENALTIES["l2"], l2)] if l2 else []
        for limit, size in self._limits:
            limit(gradient, size)
        for g, W in zip(self._weights(gradient), self._weights(theta), strict=True):
            for penalty, factor in [*self._penalties, *of_step]:
                g += penalty(W, factor)
            if optimizer.weight_decay:
                W -= eta * optimizer.weight_decay * W
        slots = state.optimizer_state.reshape(optimizer.slots, -1 if optimizer.slots else 0)
        for part in self._trained:
            self._step(theta[part], slots[:, part], gradient[part], eta, t, optimizer)

    def _tensors(self, vector: Vector) -> list[Parameters]:
        """Return the views of each layer into a flat vector: weight and bias, or none."""
        views = self._network.layout.views(vector)
        return [
            tuple(views[f"{k}.{name}"] for name in layer.parameter_shapes(inputs))
            for k, (layer, inputs) in enumerate(self._network.layers_and_inputs)
        ]

    def _weights(self, vector: Vector) -> list[Matrix]:
        """Return the views of the weights that penalties shrink."""
        slots = self._network.weights
        return [vector[slot.offset : slot.offset + slot.size] for slot in slots]

    def _square_of_weights(self, theta: Vector) -> float:
        """Return |W|^2 over all weights that penalties shrink, in float64."""
        return sum(float(np.sum(W.astype(np.float64) ** 2)) for W in self._weights(theta))

    def _with_masks(self, tensors: list[Parameters], key: int, position: int) -> list[Parameters]:
        """Return `tensors`, with the mask of each dropout layer for this sample."""
        shapes = self._network.shapes
        return [
            tuple(dropout.kept(key, [position], k, math.prod(shapes[k]), layer.rate))
            if isinstance(layer, Dropout)
            else tensors[k]
            for k, layer in enumerate(self._network.layers)
        ]


class ReferenceBackend:
    """One sample at a time in NumPy: the specification of all backends."""

    name = "reference"
    _built_in = Capabilities.of(
        layers=[*LAYERS, FROZEN],
        activations=ACTIVATIONS,
        losses=LOSSES,
        optimizers=[*updates.UPDATES, *updates.LIMITS, *updates.PENALTIES, "weight_decay"],
        step_fields=[RATES, WEIGHTS, PENALTIES, DECISIONS],
    )

    @property
    def capabilities(self) -> Capabilities:
        """Built-in kinds and options, and those that the user has registered by now."""
        return self._built_in.with_custom()

    def compile(
        self,
        network: Network,
        loss: Loss,
        optimizer: Optimizer,
        dtype: np.dtype[Any],
        workload: Workload | None = None,
    ) -> ReferenceProgram:
        """Return the program; it follows the dtype of the arrays it is given."""
        return ReferenceProgram(network, loss, optimizer)
