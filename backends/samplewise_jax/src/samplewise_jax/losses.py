"""Losses of one sample from its logits: the value and its gradient, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samplewise.network import Loss
from samplewise.network.losses import Huber
from samplewise_jax.lazy import jax, jnp

Array = Any
Valued = tuple[Array, Array]


def binary_cross_entropy(z: Array, y: Array, _: Loss) -> Valued:
    """log(1 + exp(z)) - y z; dz = sigmoid(z) - y.

    max(z, 0) - y z comes first: it is exactly 0 where the answer is right, and the rest is tiny.
    """
    value = (jnp.maximum(z, 0) - y * z) + jnp.log1p(jnp.exp(-jnp.abs(z)))
    return value[0], jax.nn.sigmoid(z) - y


def categorical_cross_entropy(z: Array, y: Array, _: Loss) -> Valued:
    """log(sum(exp(z))) - y z, with the largest logit taken off first; dz = softmax(z) - y."""
    shifted = z - z.max()
    e = jnp.exp(shifted)
    return jnp.log(e.sum()) - (y * shifted).sum(), e / e.sum() - y


def multi_label_cross_entropy(z: Array, y: Array, _: Loss) -> Valued:
    """Mean over the outputs of log(1 + exp(z)) - y z; dz = (sigmoid(z) - y) / outputs."""
    return (jax.nn.softplus(z) - y * z).mean(), (jax.nn.sigmoid(z) - y) / len(z)


def mean_squared_error(z: Array, y: Array, _: Loss) -> Valued:
    """Mean over the outputs of e^2, with e = z - y; dz = 2 e / outputs."""
    e = z - y
    return (e * e).mean(), 2 * e / len(z)


def mean_absolute_error(z: Array, y: Array, _: Loss) -> Valued:
    """Mean over the outputs of |e|; dz = sign(e) / outputs."""
    e = z - y
    return jnp.abs(e).mean(), jnp.sign(e) / len(z)


def huber(z: Array, y: Array, loss: Loss) -> Valued:
    """Mean over the outputs of e^2 / 2, or delta (|e| - delta / 2) beyond delta."""
    assert isinstance(loss, Huber)
    e, near = z - y, jnp.clip(z - y, -loss.delta, loss.delta)
    return (near * (e - near / 2)).mean(), near / len(z)


def poisson(z: Array, y: Array, _: Loss) -> Valued:
    """Mean over the outputs of exp(z) - y z; dz = (exp(z) - y) / outputs."""
    rate = jnp.exp(z)
    return (rate - y * z).mean(), (rate - y) / len(z)


LOSSES: dict[str, Callable[[Array, Array, Loss], Valued]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
    "multi_label_cross_entropy": multi_label_cross_entropy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
    "poisson": poisson,
}
