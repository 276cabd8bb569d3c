"""The convolution of a batch, forward beside backward, into given buffers.

Each image becomes a matrix with a row for each tap of a kernel and a column for each output pixel,
so that a product with all kernels is the layer. Filling it takes one copy a tap.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from samplewise.network import Conv2D, aligned_zeros
from samplewise_backends.vectorized.arrays import DType, Matrix
from samplewise_backends.vectorized.layers.base import Parameters


class Conv:
    """Z[f] = b[f] + sum over taps of w[f, tap] times the values that the tap reads."""

    def __init__(self, layer: Conv2D, input_shape: tuple[int, ...], dtype: DType) -> None:
        self._layer, self._input_shape, self._dtype = layer, input_shape, dtype
        self._filters, *self._lengths = layer.output_shape(input_shape)
        channels, height, width = input_shape
        (above, under), (left, right) = layer.pads(input_shape)
        self._padded_shape = channels, above + height + under, left + width + right
        self._inside = slice(above, above + height), slice(left, left + width)
        self._pixels = int(np.prod(self._lengths))
        self._taps = channels * int(np.prod(layer.kernel))
        self._allocate(0)

    def forward(self, A: Matrix, parameters: Parameters, Z: Matrix) -> None:
        """Write Z (B, F pixels)."""
        w, b = parameters
        count = len(A)
        seen = self._unfolded(A)
        out = Z.reshape(count, self._filters, self._pixels)
        np.matmul(w.reshape(self._filters, -1), seen, out=out)
        out += b[:, None]

    def gradients(self, A: Matrix, dZ: Matrix, parameters: Parameters, written: Parameters) -> None:
        """Write dw = dZ times the values read, and db, the sums of dZ; sums over the batch."""
        dw, db = written
        count = len(A)
        seen, each = self._seen[:count], self._each[:count]
        deltas = dZ.reshape(count, self._filters, self._pixels)
        np.matmul(deltas, seen.transpose(0, 2, 1), out=each)
        np.add.reduce(each, axis=0, out=dw.reshape(self._filters, -1))
        np.add.reduce(deltas, axis=(0, 2), out=db)

    def input_gradient(self, A: Matrix, dZ: Matrix, parameters: Parameters, dA: Matrix) -> None:
        """Write dA: each tap sends its share back to where it read.

        The values read make room for the shares: the gradients must be written before.
        """
        w, _ = parameters
        count = len(A)
        deltas, shares = dZ.reshape(count, self._filters, self._pixels), self._seen[:count]
        np.matmul(w.reshape(self._filters, -1).T, deltas, out=shares)
        padded = self._padded[:count]
        padded.fill(0)
        for view, share in self._views(padded, shares):
            view += share
        rows, columns = self._inside
        np.copyto(dA.reshape(count, *self._input_shape), padded[:, :, rows, columns])
        # The next forward pass expects zeros in the padding.
        padded.fill(0)

    def _unfolded(self, A: Matrix) -> Matrix:
        """Return the values that each tap reads, (B, taps, pixels)."""
        count = len(A)
        if count > len(self._padded):
            self._allocate(count)
        padded, seen = self._padded[:count], self._seen[:count]
        rows, columns = self._inside
        padded[:, :, rows, columns] = A.reshape(count, *self._input_shape)
        for view, columns_of_tap in self._views(padded, seen):
            np.copyto(columns_of_tap, view)
        return seen

    def _views(self, padded: Matrix, taps: Matrix) -> Iterator[tuple[Matrix, Matrix]]:
        """Yield the values that a tap reads in all channels, and its part of `taps`."""
        height, width = self._lengths
        step, kernel = self._layer.stride, self._layer.kernel
        parts = taps.reshape(len(taps), -1, *kernel, height, width)
        for i, j in np.ndindex(kernel):
            view = padded[:, :, i : i + step * height : step, j : j + step * width : step]
            yield view, parts[:, :, i, j]

    def _allocate(self, rows: int) -> None:
        self._padded = aligned_zeros((rows, *self._padded_shape), self._dtype)
        self._seen = aligned_zeros((rows, self._taps, self._pixels), self._dtype)
        self._each = aligned_zeros((rows, self._filters, self._taps), self._dtype)
