"""Activation functions a = f(z) and their slopes f'(z), elementwise."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import erf

from samplewise.network.activations import (
    GELU_CUBIC,
    LEAK,
    OWN_ACTIVATIONS,
    SELU_ALPHA,
    SELU_SCALE,
    OwnActivation,
)

Array = NDArray[Any]


def sigmoid(z: Array) -> Array:
    """1 / (1 + exp(-z)), by the branch of the sign, so that exp never overflows."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def sigmoid_slope(z: Array, a: Array) -> Array:
    """f'(z) = a (1 - a)."""
    del z
    return a * (1 - a)


def tanh(z: Array) -> Array:
    """(exp(z) - exp(-z)) / (exp(z) + exp(-z))."""
    return np.tanh(z)


def tanh_slope(z: Array, a: Array) -> Array:
    """f'(z) = 1 - a^2."""
    del z
    return 1 - a * a


def relu(z: Array) -> Array:
    """max(z, 0)."""
    return np.maximum(z, 0)


def relu_slope(z: Array, a: Array) -> Array:
    """1 where z > 0, else 0; at exactly 0, where there is no slope, 0 is taken."""
    del a
    return (z > 0).astype(z.dtype)


def leaky_relu(z: Array) -> Array:
    """z where z > 0, else a hundredth of it."""
    return np.where(z > 0, z, LEAK * z)


def leaky_relu_slope(z: Array, a: Array) -> Array:
    """1 where z > 0, else 0.01."""
    return np.where(z > 0, np.ones_like(a), a.dtype.type(LEAK))


def elu(z: Array) -> Array:
    """z where z > 0, else exp(z) - 1; expm1 is exact near 0, and sees nothing above it."""
    return np.where(z > 0, z, np.expm1(np.minimum(z, 0)))


def elu_slope(z: Array, a: Array) -> Array:
    """1 where z > 0, else exp(z) = a + 1."""
    return np.where(z > 0, np.ones_like(a), a + 1)


def selu(z: Array) -> Array:
    """s z where z > 0, else s alpha (exp(z) - 1)."""
    return SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))


def selu_slope(z: Array, a: Array) -> Array:
    """s where z > 0, else s alpha exp(z) = a + s alpha."""
    return np.where(z > 0, a.dtype.type(SELU_SCALE), a + SELU_SCALE * SELU_ALPHA)


def gelu(z: Array) -> Array:
    """z Phi(z), with the normal distribution function Phi."""
    return z * _normal_distribution(z)


def gelu_slope(z: Array, a: Array) -> Array:
    """Phi(z) + z phi(z), with the normal density phi."""
    del a
    return _normal_distribution(z) + z * np.exp(-z * z / 2) * (1 / math.sqrt(2 * math.pi))


def _normal_distribution(z: Array) -> Array:
    return np.asarray((1 + erf(z * math.sqrt(0.5))) / 2)


def gelu_tanh(z: Array) -> Array:
    """z (1 + tanh(u)) / 2, with u = sqrt(2 / pi) (z + 0.044715 z^3)."""
    return z * (1 + _gelu_inner(z)) / 2


def gelu_tanh_slope(z: Array, a: Array) -> Array:
    """(1 + t) / 2 + z (1 - t^2) u' / 2, with t = tanh(u)."""
    del a
    t = _gelu_inner(z)
    slope_of_u = math.sqrt(2 / math.pi) * (1 + 3 * GELU_CUBIC * z * z)
    return (1 + t) / 2 + z * (1 - t * t) * slope_of_u / 2


def _gelu_inner(z: Array) -> Array:
    return np.tanh(math.sqrt(2 / math.pi) * (z + GELU_CUBIC * z * z * z))


def silu(z: Array) -> Array:
    """z sigmoid(z)."""
    return z * sigmoid(z)


def silu_slope(z: Array, a: Array) -> Array:
    """p + a (1 - p), with p = sigmoid(z)."""
    p = sigmoid(z)
    return p + a * (1 - p)


def softplus(z: Array) -> Array:
    """log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|))."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def softplus_slope(z: Array, a: Array) -> Array:
    """sigmoid(z)."""
    del a
    return sigmoid(z)


def identity(z: Array) -> Array:
    """Return z as it is."""
    return z


def identity_slope(z: Array, a: Array) -> Array:
    """1."""
    del z
    return np.ones_like(a)


Functions = tuple[Callable[[Array], Array], Callable[[Array, Array], Array]]
# name -> (f of z, slope of z and a = f(z)).
ACTIVATIONS: dict[str, Functions] = {
    "identity": (identity, identity_slope),
    "sigmoid": (sigmoid, sigmoid_slope),
    "tanh": (tanh, tanh_slope),
    "relu": (relu, relu_slope),
    "leaky_relu": (leaky_relu, leaky_relu_slope),
    "elu": (elu, elu_slope),
    "selu": (selu, selu_slope),
    "gelu": (gelu, gelu_slope),
    "gelu_tanh": (gelu_tanh, gelu_tanh_slope),
    "silu": (silu, silu_slope),
    "softplus": (softplus, softplus_slope),
}


def activation_named(name: str) -> Functions:
    """Return the functions of an activation: of the table, or of the user's own."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    return _own(OWN_ACTIVATIONS[name])


def _own(activation: OwnActivation) -> Functions:
    def f(z: Array) -> Array:
        return activation.of(z)[0]

    def slope(z: Array, a: Array) -> Array:
        del a
        return activation.of(z)[1]

    return f, slope
