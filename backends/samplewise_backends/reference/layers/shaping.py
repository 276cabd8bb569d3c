"""Layers of one sample that reshape it, or drop a part of it."""

from __future__ import annotations

from samplewise.network import Dropout, Flatten
from samplewise_backends.reference.layers.base import Array, Backward, Forward, Shape, parameterless


def flatten(_: Flatten, input_shape: Shape) -> Forward:
    """z = all values in a row."""
    backward = parameterless(lambda dz: dz.reshape(input_shape))
    return lambda a: (a.ravel(), backward)


def dropout(layer: Dropout, input_shape: Shape) -> Forward:
    """z = a / (1 - rate) where the mask keeps a, else 0; dz likewise.

    The mask stands in the place of parameters; in prediction there is none, and z = a.
    """

    def forward(a: Array, mask: Array | None = None) -> tuple[Array, Backward]:
        def dropped(values: Array) -> Array:
            if mask is None:
                return values
            return values * mask.reshape(input_shape) / a.dtype.type(1 - layer.rate)

        return dropped(a), parameterless(dropped)

    return forward
