"""Layers that compute nothing, or drop something, for one sample."""

from __future__ import annotations

from typing import Any

from numpy.typing import NDArray

from samplewise.network import Dropout as DropoutDescription
from samplewise.network import Layer
from samplewise_backends.reference.layers.parameterless import Parameterless

Array = NDArray[Any]


class Flatten(Parameterless):
    """One row of all values."""

    def __init__(self, layer: Layer, input_shape: tuple[int, ...]) -> None:
        del layer
        self._shape = input_shape

    def forward(self, a: Array, given: tuple[Array, ...]) -> Array:
        """Return the values in a row."""
        del given
        return a.ravel()

    def below(self, a: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """Return dz in the input's shape."""
        del a, given
        return dz.reshape(self._shape)


class Dropout(Parameterless):
    """z = a / (1 - rate) where kept, else 0. What is kept is given; nothing is, in prediction."""

    def __init__(self, layer: Layer, input_shape: tuple[int, ...]) -> None:
        assert isinstance(layer, DropoutDescription)
        self._kept, self._shape = 1 - layer.rate, input_shape

    def forward(self, a: Array, given: tuple[Array, ...]) -> Array:
        """Return what is left of a, or a itself in prediction."""
        if not given:
            return a
        (mask,) = given
        return a * mask.reshape(self._shape) / a.dtype.type(self._kept)

    def below(self, a: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """Drop the same of dz."""
        del a
        return self.forward(dz, given)
