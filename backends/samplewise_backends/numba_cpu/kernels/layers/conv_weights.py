"""Weights and gradients of a convolution between the layout of the network and those of the tiles.

The network's is (filters, channels, kernel_h, kernel_w); `conv_tiles` names the others. Once a
batch.
"""

from samplewise_backends.numba_cpu.compile.jit import kernel


@kernel
def pack_by_filter(layer, weights, bias, packed):
    """Write weights and biases by filter, with zeros up to `filters_ld`."""
    area, ld, channels = layer.kernel_h * layer.kernel_w, layer.filters_ld, layer.channels
    last = channels * area * ld
    for i in range(last + ld):
        packed[i] = 0
    for f in range(layer.filters):
        for c in range(channels):
            for k in range(area):
                packed[(k * channels + c) * ld + f] = weights[(f * channels + c) * area + k]
        packed[last + f] = bias[f]


@kernel
def unpack_by_filter(layer, packed, gradient):
    """Write a gradient that is summed by filter."""
    area, ld, channels = layer.kernel_h * layer.kernel_w, layer.filters_ld, layer.channels
    for f in range(layer.filters):
        for c in range(channels):
            for k in range(area):
                gradient[(f * channels + c) * area + k] = packed[(k * channels + c) * ld + f]


@kernel
def pack_by_tap(layer, weights, packed):
    """Write weights by tap, with zeros up to `taps_ld`."""
    ld, width, channels = layer.taps_ld, layer.kernel_w, layer.channels
    for i in range(layer.kernel_h * layer.filters * ld):
        packed[i] = 0
    for f in range(layer.filters):
        for c in range(channels):
            for i in range(layer.kernel_h):
                first, start = ((f * channels + c) * layer.kernel_h + i) * width, i * layer.filters
                for j in range(width):
                    packed[(start + f) * ld + j * channels + c] = weights[first + j]


@kernel
def unpack_by_tap(layer, packed, gradient):
    """Write a gradient that is summed by tap."""
    ld, width, channels = layer.taps_ld, layer.kernel_w, layer.channels
    for f in range(layer.filters):
        for c in range(channels):
            for i in range(layer.kernel_h):
                first, start = ((f * channels + c) * layer.kernel_h + i) * width, i * layer.filters
                for j in range(width):
                    gradient[first + j] = packed[(start + f) * ld + j * channels + c]
