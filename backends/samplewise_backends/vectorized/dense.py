"""The dense layer of a batch, forward beside backward, into given buffers."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[Any]
Matrix = NDArray[Any]


def forward(A: Matrix, W: Matrix, b: Vector, Z: Matrix) -> None:
    """Z = A W^T + b, with A (B, I), W (O, I), b (O,), Z (B, O) written."""
    np.matmul(A, W.T, out=Z)
    Z += b


def parameter_gradients(A: Matrix, dZ: Matrix, dW: Matrix, db: Vector) -> None:
    """dW = dZ^T A and db = the column sums of dZ: the sum over the batch, both written."""
    np.matmul(dZ.T, A, out=dW)
    np.sum(dZ, axis=0, out=db)


def input_gradient(W: Matrix, dZ: Matrix, dA: Matrix) -> None:
    """dA = dZ W, written."""
    np.matmul(dZ, W, out=dA)
