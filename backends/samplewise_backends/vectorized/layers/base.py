"""The interface of a layer of a batch, and the layer that reshapes it or drops a part."""

from __future__ import annotations

from typing import Protocol

import numpy as np

from samplewise_backends.vectorized.arrays import Matrix

Parameters = tuple[Matrix, ...]


class BatchLayer(Protocol):
    """A layer of a batch; Z is its output before the activation.

    `parameters` are weight and bias, a mask of dropout, or none. The two backward methods, called
    in this order, are of the batch of the last forward pass: a layer may keep what that computed.
    """

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix, /) -> None:
        """Write Z."""
        ...

    def gradients(
        self, A: Matrix, dZ: Matrix, parameters: Parameters, written: Parameters, /
    ) -> None:
        """Write the gradients of weight and bias, summed over the batch."""
        ...

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix, /) -> None:
        """Write d loss / d A."""
        ...


class Parameterless:
    """A layer without weight and bias."""

    def gradients(self, A: Matrix, dZ: Matrix, parameters: Parameters, written: Parameters) -> None:
        """Write nothing: the layer has none."""


class Unchanged(Parameterless):
    """A row as it is: flattening changes nothing where every sample is a row."""

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix) -> None:
        """Write A, times the mask of dropout, which comes in training only."""
        if parameters:
            np.multiply(A, parameters[0], out=Z)
        else:
            np.copyto(Z, A)

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix) -> None:
        """Write dZ, times the same mask."""
        self.forward(dZ, parameters, dA)
