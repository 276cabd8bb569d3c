"""The convolution of one sample, forward beside backward."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Conv2D, Layer

Array = NDArray[Any]


class Conv:
    """z[f, y, x] = b[f] + sum over c, i, j of w[f, c, i, j] a[c, s y + i, s x + j].

    One tap (i, j) of all kernels after the other: what it reads is an image of its own, the input
    shifted by the tap and thinned by the stride.
    """

    def __init__(self, layer: Layer, input_shape: tuple[int, ...]) -> None:
        assert isinstance(layer, Conv2D)
        self._kernel, self._stride = layer.kernel, layer.stride
        self._pads = ((0, 0), *layer.pads(input_shape))
        _, self._height, self._width = layer.output_shape(input_shape)

    def forward(self, a: Array, given: tuple[Array, ...]) -> Array:
        """Return z (F, height, width)."""
        w, b = given
        padded = np.pad(a, self._pads)
        z = np.empty((len(b), self._height, self._width), a.dtype)
        z[...] = b[:, None, None]
        for i, j in self._taps():
            z += np.tensordot(w[:, :, i, j], self._seen_by(padded, i, j), 1)
        return z

    def gradients(self, a: Array, dz: Array, given: tuple[Array, ...]) -> tuple[Array, ...]:
        """dw[:, :, i, j] = sum over y, x of dz times what the tap saw; db the sum of dz."""
        w, _ = given
        padded, dw = np.pad(a, self._pads), np.empty_like(w)
        for i, j in self._taps():
            seen = self._seen_by(padded, i, j)
            dw[:, :, i, j] = np.tensordot(dz, seen, ((1, 2), (1, 2)))
        return dw, dz.sum(axis=(1, 2))

    def below(self, a: Array, dz: Array, given: tuple[Array, ...]) -> Array:
        """Each tap sends w^T dz back to where it read; what went to the padding is dropped."""
        w, _ = given
        padded = np.zeros_like(np.pad(a, self._pads))
        for i, j in self._taps():
            self._seen_by(padded, i, j)[...] += np.tensordot(w[:, :, i, j].T, dz, 1)
        (_, _), (above, _), (left, _) = self._pads
        _, height, width = a.shape
        return padded[:, above : above + height, left : left + width]

    def _taps(self) -> Iterator[tuple[int, int]]:
        return iter(np.ndindex(self._kernel))

    def _seen_by(self, padded: Array, i: int, j: int) -> Array:
        """Return the view of what tap (i, j) reads, (channels, height, width)."""
        s = self._stride
        return padded[:, i : i + s * self._height : s, j : j + s * self._width : s]
