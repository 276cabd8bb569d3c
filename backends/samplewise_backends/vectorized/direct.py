"""The first layer one step after the other."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise_backends.vectorized import dense
from samplewise_backends.vectorized.passes import Layers
from samplewise_backends.vectorized.workspace import Batch

Matrix = NDArray[Any]


class DirectFirstLayer:
    """Multiplies each batch with the weights, and leaves their update to the step."""

    # Of the flat vector: a step updates all of it.
    start = 0

    def begin(
        self, state: TrainingState, X: Matrix, steps: Steps, layers: Layers, gradient: Layers
    ) -> None:
        """Take the layer's views for a call."""
        del state, X, steps
        self._layer, self._gradient = layers[0], gradient[0]

    def open(self, X: Matrix, first: int) -> None:
        """Take the rows of a block."""
        del first
        self._X = X

    def forward(self, batch: Batch) -> None:
        """Write Z."""
        dense.forward(self._X[batch.start : batch.stop], *self._layer, batch.A[0])

    def backward(self, batch: Batch) -> None:
        """Write the gradient."""
        dW, db = self._gradient
        dense.weight_gradient(self._X[batch.start : batch.stop], batch.dZ[0], dW)
        dense.bias_gradient(batch.dZ[0], db)

    def close(self) -> None:
        """Nothing is left to do at the end of a block."""
