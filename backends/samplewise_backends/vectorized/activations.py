"""Activation functions over matrices, in place: nothing is allocated in a step."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

Matrix = NDArray[Any]


def _identity(Z: Matrix) -> None:
    """Leave Z as it is."""


def _sigmoid(Z: Matrix) -> None:
    expit(Z, out=Z)


def _tanh(Z: Matrix) -> None:
    np.tanh(Z, out=Z)


def _relu(Z: Matrix) -> None:
    np.maximum(Z, 0, out=Z)


def _identity_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    """Leave dA as it is."""


def _sigmoid_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.subtract(1, A, out=scratch)
    scratch *= A
    dA *= scratch


def _tanh_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.multiply(A, A, out=scratch)
    np.subtract(1, scratch, out=scratch)
    dA *= scratch


def _relu_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.greater(A, 0, out=scratch)
    dA *= scratch


# name -> (Z becomes A, dA becomes dZ given A and a scratch matrix of the same shape).
ACTIVATIONS: dict[
    str, tuple[Callable[[Matrix], None], Callable[[Matrix, Matrix, Matrix], None]]
] = {
    "identity": (_identity, _identity_slope),
    "sigmoid": (_sigmoid, _sigmoid_slope),
    "tanh": (_tanh, _tanh_slope),
    "relu": (_relu, _relu_slope),
}
