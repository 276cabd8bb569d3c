"""The first layer one step after the other."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise_backends.vectorized.passes import Layers, Passes
from samplewise_backends.vectorized.workspace import Batch

Matrix = NDArray[Any]


class DirectFirstLayer:
    """Computes each batch with the weights, and leaves their update to the step.

    Args:
        passes: of the network.
    """

    # Of the flat vector: a step updates all of it.
    start = 0

    def __init__(self, passes: Passes) -> None:
        self._passes = passes

    def begin(
        self, state: TrainingState, X: Matrix, steps: Steps, layers: Layers, gradient: Layers
    ) -> None:
        """Take the views for a call."""
        self._layers, self._gradient = layers, gradient

    def open(self, X: Matrix, first: int) -> None:
        """Take the rows of a block."""
        self._X = X

    def forward(self, batch: Batch) -> None:
        """Write Z."""
        self._passes.first(self._X[batch.start : batch.stop], self._layers, batch)

    def backward(self, batch: Batch) -> None:
        """Write the gradient."""
        rows = self._X[batch.start : batch.stop]
        self._passes.first_gradients(rows, self._layers, batch, self._gradient)

    def close(self) -> None:
        """Nothing is left to do at the end of a block."""
