"""The forward and the backward pass of a batch, behind the first layer's product."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.network import Loss, Network
from samplewise_backends.vectorized import dense
from samplewise_backends.vectorized.activations import ACTIVATIONS
from samplewise_backends.vectorized.losses import LOSSES
from samplewise_backends.vectorized.workspace import Batch

Vector = NDArray[Any]
Matrix = NDArray[Any]
Layers = list[tuple[Matrix, Vector]]


class Passes:
    """A network and its loss, as operations on the views of a batch.

    Args:
        network: whose last layer gives the logits.
        loss: of them.
    """

    def __init__(self, network: Network, loss: Loss) -> None:
        self._layout = network.layout
        self._depth = len(network.layers)
        self._activations = [ACTIVATIONS[layer.activation] for layer in network.layers]
        self.losses, self._loss_gradient = LOSSES[loss.name]

    def layers(self, vector: Vector) -> Layers:
        """Return the (weight, bias) views of each layer into a flat vector (P,)."""
        views = self._layout.views(vector)
        return [(views[f"{k}.weight"], views[f"{k}.bias"]) for k in range(self._depth)]

    def forward(self, layers: Layers, batch: Batch) -> None:
        """Write each layer's output; `batch.A[0]` comes as the first layer's Z."""
        A = batch.A
        self._activations[0][0](A[0])
        for k in range(1, self._depth):
            dense.forward(A[k - 1], *layers[k], A[k])
            self._activations[k][0](A[k])

    def backward(self, layers: Layers, batch: Batch, factor: float, gradient: Layers) -> None:
        """Write d loss / d Z of each layer times `factor`, and the gradients of all but the first.

        The sum over the batch is taken, of what the factor has made of each row.
        """
        A, dZ, scratch = batch.A, batch.dZ, batch.scratch
        self._loss_gradient(A[-1], batch.Y, dZ[-1], scratch[-1])
        if factor != 1:
            dZ[-1] *= factor
        for k in range(self._depth - 1, 0, -1):
            self._activations[k][1](dZ[k], A[k], scratch[k])
            dW, db = gradient[k]
            dense.weight_gradient(A[k - 1], dZ[k], dW)
            dense.bias_gradient(dZ[k], db)
            dense.input_gradient(layers[k][0], dZ[k], dZ[k - 1])
        self._activations[0][1](dZ[0], A[0], scratch[0])
