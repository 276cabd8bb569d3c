"""Limits of gradients and penalties of weights, in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import TypeVar

import numpy as np

from samplewise.network import Optimizer
from samplewise_backends.vectorized.arrays import Vector

F = TypeVar("F")


def clip_value(g: Vector, largest: float, scratch: Vector) -> None:
    """Limit each entry of the gradient to [-largest, largest]."""
    np.clip(g, -largest, largest, out=g)


def clip_norm(g: Vector, largest: float, scratch: Vector) -> None:
    """Limit the length of the gradient, also where squares overflow."""
    norm, scale = _length(g, scratch), 1.0
    if math.isinf(norm):
        scale = float(np.abs(g, out=scratch).max())
        if math.isinf(scale):
            # The zeros between two layers' gradients, which no step writes, would become NaN.
            return
        g /= scale
        norm = _length(g, scratch)
    if norm > largest / scale:
        g *= largest / norm
    elif scale != 1.0:
        g *= scale


def _length(g: Vector, scratch: Vector) -> float:
    # Not np.linalg.norm, whose sum of squares may be BLAS's, in another order each time.
    return math.sqrt(np.add.reduce(np.multiply(g, g, out=scratch)))


# In this order.
LIMITS: dict[str, Callable[[Vector, float, Vector], None]] = {
    "clip_value": clip_value,
    "clip_norm": clip_norm,
}


def l2(W: Vector, g: Vector, factor: float, learning_rate: float, scratch: Vector) -> None:
    """Add the gradient of factor / 2 |W|^2."""
    g += np.multiply(W, factor, out=scratch)


def l1(W: Vector, g: Vector, factor: float, learning_rate: float, scratch: Vector) -> None:
    """Add the gradient of factor sum |W|."""
    np.sign(W, out=scratch)
    scratch *= factor
    g += scratch


def weight_decay(
    W: Vector, g: Vector, factor: float, learning_rate: float, scratch: Vector
) -> None:
    """Shrink the weights themselves."""
    W -= np.multiply(W, learning_rate * factor, out=scratch)


PENALTIES: dict[str, Callable[[Vector, Vector, float, float, Vector], None]] = {
    "l2": l2,
    "l1": l1,
    "weight_decay": weight_decay,
}


def in_use(table: dict[str, F], optimizer: Optimizer) -> list[tuple[F, float]]:
    """Return the functions of the options that are on, each with the value of its option."""
    on = [name for name in table if name in optimizer.features]
    return [(table[name], getattr(optimizer, name)) for name in on]
