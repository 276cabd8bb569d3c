"""Activation functions a = f(z) and their slopes f'(z), elementwise."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Vector = NDArray[Any]


def sigmoid(z: Vector) -> Vector:
    """1 / (1 + exp(-z)), by the branch of the sign, so that exp never overflows."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def sigmoid_slope(a: Vector) -> Vector:
    """f'(z) = a (1 - a)."""
    return a * (1 - a)


def tanh_slope(a: Vector) -> Vector:
    """f'(z) = 1 - a^2."""
    return 1 - a * a


def relu(z: Vector) -> Vector:
    """max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(a: Vector) -> Vector:
    """1 where z > 0, else 0; at exactly 0, where there is no slope, 0 is taken."""
    return (a > 0).astype(a.dtype)


def identity(z: Vector) -> Vector:
    """Return z as it is."""
    return z


def identity_slope(a: Vector) -> Vector:
    """1."""
    return np.ones_like(a)


# name -> (f of z, slope of a); every slope here can be told from the output a = f(z) alone.
ACTIVATIONS: dict[str, tuple[Callable[[Vector], Vector], Callable[[Vector], Vector]]] = {
    "identity": (identity, identity_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (np.tanh, tanh_slope),
    "relu": (relu, relu_slope),
}
