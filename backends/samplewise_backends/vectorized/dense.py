"""The dense layer of a batch, forward beside backward, into given buffers.

np.dot and not np.matmul: the product of a column with a row, (10, 1) by (1, 784), takes 2 us with
the one and 34 us with the other, which does not hand it to BLAS (numpy 2.4, one core).
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[Any]
Matrix = NDArray[Any]


def forward(A: Matrix, W: Matrix, b: Vector, Z: Matrix) -> None:
    """Z = A W^T + b, with A (B, I), W (O, I), b (O,), Z (B, O) written."""
    np.dot(A, W.T, out=Z)
    Z += b


def weight_gradient(A: Matrix, dZ: Matrix, dW: Matrix) -> None:
    """dW = dZ^T A: the sum over the batch, written."""
    np.dot(dZ.T, A, out=dW)


def bias_gradient(dZ: Matrix, db: Vector) -> None:
    """db = the column sums of dZ, written."""
    if len(dZ) == 1:
        np.copyto(db, dZ[0])
    else:
        np.add.reduce(dZ, axis=0, out=db)


def input_gradient(W: Matrix, dZ: Matrix, dA: Matrix) -> None:
    """dA = dZ W, written."""
    np.dot(dZ, W, out=dA)
