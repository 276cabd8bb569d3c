"""The dense layer of one sample, forward beside backward."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

Vector = NDArray[Any]
Matrix = NDArray[Any]


def forward(x: Vector, W: Matrix, b: Vector) -> Vector:
    """z = W x + b, with x (I,), W (O, I), b (O,)."""
    return W @ x + b


def parameter_gradients(x: Vector, dz: Vector) -> tuple[Matrix, Vector]:
    """dW = dz x^T and db = dz, from dz = d loss / d z (O,)."""
    return dz[:, None] * x, dz


def input_gradient(W: Matrix, dz: Vector) -> Vector:
    """dx = W^T dz."""
    return W.T @ dz
