"""Layers of one sample by kind; `vmap` makes batches of them, and JAX differentiates them.

Each takes its description, the sample and its tensors by name. Where samplewise's text has the
formula of a layer and of its gradient, JAX has an operation with just these.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np

from samplewise.network import (
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
)
from samplewise_jax.lazy import jnp, lax

Array = Any


def dense(_: Dense, a: Array, *, weight: Array, bias: Array) -> Array:
    """z = W a + b, with a flattened."""
    return jnp.dot(weight, a.ravel(), precision=lax.Precision.HIGHEST) + bias


def conv(layer: Conv2D, a: Array, *, weight: Array, bias: Array) -> Array:
    """z[f, y, x] = b[f] + sum over c, i, j of w[f, c, i, j] a[c, s y + i, s x + j]."""
    strides, pads = (layer.stride, layer.stride), layer.pads(a.shape)
    precision = lax.Precision.HIGHEST
    z = lax.conv_general_dilated(a[None], weight, strides, pads, precision=precision)
    return z[0] + bias[:, None, None]


def max_pool(layer: MaxPool2D, a: Array) -> Array:
    """z = the largest value of each window; of equal ones, the first gets the gradient."""
    return _over_windows(layer, a, a.dtype.type(-np.inf), lax.max)


def avg_pool(layer: AvgPool2D, a: Array) -> Array:
    """z = the mean of each window."""
    height, width = layer.size
    return _over_windows(layer, a, a.dtype.type(0), lax.add) / (height * width)


def _over_windows(
    layer: MaxPool2D | AvgPool2D, a: Array, first: Any, reduction: Callable[..., Any]
) -> Array:
    steps = (1, layer.step, layer.step)
    return lax.reduce_window(a, first, reduction, (1, *layer.size), steps, "VALID")


def global_avg_pool(_: GlobalAvgPool, a: Array) -> Array:
    """z = the mean of each channel."""
    return a.mean(axis=(1, 2))


def flatten(_: Flatten, a: Array) -> Array:
    """z = all values in a row."""
    return a.ravel()


def dropout(layer: Dropout, a: Array, *, kept: Array | None = None) -> Array:
    """z = a / (1 - rate) where `kept`, else 0; without `kept`, in prediction, z = a."""
    return a if kept is None else a * kept.reshape(a.shape) / (1 - layer.rate)


def layer_norm(layer: LayerNorm, a: Array, *, weight: Array, bias: Array) -> Array:
    """z = w (a - mean(a)) / sqrt(variance + epsilon) + b."""
    centred = a - a.mean()
    return weight * (centred / jnp.sqrt((centred * centred).mean() + layer.epsilon)) + bias


LAYERS: dict[str, Callable[..., Array]] = {
    "dense": dense,
    "conv": conv,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool,
    "flatten": flatten,
    "dropout": dropout,
    "layer_norm": layer_norm,
}
