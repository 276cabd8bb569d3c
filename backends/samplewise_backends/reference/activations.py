"""Activation functions, elementwise: each returns a = f(z) and a function for f'(z)."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network.activations import CUSTOM, GELU_CUBIC, LEAK, SELU_ALPHA, SELU_SCALE

Array = NDArray[Any]
Activated = tuple[Array, Callable[[], Array]]
Activation = Callable[[Array], Activated]


def logistic(z: Array) -> Array:
    """1 / (1 + exp(-z)), by the branch of the sign, so that exp never overflows."""
    e = np.exp(-np.abs(z))
    return np.where(z >= 0, 1, e) / (1 + e)


def log_one_plus_exp(z: Array) -> Array:
    """log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|))."""
    return np.maximum(z, 0) + np.log1p(np.exp(-np.abs(z)))


def identity(z: Array) -> Activated:
    """a = z; f'(z) = 1."""
    return z, lambda: np.ones_like(z)


def sigmoid(z: Array) -> Activated:
    """a = 1 / (1 + exp(-z)); f'(z) = a (1 - a)."""
    a = logistic(z)
    return a, lambda: a * (1 - a)


def tanh(z: Array) -> Activated:
    """a = (exp(z) - exp(-z)) / (exp(z) + exp(-z)); f'(z) = 1 - a^2."""
    a = np.tanh(z)
    return a, lambda: 1 - a * a


def relu(z: Array) -> Activated:
    """a = max(z, 0); f'(z) = 1 where z > 0, else 0, also at 0, its kink."""
    return np.maximum(z, 0), lambda: (z > 0).astype(z.dtype)


def leaky_relu(z: Array) -> Activated:
    """a = z where z > 0, else 0.01 z; f'(z) = 1 or 0.01."""
    return np.where(z > 0, z, LEAK * z), lambda: _where_positive(z, 1, z.dtype.type(LEAK))


def elu(z: Array) -> Activated:
    """a = z where z > 0, else exp(z) - 1; f'(z) = 1 or exp(z) = a + 1. expm1 is exact near 0."""
    a = np.where(z > 0, z, np.expm1(np.minimum(z, 0)))
    return a, lambda: _where_positive(z, 1, a + 1)


def selu(z: Array) -> Activated:
    """a = s z where z > 0, else s alpha (exp(z) - 1); f'(z) = s or a + s alpha."""
    a = SELU_SCALE * np.where(z > 0, z, SELU_ALPHA * np.expm1(np.minimum(z, 0)))
    return a, lambda: _where_positive(z, SELU_SCALE, a + SELU_SCALE * SELU_ALPHA)


def gelu(z: Array) -> Activated:
    """a = z Phi(z), with the normal distribution function; f'(z) = Phi(z) + z phi(z)."""
    # Not at the top: importing it takes 0.2 s, which every other network would pay.
    from scipy.special import erfc

    # Not 1 + erf, which has no digits left where Phi is tiny.
    Phi = np.asarray(erfc(-z * math.sqrt(0.5)) / 2)
    return z * Phi, lambda: Phi + z * np.exp(-z * z / 2) * (1 / math.sqrt(2 * math.pi))


def gelu_tanh(z: Array) -> Activated:
    """a = z (1 + tanh(u / 2)) / 2 = z sigmoid(u), with u = sqrt(8 / pi) (z + 0.044715 z^3).

    f'(z) = p + a (1 - p) u', with p = sigmoid(u).
    """
    # Not 1 + tanh, which has no digits left where p is tiny.
    p = logistic(math.sqrt(8 / math.pi) * (z + GELU_CUBIC * z * z * z))
    a = z * p

    def derivative() -> Array:
        du = math.sqrt(8 / math.pi) * (1 + 3 * GELU_CUBIC * z * z)
        return p + a * (1 - p) * du

    return a, derivative


def silu(z: Array) -> Activated:
    """a = z p, with p = sigmoid(z); f'(z) = p + a (1 - p)."""
    p = logistic(z)
    a = z * p
    return a, lambda: p + a * (1 - p)


def softplus(z: Array) -> Activated:
    """a = log(1 + exp(z)); f'(z) = sigmoid(z)."""
    return log_one_plus_exp(z), lambda: logistic(z)


def _where_positive(z: Array, one: Any, other: Any) -> Array:
    return np.where(z > 0, z.dtype.type(one), other)


ACTIVATIONS: dict[str, Activation] = {
    "identity": identity,
    "sigmoid": sigmoid,
    "tanh": tanh,
    "relu": relu,
    "leaky_relu": leaky_relu,
    "elu": elu,
    "selu": selu,
    "gelu": gelu,
    "gelu_tanh": gelu_tanh,
    "silu": silu,
    "softplus": softplus,
}


def activation_named(name: str) -> Activation:
    """Return an activation of the table, or one that the user has registered."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    registered = CUSTOM[name]

    def activation(z: Array) -> Activated:
        a, derivative = registered.of(z)
        return a, lambda: derivative

    return activation
