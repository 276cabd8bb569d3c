"""Activation functions, elementwise; JAX differentiates them.

At a kink the derivative is that of the left side, so both branches of it are written with `where`:
JAX would give half of each side for `maximum` and `minimum`.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

from samplewise.network.activations import GELU_CUBIC, LEAK, SELU_ALPHA, SELU_SCALE
from samplewise_jax.lazy import jax, jnp, lax

# Of JAX, whose types are known only where it is installed.
Array = Any


def identity(z: Array) -> Array:
    """a = z."""
    return z


def sigmoid(z: Array) -> Array:
    """a = 1 / (1 + exp(-z))."""
    return jax.nn.sigmoid(z)


def tanh(z: Array) -> Array:
    """a = (exp(z) - exp(-z)) / (exp(z) + exp(-z))."""
    return jnp.tanh(z)


def relu(z: Array) -> Array:
    """a = max(z, 0), which keeps NaN."""
    return jnp.where(z <= 0, 0, z)


def leaky_relu(z: Array) -> Array:
    """a = z where z > 0, else 0.01 z."""
    return jnp.where(z > 0, z, LEAK * z)


def elu(z: Array) -> Array:
    """a = z where z > 0, else exp(z) - 1."""
    # Large z, whose exponential overflows, would make the derivative of the other branch NaN.
    return jnp.where(z > 0, z, jnp.expm1(jnp.where(z > 0, 0, z)))


def selu(z: Array) -> Array:
    """a = s z where z > 0, else s alpha (exp(z) - 1)."""
    return SELU_SCALE * jnp.where(z > 0, z, SELU_ALPHA * elu(z))


def gelu(z: Array) -> Array:
    """a = z Phi(z), with the normal distribution function."""
    # Not 1 + erf, which has no digits left far below 0.
    return z * lax.erfc(-z * math.sqrt(0.5)) / 2


def gelu_tanh(z: Array) -> Array:
    """a = z (1 + tanh(u / 2)) / 2 = z sigmoid(u), with u = sqrt(8 / pi) (z + 0.044715 z^3)."""
    return z * sigmoid(math.sqrt(8 / math.pi) * (z + GELU_CUBIC * z * z * z))


def silu(z: Array) -> Array:
    """a = z sigmoid(z)."""
    return z * sigmoid(z)


def softplus(z: Array) -> Array:
    """a = log(1 + exp(z))."""
    return jax.nn.softplus(z)


ACTIVATIONS: dict[str, Callable[[Array], Array]] = {
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
