"""Layer normalisation of one sample, forward beside backward."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Layer
from samplewise.network import LayerNorm as Description

Array = NDArray[Any]


class LayerNorm:
    """z = w n + b with n = (a - mean) / sqrt(variance + epsilon)."""

    def __init__(self, layer: Layer, input_shape: tuple[int, ...]) -> None:
        assert isinstance(layer, Description)
        del input_shape
        self._epsilon = layer.epsilon

    def forward(self, a: Array, given: tuple[Array, ...]) -> Array:
        """Return z, of the input's shape."""
        w, b = given
        n, _ = self._normal(a)
        return w * n + b

    def gradients(self, a: Array, dz: Array, given: tuple[Array, ...]) -> tuple[Array, ...]:
        """dw = dz n and db = dz."""
        del given
        n, _ = self._normal(a)
        return dz * n, dz

    def below(self, a: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """da = (dn - mean(dn) - n mean(dn n)) / deviation, with dn = w dz."""
        w, _ = given
        n, deviation = self._normal(a)
        dn = w * dz
        return (dn - dn.mean() - n * (dn * n).mean()) / deviation

    def _normal(self, a: Array) -> tuple[Array, Array]:
        """Return n and the deviation that it was divided by."""
        centred = a - a.mean()
        deviation = np.sqrt((centred * centred).mean() + a.dtype.type(self._epsilon))
        return centred / deviation, deviation
