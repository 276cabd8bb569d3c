"""Layers of a batch that reshape it, or drop a part of it."""

from __future__ import annotations

import numpy as np

from samplewise_backends.vectorized.layers.base import Matrix, Parameterless, Parameters


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
