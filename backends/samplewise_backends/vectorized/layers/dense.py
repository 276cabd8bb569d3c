"""The dense layer of a batch, forward beside backward, into given buffers.

np.dot and not np.matmul: the product of a column with a row, (10, 1) by (1, 784), takes 2 us with
the one and 34 us with the other, which does not hand it to BLAS (numpy 2.4, one core).
"""

from __future__ import annotations

import numpy as np

from samplewise_backends.vectorized.arrays import Matrix, Vector
from samplewise_backends.vectorized.layers.base import Parameters


def weight_gradient(A: Matrix, dZ: Matrix, dW: Matrix) -> None:
    """dW = dZ^T A: the sum over the batch, written."""
    np.dot(dZ.T, A, out=dW)


def bias_gradient(dZ: Matrix, db: Vector) -> None:
    """db = the column sums of dZ, written."""
    if len(dZ) == 1:
        np.copyto(db, dZ[0])
    else:
        np.add.reduce(dZ, axis=0, out=db)


class Dense:
    """Z = A W^T + b, with A (B, I), W (O, I), b (O,)."""

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix) -> None:
        """Write Z (B, O)."""
        W, b = parameters
        np.dot(A, W.T, out=Z)
        Z += b

    def gradients(self, A: Matrix, dZ: Matrix, parameters: Parameters, written: Parameters) -> None:
        """Write dW = dZ^T A and db, the column sums of dZ: sums over the batch."""
        dW, db = written
        weight_gradient(A, dZ, dW)
        bias_gradient(dZ, db)

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix) -> None:
        """Write dA = dZ W."""
        W, _ = parameters
        np.dot(dZ, W, out=dA)
