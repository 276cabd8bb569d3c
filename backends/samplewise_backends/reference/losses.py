"""Losses of one sample from its logits: the value and its gradient, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Loss
from samplewise.network.custom import CustomLoss
from samplewise.network.losses import Huber
from samplewise_backends.reference.activations import log_one_plus_exp, logistic

Vector = NDArray[Any]
Valued = tuple[Any, Vector]


def binary_cross_entropy(z: Vector, y: Vector, _: Loss) -> Valued:
    """-(y log p + (1 - y) log(1 - p)) with p = sigmoid(z); dz = p - y.

    Written in z it is log(1 + exp(z)) - y z: exact where p itself rounds to 0 or 1, so the
    report's clipping of p is not needed. log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)), and
    max(z, 0) - y z comes first: it is exactly 0 where the answer is right, and the rest is tiny.
    """
    value = (np.maximum(z, 0) - y * z) + np.log1p(np.exp(-np.abs(z)))
    return value[0], logistic(z) - y


def categorical_cross_entropy(z: Vector, y: Vector, _: Loss) -> Valued:
    """-sum(y log p) with p = softmax(z) and y summing to 1; dz = p - y.

    exp overflows float32 above 88; shifting all logits by the largest leaves p unchanged.
    """
    shifted = z - z.max()
    e = np.exp(shifted)
    value = np.log(e.sum()) - y @ shifted
    return value, e / e.sum() - y


def multi_label_cross_entropy(z: Vector, y: Vector, _: Loss) -> Valued:
    """Mean over the outputs of log(1 + exp(z)) - y z; dz = (p - y) / outputs."""
    return (log_one_plus_exp(z) - y * z).mean(), (logistic(z) - y) / len(z)


def mean_squared_error(z: Vector, y: Vector, _: Loss) -> Valued:
    """Mean over the outputs of e^2, with e = z - y; dz = 2 e / outputs."""
    e = z - y
    return (e * e).mean(), 2 * e / len(z)


def mean_absolute_error(z: Vector, y: Vector, _: Loss) -> Valued:
    """Mean over the outputs of |e|; dz = sign(e) / outputs."""
    e = z - y
    return np.abs(e).mean(), np.sign(e) / len(z)


def huber(z: Vector, y: Vector, loss: Loss) -> Valued:
    """Mean over the outputs of e^2 / 2, or delta (|e| - delta / 2) beyond delta.

    dz = e, limited to [-delta, delta], over the outputs.
    """
    assert isinstance(loss, Huber)
    e, near = z - y, np.clip(z - y, -loss.delta, loss.delta)
    return (near * (e - near / 2)).mean(), near / len(z)


def poisson(z: Vector, y: Vector, _: Loss) -> Valued:
    """Mean over the outputs of exp(z) - y z; dz = (exp(z) - y) / outputs."""
    rate = np.exp(z)
    return (rate - y * z).mean(), (rate - y) / len(z)


def custom_loss(z: Vector, y: Vector, loss: Loss) -> Valued:
    """Value and gradient of a registered loss, for one row."""
    assert isinstance(loss, CustomLoss)
    return loss.values(z[None], y[None])[0], loss.gradient(z[None], y[None])[0]


LOSSES: dict[str, Callable[[Vector, Vector, Loss], Valued]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
    "multi_label_cross_entropy": multi_label_cross_entropy,
    "mean_squared_error": mean_squared_error,
    "mean_absolute_error": mean_absolute_error,
    "huber": huber,
    "poisson": poisson,
}
