"""Pooling of a batch, forward beside backward, into given buffers."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samplewise.network import AvgPool2D, MaxPool2D
from samplewise_backends.vectorized.arrays import Matrix
from samplewise_backends.vectorized.layers.base import Parameterless, Parameters


class _Pool(Parameterless):
    """Takes the windows' places one after the other: all upper left values, and so on."""

    def __init__(self, layer: MaxPool2D | AvgPool2D, input_shape: tuple[int, ...]) -> None:
        self._size, self._step = layer.size, layer.step
        self._input_shape, self._output_shape = input_shape, layer.output_shape(input_shape)

    def _places(self, images: Matrix) -> Iterator[Matrix]:
        """Yield the view of each place of the windows, (B, channels, height, width)."""
        _, height, width = self._output_shape
        step = self._step
        for i, j in np.ndindex(self._size):
            yield images[:, :, i : i + step * height : step, j : j + step * width : step]

    def _images(self, A: Matrix, shape: tuple[int, ...]) -> Matrix:
        return A.reshape(len(A), *shape)


class MaxPool(_Pool):
    """The largest value of each window; of equal ones, the first gets the gradient."""

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix) -> None:
        """Write the largest values; np.maximum keeps a NaN."""
        out = self._images(Z, self._output_shape)
        first, *others = self._places(self._images(A, self._input_shape))
        np.copyto(out, first)
        for place in others:
            np.maximum(out, place, out=out)
        self._largest = out

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix) -> None:
        """Send each dZ to where the largest value was found first."""
        images, largest = self._images(A, self._input_shape), self._largest
        deltas, out = self._images(dZ, self._output_shape), self._images(dA, self._input_shape)
        out.fill(0)
        free = np.ones(largest.shape, dtype=bool)
        for place, target in zip(self._places(images), self._places(out), strict=True):
            here = free & (place == largest)
            target += deltas * here
            free &= ~here


class AvgPool(_Pool):
    """The mean of each window."""

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix) -> None:
        """Write the means."""
        out = self._images(Z, self._output_shape)
        out.fill(0)
        for place in self._places(self._images(A, self._input_shape)):
            out += place
        out /= np.prod(self._size)

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix) -> None:
        """Spread each dZ evenly over its window."""
        share = self._images(dZ, self._output_shape) / np.prod(self._size).astype(dZ.dtype)
        out = self._images(dA, self._input_shape)
        out.fill(0)
        for target in self._places(out):
            target += share


class GlobalAvgPool(Parameterless):
    """The mean of each channel."""

    def __init__(self, input_shape: tuple[int, ...]) -> None:
        self._channels = input_shape[0]

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix) -> None:
        """Write the means, (B, channels)."""
        np.mean(A.reshape(len(A), self._channels, -1), axis=2, out=Z)

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix) -> None:
        """Spread each dZ evenly over its channel."""
        out = dA.reshape(len(dA), self._channels, -1)
        np.divide(dZ[:, :, None], out.shape[2], out=out)
