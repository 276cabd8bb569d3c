"""Layers of one sample. Each keeps nothing between forward and backward but its own settings.

`given` is what a layer has beside its input: weight and bias, or what dropout keeps.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Protocol

from numpy.typing import NDArray

from samplewise.network import Layer
from samplewise_backends.reference.layers.conv import Conv
from samplewise_backends.reference.layers.dense import Dense
from samplewise_backends.reference.layers.layer_norm import LayerNorm
from samplewise_backends.reference.layers.pooling import AvgPool, GlobalAvgPool, MaxPool
from samplewise_backends.reference.layers.shaping import Dropout, Flatten

Array = NDArray[Any]
Given = tuple[Array, ...]


class SampleLayer(Protocol):
    """A layer of one sample; z is its output before the activation."""

    def forward(self, x: Array, given: Given, /) -> Array:
        """Return z."""
        ...

    def gradients(self, x: Array, dz: Array, given: Given, /) -> Given:
        """Return the gradients of weight and bias, from dz = d loss / d z."""
        ...

    def below(self, x: Array, dz: Array, given: Given, /) -> Array:
        """Return d loss / d x."""
        ...


LAYERS: dict[str, Callable[[Layer, tuple[int, ...]], SampleLayer]] = {
    "dense": Dense,
    "conv": Conv,
    "max_pool": MaxPool,
    "avg_pool": AvgPool,
    "global_avg_pool": GlobalAvgPool,
    "flatten": Flatten,
    "dropout": Dropout,
    "layer_norm": LayerNorm,
}
