"""Layer normalisation of a batch, forward beside backward, into given buffers."""

from __future__ import annotations

import numpy as np

from samplewise_backends.vectorized.arrays import Matrix
from samplewise_backends.vectorized.layers.base import Parameters


class LayerNorm:
    """Z = w N + b, with N = (A - mean) / sqrt(variance + epsilon), of each row by itself."""

    def __init__(self, epsilon: float) -> None:
        self._epsilon = epsilon

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix) -> None:
        """Write Z, of A's shape."""
        w, b = parameters
        N, _ = self._normal(A)
        np.multiply(N, w.ravel(), out=Z)
        Z += b.ravel()

    def gradients(self, A: Matrix, dZ: Matrix, parameters: Parameters, written: Parameters) -> None:
        """Write dw, the sum of dZ N, and db, that of dZ."""
        dw, db = written
        N, _ = self._normal(A)
        N *= dZ
        np.add.reduce(N, axis=0, out=dw.reshape(-1))
        np.add.reduce(dZ, axis=0, out=db.reshape(-1))

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix) -> None:
        """Write (dN - mean(dN) - N mean(dN N)) / deviation of each row, with dN = w dZ."""
        w, _ = parameters
        N, deviation = self._normal(A)
        np.multiply(dZ, w.ravel(), out=dA)
        along = (dA * N).mean(axis=1, keepdims=True)
        dA -= dA.mean(axis=1, keepdims=True)
        N *= along
        dA -= N
        dA /= deviation

    def _normal(self, A: Matrix) -> tuple[Matrix, Matrix]:
        """Return N, and the deviations that rows were divided by, (B, 1)."""
        N = A - A.mean(axis=1, keepdims=True)
        deviation = np.sqrt(np.mean(N * N, axis=1, keepdims=True) + A.dtype.type(self._epsilon))
        N /= deviation
        return N, deviation
