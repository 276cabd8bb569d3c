"""Layers of one sample that reshape it, or drop a part of it."""

from __future__ import annotations

from samplewise.network import Dropout, Flatten
from samplewise_backends.reference.layers.base import Array, Backward, Forward, Gradients, Shape


def flatten(_: Flatten, input_shape: Shape) -> Forward:
    """z = all values in a row."""

    def forward(a: Array) -> tuple[Array, Backward]:
        def backward(dz: Array) -> Gradients:
            return (), lambda: dz.reshape(input_shape)

        return a.ravel(), backward

    return forward


def dropout(layer: Dropout, input_shape: Shape) -> Forward:
    """z = a / (1 - rate) where the mask keeps a, else 0; dz likewise.

    The mask stands in the place of parameters; in prediction there is none, and z = a.
    """

    def dropped(a: Array, mask: Array) -> Array:
        return a * mask.reshape(input_shape) / a.dtype.type(1 - layer.rate)

    def forward(a: Array, *mask: Array) -> tuple[Array, Backward]:
        def backward(dz: Array) -> Gradients:
            return (), lambda: dropped(dz, *mask) if mask else dz

        return dropped(a, *mask) if mask else a, backward

    return forward
