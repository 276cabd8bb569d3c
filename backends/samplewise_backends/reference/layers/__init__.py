"""Layers of one sample by kind. Each is a function of its description that returns `forward`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samplewise_backends.reference.layers.base import Backward, Forward, Parameters, Shape
from samplewise_backends.reference.layers.conv import conv
from samplewise_backends.reference.layers.dense import dense
from samplewise_backends.reference.layers.layer_norm import layer_norm
from samplewise_backends.reference.layers.pooling import avg_pool, global_avg_pool, max_pool
from samplewise_backends.reference.layers.shaping import dropout, flatten

__all__ = ["LAYERS", "Backward", "Forward", "Parameters"]

LAYERS: dict[str, Callable[[Any, Shape], Forward]] = {
    "dense": dense,
    "conv": conv,
    "max_pool": max_pool,
    "avg_pool": avg_pool,
    "global_avg_pool": global_avg_pool,
    "flatten": flatten,
    "dropout": dropout,
    "layer_norm": layer_norm,
}
