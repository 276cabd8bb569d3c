"""Losses of one sample from its logits: the value and its gradient, side by side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise_backends.reference.activations import sigmoid

Vector = NDArray[Any]


def binary_cross_entropy(z: Vector, y: Vector) -> tuple[float, Vector]:
    """-(y log p + (1 - y) log(1 - p)) with p = sigmoid(z); dz = p - y.

    Written in z it is log(1 + exp(z)) - y z: exact where p itself rounds to 0 or 1, so the
    report's clipping of p is not needed. log(1 + exp(z)) = max(z, 0) + log(1 + exp(-|z|)), and
    max(z, 0) - y z comes first: it is exactly 0 where the answer is right, and the rest is tiny.
    """
    loss = (np.maximum(z, 0) - y * z) + np.log1p(np.exp(-np.abs(z)))
    return loss[0], sigmoid(z) - y


def categorical_cross_entropy(z: Vector, y: Vector) -> tuple[float, Vector]:
    """-sum(y log p) with p = softmax(z) and y one-hot; dz = p - y.

    exp overflows float32 above 88; shifting all logits by the largest leaves p unchanged.
    """
    shifted = z - z.max()
    e = np.exp(shifted)
    loss = np.log(e.sum()) - y @ shifted
    return loss, e / e.sum() - y


LOSSES: dict[str, Callable[[Vector, Vector], tuple[float, Vector]]] = {
    "binary_cross_entropy": binary_cross_entropy,
    "categorical_cross_entropy": categorical_cross_entropy,
}
