"""Pooling of one sample: windows of (height, width), `step` apart, each channel by itself."""

from __future__ import annotations

import math

import numpy as np

from samplewise.network import AvgPool2D, GlobalAvgPool, MaxPool2D
from samplewise_backends.reference.layers.base import Array, Backward, Forward, Shape, parameterless

Pool = MaxPool2D | AvgPool2D


def max_pool(layer: MaxPool2D, input_shape: Shape) -> Forward:
    """z = the largest value of each window; a NaN is the largest.

    dz goes to where the largest value was found; of equal ones, to the first.
    """
    outputs = layer.output_shape(input_shape)[1:]

    def forward(a: Array) -> tuple[Array, Backward]:
        def input_gradient(dz: Array) -> Array:
            da, channels = np.zeros_like(a), np.arange(len(a))
            for y, x in np.ndindex(outputs):
                first = _window(a, layer, y, x).reshape(len(a), -1).argmax(axis=1)
                rows, columns = np.unravel_index(first, layer.size)
                _window(da, layer, y, x)[channels, rows, columns] += dz[:, y, x]
            return da

        return np.asarray(_windows(a, layer).max(axis=(3, 4))), parameterless(input_gradient)

    return forward


def avg_pool(layer: AvgPool2D, input_shape: Shape) -> Forward:
    """z = the mean of each window. dz spreads evenly over its window."""
    outputs = layer.output_shape(input_shape)[1:]

    def forward(a: Array) -> tuple[Array, Backward]:
        def input_gradient(dz: Array) -> Array:
            da, share = np.zeros_like(a), dz / np.prod(layer.size).astype(a.dtype)
            for y, x in np.ndindex(outputs):
                _window(da, layer, y, x)[...] += share[:, y, x, None, None]
            return da

        return np.asarray(_windows(a, layer).mean(axis=(3, 4))), parameterless(input_gradient)

    return forward


def global_avg_pool(_: GlobalAvgPool, input_shape: Shape) -> Forward:
    """z = the mean of each channel, (channels,). dz spreads evenly over its channel."""
    size = math.prod(input_shape[1:])

    def forward(a: Array) -> tuple[Array, Backward]:
        def input_gradient(dz: Array) -> Array:
            share = dz / np.asarray(size, a.dtype)
            return np.broadcast_to(share[:, None, None], input_shape).copy()

        return np.asarray(a.mean(axis=(1, 2))), parameterless(input_gradient)

    return forward


def _windows(a: Array, layer: Pool) -> Array:
    """Return the view of all windows, (channels, height, width, *size)."""
    seen = np.lib.stride_tricks.sliding_window_view(a, layer.size, axis=(1, 2))
    return seen[:, :: layer.step, :: layer.step]


def _window(a: Array, layer: Pool, y: int, x: int) -> Array:
    """Return the view of the window that output (y, x) reads, (channels, *size)."""
    s, (height, width) = layer.step, layer.size
    return a[:, s * y : s * y + height, s * x : s * x + width]
