"""Pooling of one sample: forward beside backward."""

from samplewise_backends.numba_cpu.compile.jit import kernel
from samplewise_backends.numba_cpu.compile.views import part


@kernel
def max_forward(layer, x, z, places):
    """Write the largest value of each window, and where the first such is in its channel."""
    height, width, step = layer.height, layer.width, layer.stride
    out_h, out_w = layer.out_h, layer.out_w
    for c in range(layer.channels):
        for y in range(out_h):
            for v in range(out_w):
                first = c * height * width + y * step * width + v * step
                place, best = first, x[first]
                for i in range(layer.kernel_h):
                    for k in range(first + i * width, first + i * width + layer.kernel_w):
                        # A NaN is taken, and stays: nothing is greater.
                        if x[k] > best or x[k] != x[k]:
                            place, best = k, x[k]
                o = (c * out_h + y) * out_w + v
                z[o] = best
                places[o] = place - c * height * width


@kernel
def max_backward(layer, places, dz, dX):
    """Send each dz to where the largest value was."""
    plane, size, zero = (
        layer.height * layer.width,
        layer.out_h * layer.out_w,
        dz.dtype.type(0),
    )
    for i in range(dX.shape[0]):
        dX[i] = zero
    for c in range(layer.channels):
        target = part(dX, c * plane, plane)
        for o in range(c * size, (c + 1) * size):
            target[int(places[o])] += dz[o]


@kernel
def average_forward(layer, x, z):
    """Write the mean of each window."""
    height, width, step = layer.height, layer.width, layer.stride
    out_h, out_w = layer.out_h, layer.out_w
    area = z.dtype.type(layer.kernel_h * layer.kernel_w)
    for c in range(layer.channels):
        for y in range(out_h):
            for v in range(out_w):
                first = c * height * width + y * step * width + v * step
                total = z.dtype.type(0)
                for i in range(layer.kernel_h):
                    for k in range(first + i * width, first + i * width + layer.kernel_w):
                        total += x[k]
                z[(c * out_h + y) * out_w + v] = total / area


@kernel
def average_backward(layer, dz, dX):
    """Spread each dz evenly over its window."""
    height, width, step = layer.height, layer.width, layer.stride
    out_h, out_w = layer.out_h, layer.out_w
    area = dz.dtype.type(layer.kernel_h * layer.kernel_w)
    for i in range(dX.shape[0]):
        dX[i] = 0
    for c in range(layer.channels):
        for y in range(out_h):
            for v in range(out_w):
                first = c * height * width + y * step * width + v * step
                share = dz[(c * out_h + y) * out_w + v] / area
                for i in range(layer.kernel_h):
                    target = part(dX, first + i * width, layer.kernel_w)
                    for k in range(target.shape[0]):
                        target[k] += share
