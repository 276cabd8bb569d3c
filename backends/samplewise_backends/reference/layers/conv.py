"""The convolution of one sample."""

from __future__ import annotations

import numpy as np

from samplewise.network import Conv2D
from samplewise_backends.reference.layers.base import Array, Backward, Forward, Gradients, Shape


def conv(layer: Conv2D, input_shape: Shape) -> Forward:
    """z[f, y, x] = b[f] + sum over c, i, j of w[f, c, i, j] a[c, s y + i, s x + j].

    One tap (i, j) of all kernels after the other: it reads an image of its own, the padded input
    shifted by the tap and thinned by the stride s.

    dw[:, :, i, j] = sum over y, x of dz times the tap's image; db = sum of dz; da: each tap sends
    w^T dz back to where it read, and shares of the padding are dropped.
    """
    s, pads = layer.stride, ((0, 0), *layer.pads(input_shape))
    _, out_height, out_width = layer.output_shape(input_shape)

    def tap(padded: Array, i: int, j: int) -> Array:
        """Return the view that tap (i, j) reads, (channels, height, width)."""
        return padded[:, i : i + s * out_height : s, j : j + s * out_width : s]

    def forward(a: Array, w: Array, b: Array) -> tuple[Array, Backward]:
        padded = np.pad(a, pads)
        z = np.empty((len(b), out_height, out_width), a.dtype)
        z[...] = b[:, None, None]
        for i, j in np.ndindex(layer.kernel):
            z += np.tensordot(w[:, :, i, j], tap(padded, i, j), 1)

        def backward(dz: Array) -> Gradients:
            dw = np.empty_like(w)
            for i, j in np.ndindex(layer.kernel):
                dw[:, :, i, j] = np.tensordot(dz, tap(padded, i, j), ((1, 2), (1, 2)))
            return (dw, dz.sum(axis=(1, 2))), lambda: input_gradient(dz)

        def input_gradient(dz: Array) -> Array:
            da = np.zeros_like(padded)
            for i, j in np.ndindex(layer.kernel):
                tap(da, i, j)[...] += np.tensordot(w[:, :, i, j].T, dz, 1)
            (_, _), (above, _), (left, _) = pads
            _, height, width = a.shape
            return da[:, above : above + height, left : left + width]

        return z, backward

    return forward
