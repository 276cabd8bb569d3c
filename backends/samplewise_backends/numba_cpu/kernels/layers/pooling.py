"""Pooling of one image with its channels last: forward beside backward.

The pooled image is (out_h, out_w, filters), with as many filters as channels.
"""

from samplewise_backends.numba_cpu.compile.jit import kernel
from samplewise_backends.numba_cpu.compile.vectors import vector_kernel
from samplewise_backends.numba_cpu.compile.views import part
from samplewise_backends.numba_cpu.kernels.layers.conv_pooled import larger


@vector_kernel
def max_forward(v, layer, x, z, places):
    """Write the largest value of each window, and the place of the first such in it.

    Of a convolution's outputs, a place counts pixels of its padded image, as in `conv_forward`.

    The last vector of the channels reaches beyond their end, see `conv_tiles`: what it writes
    there is written again, so vectors run from the last to the first.
    """
    channels, width = layer.filters, layer.out_w
    right, down = layer.stride, layer.stride * layer.padded_w
    vectors = (channels + v.lanes - 1) // v.lanes

    def of_vector(n, state):
        first = (vectors - 1 - n) * v.lanes

        def of_y(y, state):
            def of_x(q, state):
                top, left = y * layer.pool_step, q * layer.pool_step

                def of_row(i, state):
                    def of_value(j, state):
                        value = v.load(x, ((top + i) * width + left + j) * channels + first)
                        place = i * down + j * right
                        return list(larger(*state, value, v.all(v.number(place))))

                    return v.repeat(layer.pool_w, of_value, state)

                start = v.load(x, (top * width + left) * channels + first)
                best, place = v.repeat(layer.pool_h, of_row, [start, v.all(0.0)])
                out = (y * layer.pooled_w + q) * channels + first
                v.store(z, out, best)
                v.store(places, out, place)
                return state

            return v.repeat(layer.pooled_w, of_x, state)

        return v.repeat(layer.pooled_h, of_y, state)

    v.repeat(vectors, of_vector, [])


@kernel
def max_backward(layer, places, dz, dX):
    """Send each dz to where the largest value was."""
    channels, step = layer.filters, layer.pool_step
    for i in range(layer.inputs):
        dX[i] = 0
    for y in range(layer.pooled_h):
        for q in range(layer.pooled_w):
            first, o = (y * layer.width + q) * step, (y * layer.pooled_w + q) * channels
            for c in range(channels):
                dX[(first + int(places[o + c])) * channels + c] += dz[o + c]


@kernel
def average_forward(layer, x, z):
    """Write the mean of each window."""
    channels, step = layer.filters, layer.pool_step
    area = z.dtype.type(layer.pool_h * layer.pool_w)
    for y in range(layer.pooled_h):
        for q in range(layer.pooled_w):
            out = part(z, (y * layer.pooled_w + q) * channels, channels)
            for c in range(channels):
                out[c] = 0
            for i in range(y * step, y * step + layer.pool_h):
                for j in range(q * step, q * step + layer.pool_w):
                    values = part(x, (i * layer.out_w + j) * channels, channels)
                    for c in range(channels):
                        out[c] += values[c]
            for c in range(channels):
                out[c] /= area


@kernel
def average_backward(layer, dz, dX):
    """Spread each dz evenly over its window."""
    channels, step = layer.filters, layer.pool_step
    area = dz.dtype.type(layer.pool_h * layer.pool_w)
    for i in range(layer.inputs):
        dX[i] = 0
    for y in range(layer.pooled_h):
        for q in range(layer.pooled_w):
            shares = part(dz, (y * layer.pooled_w + q) * channels, channels)
            for i in range(y * step, y * step + layer.pool_h):
                for j in range(q * step, q * step + layer.pool_w):
                    target = part(dX, (i * layer.out_w + j) * channels, channels)
                    for c in range(channels):
                        target[c] += shares[c] / area
