"""Pooling of one sample, forward beside backward."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import AvgPool2D, Layer, MaxPool2D
from samplewise_backends.reference.layers.parameterless import Parameterless

Array = NDArray[Any]


class _Pool(Parameterless):
    def __init__(self, layer: Layer, input_shape: tuple[int, ...]) -> None:
        assert isinstance(layer, (MaxPool2D, AvgPool2D))
        self._size, self._stride = layer.size, layer.step
        self._shape = layer.output_shape(input_shape)

    def _windows(self, a: Array) -> Array:
        """Return the view of all windows, (channels, height, width, *size)."""
        seen = np.lib.stride_tricks.sliding_window_view(a, self._size, axis=(1, 2))
        return seen[:, :: self._stride, :: self._stride]

    def _window(self, a: Array, y: int, x: int) -> Array:
        s, (height, width) = self._stride, self._size
        return a[:, s * y : s * y + height, s * x : s * x + width]


class MaxPool(_Pool):
    """The largest value of each window; of equal ones, the first gets the gradient."""

    def forward(self, a: Array, given: tuple[Array, ...]) -> Array:
        """Return the largest values, (channels, height, width); a NaN is the largest."""
        del given
        return np.asarray(self._windows(a).max(axis=(3, 4)))

    def below(self, a: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """Send each dz to where the largest value was found."""
        del given
        da, channels = np.zeros_like(a), np.arange(len(a))
        for y, x in np.ndindex(self._shape[1:]):
            window = self._window(a, y, x)
            first = window.reshape(len(a), -1).argmax(axis=1)
            rows, columns = np.unravel_index(first, self._size)
            self._window(da, y, x)[channels, rows, columns] += dz[:, y, x]
        return da


class AvgPool(_Pool):
    """The mean of each window."""

    def forward(self, a: Array, given: tuple[Array, ...]) -> Array:
        """Return the means, (channels, height, width)."""
        del given
        return np.asarray(self._windows(a).mean(axis=(3, 4)))

    def below(self, a: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """Spread each dz evenly over its window."""
        del given
        da, share = np.zeros_like(a), dz / np.prod(self._size).astype(a.dtype)
        for y, x in np.ndindex(self._shape[1:]):
            self._window(da, y, x)[...] += share[:, y, x, None, None]
        return da


class GlobalAvgPool(Parameterless):
    """The mean of each channel."""

    def __init__(self, layer: Layer, input_shape: tuple[int, ...]) -> None:
        del layer
        self._shape = input_shape

    def forward(self, a: Array, given: tuple[Array, ...]) -> Array:
        """Return the means, (channels,)."""
        del given
        return np.asarray(a.mean(axis=(1, 2)))

    def below(self, a: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """Spread each dz evenly over its channel."""
        del given
        _, height, width = a.shape
        share = dz / np.asarray(height * width, a.dtype)
        return np.broadcast_to(share[:, None, None], self._shape).copy()
