"""Layers of a batch: matrices with a row a sample, whatever the shape of a sample."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Layer
from samplewise_backends.vectorized.layers.conv import Conv
from samplewise_backends.vectorized.layers.dense import Dense
from samplewise_backends.vectorized.layers.layer_norm import LayerNorm
from samplewise_backends.vectorized.layers.pooling import AvgPool, GlobalAvgPool, MaxPool
from samplewise_backends.vectorized.layers.shaping import Unchanged

Matrix = NDArray[Any]
Given = tuple[NDArray[Any], ...]


class BatchLayer(Protocol):
    """A layer of a batch; Z is its output before the activation.

    `given` is what it has beside its input: weight and bias, or the factors of dropout.
    """

    def forward(self, A: Matrix, given: Given, Z: Matrix, /) -> None:
        """Write Z."""
        ...

    def gradients(self, A: Matrix, dZ: Matrix, given: Given, written: Given, /) -> None:
        """Write the gradients of weight and bias, summed over the batch."""
        ...

    def below(self, A: Matrix, dZ: Matrix, given: Given, dA: Matrix, /) -> None:
        """Write d loss / d A."""
        ...


# kind -> what computes a layer, given its description, the shape of its input, and the dtype.
LAYERS: dict[str, Callable[[Any, tuple[int, ...], np.dtype[Any]], BatchLayer]] = {
    "dense": lambda layer, shape, dtype: Dense(),
    "conv": Conv,
    "max_pool": lambda layer, shape, dtype: MaxPool(layer, shape),
    "avg_pool": lambda layer, shape, dtype: AvgPool(layer, shape),
    "global_avg_pool": lambda layer, shape, dtype: GlobalAvgPool(shape),
    "flatten": lambda layer, shape, dtype: Unchanged(),
    "dropout": lambda layer, shape, dtype: Unchanged(),
    "layer_norm": lambda layer, shape, dtype: LayerNorm(layer.epsilon),
}


def batch_layer(layer: Layer, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> BatchLayer:
    """Return what computes a layer on rows of its flattened input."""
    return LAYERS[layer.kind](layer, input_shape, dtype)
