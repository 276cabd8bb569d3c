"""Layers of a batch: matrices with a row a sample, whatever the shape of a sample."""

from __future__ import annotations

from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from samplewise.network import AvgPool2D, Conv2D, Layer, MaxPool2D
from samplewise.network import GlobalAvgPool as GlobalAvgPoolDescription
from samplewise.network import LayerNorm as LayerNormDescription
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


KINDS = frozenset(
    {
        "dense",
        "conv",
        "max_pool",
        "avg_pool",
        "global_avg_pool",
        "flatten",
        "dropout",
        "layer_norm",
    }
)


def batch_layer(layer: Layer, input_shape: tuple[int, ...], dtype: np.dtype[Any]) -> BatchLayer:
    """Return what computes a layer on rows of its flattened input."""
    match layer:
        case Conv2D():
            return Conv(layer, input_shape, dtype)
        case MaxPool2D():
            return MaxPool(layer, input_shape)
        case AvgPool2D():
            return AvgPool(layer, input_shape)
        case GlobalAvgPoolDescription():
            return GlobalAvgPool(input_shape)
        case LayerNormDescription():
            return LayerNorm(layer.epsilon)
    return Dense() if layer.kind == "dense" else Unchanged()
