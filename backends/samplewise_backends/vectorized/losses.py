"""Losses of a batch from its logits, and their gradients, into given buffers.

They are apart: a step needs the gradient, and the losses of many steps are taken at once.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Vector = NDArray[Any]
Matrix = NDArray[Any]


def binary_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write max(z, 0) - y z + log(1 + exp(-|z|)) of each row; Z is used up.

    The first two cancel exactly where the answer is right, and the last is tiny there.
    Z, Y, scratch: (B, 1); losses: (B,).
    """
    np.abs(Z, out=scratch)
    np.negative(scratch, out=scratch)
    np.exp(scratch, out=scratch)
    np.log1p(scratch, out=losses[:, None])
    np.multiply(Y, Z, out=scratch)
    np.maximum(Z, 0, out=Z)
    Z -= scratch
    losses += Z[:, 0]


def binary_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = sigmoid(Z) - Y; all are (B, 1)."""
    del scratch
    expit(Z, out=dZ)
    dZ -= Y


def categorical_values(Z: Matrix, Y: Matrix, losses: Vector, scratch: Matrix) -> None:
    """Write log(sum exp(z)) - y . z of each row, of z less its largest; Z is used up.

    Z, Y, scratch: (B, K); losses: (B,).
    """
    row_values = scratch[:, :1]
    np.maximum.reduce(Z, axis=1, keepdims=True, out=row_values)
    Z -= row_values
    np.multiply(Y, Z, out=scratch)
    np.add.reduce(scratch, axis=1, out=losses)
    np.exp(Z, out=Z)
    np.add.reduce(Z, axis=1, keepdims=True, out=row_values)
    np.log(row_values, out=row_values)
    np.subtract(row_values[:, 0], losses, out=losses)


def categorical_gradient(Z: Matrix, Y: Matrix, dZ: Matrix, scratch: Matrix) -> None:
    """Write dZ = softmax(Z) - Y; all are (B, K), and scratch holds row values."""
    row_values = scratch[:, :1]
    np.maximum.reduce(Z, axis=1, keepdims=True, out=row_values)
    np.subtract(Z, row_values, out=dZ)
    np.exp(dZ, out=dZ)
    np.add.reduce(dZ, axis=1, keepdims=True, out=row_values)
    dZ /= row_values
    dZ -= Y


Values = Callable[[Matrix, Matrix, Vector, Matrix], None]
Gradient = Callable[[Matrix, Matrix, Matrix, Matrix], None]
LOSSES: dict[str, tuple[Values, Gradient]] = {
    "binary_cross_entropy": (binary_values, binary_gradient),
    "categorical_cross_entropy": (categorical_values, categorical_gradient),
}
