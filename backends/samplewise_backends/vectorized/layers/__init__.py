"""Layers of a batch: matrices with a row for each sample, whatever the shape of a sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samplewise_backends.vectorized.arrays import DType
from samplewise_backends.vectorized.layers.base import BatchLayer, Parameters, Unchanged
from samplewise_backends.vectorized.layers.conv import Conv
from samplewise_backends.vectorized.layers.dense import Dense
from samplewise_backends.vectorized.layers.layer_norm import LayerNorm
from samplewise_backends.vectorized.layers.pooling import AvgPool, GlobalAvgPool, MaxPool

__all__ = ["LAYERS", "Parameters"]

# kind -> a layer on rows of its flattened input, from its description, the input's shape and the
# dtype of all arrays.
LAYERS: dict[str, Callable[[Any, tuple[int, ...], DType], BatchLayer]] = {
    "dense": lambda *_: Dense(),
    "conv": Conv,
    "max_pool": lambda layer, inputs, _: MaxPool(layer, inputs),
    "avg_pool": lambda layer, inputs, _: AvgPool(layer, inputs),
    "global_avg_pool": lambda _, inputs, __: GlobalAvgPool(inputs),
    "flatten": lambda *_: Unchanged(),
    "dropout": lambda *_: Unchanged(),
    "layer_norm": lambda layer, *_: LayerNorm(layer.epsilon),
}
