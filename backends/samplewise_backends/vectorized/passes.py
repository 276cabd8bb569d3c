"""The forward and the backward pass of a batch, after the first layer's product."""

from __future__ import annotations

from samplewise.network import Loss, Network
from samplewise_backends.vectorized.activations import activation_named
from samplewise_backends.vectorized.arrays import DType, Matrix, Vector
from samplewise_backends.vectorized.layers import LAYERS, Parameters
from samplewise_backends.vectorized.losses import functions_of
from samplewise_backends.vectorized.workspace import Batch

Layers = list[Parameters]


class Passes:
    """A network and its loss, as operations on the views of a batch."""

    def __init__(self, network: Network, loss: Loss, dtype: DType) -> None:
        described = list(network.layers_and_inputs)
        self._trainable = [layer.trainable for layer in network.layers]
        self._lowest = network.first_trained
        self._layout = network.layout
        self._names = [
            [f"{k}.{name}" for name in layer.parameter_shapes(inputs)]
            for k, (layer, inputs) in enumerate(described)
        ]
        self._kinds = [LAYERS[layer.kind](layer, inputs, dtype) for layer, inputs in described]
        self._activations = [activation_named(layer.activation) for layer in network.layers]
        self.losses, self._loss_gradient = functions_of(loss)

    def layers(self, vector: Vector) -> Layers:
        """Return the views of each layer into a flat vector (P,): weight and bias, or none."""
        views = self._layout.views(vector)
        return [tuple(views[name] for name in names) for names in self._names]

    def first(self, X: Matrix, layers: Layers, batch: Batch) -> None:
        """Write the first layer's Z for the rows of X."""
        self._kinds[0].forward(X, self._parameters(layers, batch, 0), batch.A[0])

    def first_gradients(self, X: Matrix, layers: Layers, batch: Batch, gradient: Layers) -> None:
        """Write the first layer's gradients, from its dZ, unless it is frozen."""
        if self._lowest == 0:
            self._kinds[0].gradients(X, batch.dZ[0], layers[0], gradient[0])

    def forward(self, layers: Layers, batch: Batch) -> None:
        """Write each layer's output; `batch.A[0]` comes as the first layer's Z."""
        A, scratch = batch.A, batch.scratch
        self._activations[0][0](A[0], scratch[0])
        for k in range(1, len(A)):
            self._kinds[k].forward(A[k - 1], self._parameters(layers, batch, k), A[k])
            self._activations[k][0](A[k], scratch[k])

    def backward(
        self,
        layers: Layers,
        batch: Batch,
        factor: float,
        gradient: Layers,
        weights: Matrix | None = None,
    ) -> None:
        """Write d loss / d Z of each layer times `factor`, and the gradients of all but the first.

        Gradients are sums over the batch, and those of frozen layers stay as they are; none is
        taken below the first trained layer. `weights`, (rows, 1), multiply the rows' losses.
        """
        A, dZ, scratch = batch.A, batch.dZ, batch.scratch
        self._loss_gradient(A[-1], batch.Y, dZ[-1], scratch[-1])
        if factor != 1:
            dZ[-1] *= factor
        if weights is not None:
            dZ[-1] *= weights
        for k in range(len(A) - 1, self._lowest - 1, -1):
            self._activations[k][1](dZ[k], A[k], scratch[k])
            parameters = self._parameters(layers, batch, k)
            if k > 0 and self._trainable[k]:
                self._kinds[k].gradients(A[k - 1], dZ[k], parameters, gradient[k])
            if k > self._lowest:
                self._kinds[k].input_gradient(A[k - 1], dZ[k], parameters, dZ[k - 1])

    def _parameters(self, layers: Layers, batch: Batch, k: int) -> Parameters:
        return (batch.masks[k],) if k in batch.masks else layers[k]
