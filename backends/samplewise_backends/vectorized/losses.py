"""Losses of a batch from its logits: values and gradient side by side, into given buffers."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Vector = NDArray[Any]
Matrix = NDArray[Any]


def binary_cross_entropy(Z: Matrix, Y: Matrix, losses: Vector, dZ: Matrix, scratch: Matrix) -> None:
    """Write max(z, 0) - y z + log(1 + exp(-|z|)) of each row, and dZ = sigmoid(Z) - Y.

    The first two cancel exactly where the answer is right, and the last is tiny there.
    Z, Y, dZ, scratch: (B, 1); losses: (B,).
    """
    np.abs(Z, out=scratch)
    np.negative(scratch, out=scratch)
    np.exp(scratch, out=scratch)
    np.log1p(scratch, out=losses[:, None])
    np.maximum(Z, 0, out=scratch)
    np.multiply(Y, Z, out=dZ)
    scratch -= dZ
    losses += scratch[:, 0]
    expit(Z, out=dZ)
    dZ -= Y


def categorical_cross_entropy(
    Z: Matrix, Y: Matrix, losses: Vector, dZ: Matrix, scratch: Matrix
) -> None:
    """Write log(sum exp(z)) - y . z of each row, and dZ = softmax(Z) - Y.

    Z, Y, dZ, scratch: (B, K); losses: (B,). The first column of scratch holds row values.
    """
    row_values = scratch[:, :1]
    np.max(Z, axis=1, keepdims=True, out=row_values)
    np.subtract(Z, row_values, out=dZ)
    np.multiply(Y, dZ, out=scratch)
    np.sum(scratch, axis=1, out=losses)
    np.exp(dZ, out=dZ)
    np.sum(dZ, axis=1, keepdims=True, out=row_values)
    dZ /= row_values
    np.log(row_values, out=row_values)
    np.subtract(row_values[:, 0], losses, out=losses)
    dZ -= Y


LOSSES: dict[str, Callable[[Matrix, Matrix, Vector, Matrix, Matrix], None]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
}
