"""Layers that compute nothing, or drop something, for a batch."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise_backends.vectorized.layers.parameterless import Parameterless

Matrix = NDArray[Any]
Given = tuple[NDArray[Any], ...]


class Unchanged(Parameterless):
    """A row as it is: flattening changes nothing where every sample is a row."""

    def forward(self, A: Matrix, given: Given, Z: Matrix) -> None:
        """Write A, or what dropout leaves of it: it is given factors, but in training only."""
        if given:
            np.multiply(A, given[0], out=Z)
        else:
            np.copyto(Z, A)

    def below(self, A: Matrix, dZ: Matrix, given: Given, dA: Matrix) -> None:
        """Write dZ, times the same factors."""
        del A
        self.forward(dZ, given, dA)
