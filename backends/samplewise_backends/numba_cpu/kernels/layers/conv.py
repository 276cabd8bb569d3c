"""Convolution of one sample, with the pooling after it: forward beside backward.

Planes are taken as flat vectors. With stride 1 the values that a tap reads in all windows are one
contiguous slice of them, of PRODUCTS elements; where a row of windows ends, it runs on into columns
of no window, which are left out of the output, and whose dZ is 0. With a larger stride the values
are gathered one by one, and there are no such columns. So each image is one product with all
filters.
A max pooling after ReLU is taken in the pass that adds the bias, and neither the values that it
leaves out nor their dZ are ever written.

Differs from the reference: products are sums in the order of BLAS. Flat shifts are known from
low-memory im2col. The trap: the columns between windows may hold anything, except in dZ.
"""

from samplewise_backends.numba_cpu.compile.blas import gemm_nn, gemm_nt, gemm_tn
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel
from samplewise_backends.numba_cpu.compile.views import part


@inlined_kernel
def _taps(layer):
    return layer.channels * layer.kernel_h * layer.kernel_w


@inlined_kernel
def _is_padded(layer):
    return layer.padded_h != layer.height or layer.padded_w != layer.width


@inlined_kernel
def _padded(layer, x, scratch):
    """Return the planes with zeros around them: x itself where there are none."""
    if not _is_padded(layer):
        return x
    height, width, plane = layer.height, layer.width, layer.padded_h * layer.padded_w
    planes = part(scratch, 0, layer.channels * plane)
    for i in range(planes.shape[0]):
        planes[i] = 0
    for c in range(layer.channels):
        for y in range(height):
            start = c * plane + (y + layer.above) * layer.padded_w + layer.left
            target, source = part(planes, start, width), part(x, (c * height + y) * width, width)
            for i in range(width):
                target[i] = source[i]
    return planes


@kernel
def _unfold(layer, planes, seen):
    """Write the values that each tap reads, (taps, PRODUCTS)."""
    width, plane, products = layer.padded_w, layer.padded_h * layer.padded_w, layer.products
    tap = 0
    for c in range(layer.channels):
        for i in range(layer.kernel_h):
            for j in range(layer.kernel_w):
                out, first = part(seen, tap * products, products), c * plane + i * width + j
                if layer.stride == 1:
                    source = part(planes, first, products)
                    for k in range(products):
                        out[k] = source[k]
                else:
                    _gather(layer, planes, first, out)
                tap += 1


@kernel
def _gather(layer, planes, first, out):
    step, width = layer.stride, layer.padded_w
    for y in range(layer.out_h):
        for v in range(layer.out_w):
            out[y * layer.out_w + v] = planes[first + y * step * width + v * step]


@kernel
def conv_forward(gemm, layer, x, weights, bias, z, places, scratch):
    """Write the outputs before the activation, or of the pooling after it.

    places: where in the products of its filter each pooled value was; scratch: at least
    channels padded_h padded_w + (taps + filters) products.
    """
    taps, products, filters = _taps(layer), layer.products, layer.filters
    one, zero = z.dtype.type(1), z.dtype.type(0)
    before = layer.channels * layer.padded_h * layer.padded_w
    seen = part(scratch, before, taps * products)
    out = part(scratch, before + taps * products, filters * products)
    _unfold(layer, _padded(layer, x, scratch), seen)
    gemm_nn(gemm, filters, products, taps, one, weights, taps, seen, products, zero, out, products)
    for f in range(filters):
        of_filter = part(out, f * products, products)
        if layer.pool_h > 0:
            size = layer.pooled_h * layer.pooled_w
            _pool(layer, of_filter, bias[f], part(z, f * size, size), part(places, f * size, size))
        else:
            size = layer.out_h * layer.out_w
            _compact(layer, of_filter, bias[f], part(z, f * size, size))


@kernel
def _compact(layer, products, bias, z):
    """Copy the products of windows, with the bias."""
    width = layer.out_w
    for y in range(layer.out_h):
        source, target = part(products, y * layer.pitch, width), part(z, y * width, width)
        for v in range(width):
            target[v] = source[v] + bias


@kernel
def _pool(layer, products, bias, z, places):
    """Write the largest value of each pooling window, and where the first such was."""
    pitch, step, count = layer.pitch, layer.pool_step, layer.pooled_w
    height, width = layer.pool_h, layer.pool_w
    for y in range(layer.pooled_h):
        first, out, left = (
            y * step * pitch,
            part(z, y * count, count),
            part(places, y * count, count),
        )
        if height == 2 and width == 2 and step == 2:
            # The same call with sizes that the compiler knows: five times as fast.
            _pool_row(products, first, pitch, bias, out, left, 2, 2, 2)
        else:
            _pool_row(products, first, pitch, bias, out, left, height, width, step)


@inlined_kernel
def _pool_row(products, first, pitch, bias, z, places, height, width, step):
    kind = z.dtype.type
    for v in range(z.shape[0]):
        at = first + v * step
        best, place = products[at] + bias, kind(0)
        for i in range(height):
            for j in range(width):
                value = products[at + i * pitch + j] + bias
                # A NaN is taken, and stays: nothing is greater.
                larger = (value > best) | (value != value)
                best = value if larger else best
                place = kind(i * pitch + j) if larger else place
        z[v] = best
        places[v] = kind(at) + place


@kernel
def conv_backward(
    gemm, layer, x, weights, places, dz, dX, wanted, gradient, bias_gradient, scratch
):
    """Add to the gradients; write dX where wanted.

    dz: of the outputs, or of the pooled outputs; scratch: as `conv_forward`.
    """
    taps, products, filters = _taps(layer), layer.products, layer.filters
    one, zero = x.dtype.type(1), x.dtype.type(0)
    before = layer.channels * layer.padded_h * layer.padded_w
    seen = part(scratch, before, taps * products)
    dZ = part(scratch, before + taps * products, filters * products)
    _spread(layer, dz, places, dZ, bias_gradient)
    _unfold(layer, _padded(layer, x, scratch), seen)
    gemm_nt(gemm, filters, taps, products, one, dZ, products, seen, products, one, gradient, taps)
    if wanted:
        gemm_tn(
            gemm, taps, products, filters, one, weights, taps, dZ, products, zero, seen, products
        )
        _fold(layer, seen, scratch, dX)


@kernel
def _spread(layer, dz, places, dZ, bias_gradient):
    """Write dz where the products were, zeros elsewhere; add to the biases' gradients."""
    zero = dZ.dtype.type(0)
    for i in range(dZ.shape[0]):
        dZ[i] = zero
    for f in range(layer.filters):
        out = part(dZ, f * layer.products, layer.products)
        total = zero
        if layer.pool_h > 0:
            size = layer.pooled_h * layer.pooled_w
            for k in range(f * size, (f + 1) * size):
                out[int(places[k])] += dz[k]
                total += dz[k]
        else:
            width = layer.out_w
            for y in range(layer.out_h):
                source = part(dz, (f * layer.out_h + y) * width, width)
                target = part(out, y * layer.pitch, width)
                for v in range(width):
                    target[v] = source[v]
                    total += source[v]
        bias_gradient[f] += total


@kernel
def _fold(layer, shares, scratch, dX):
    """Write dX, the sum of the shares of all taps, each where the tap read."""
    height, width, plane = layer.height, layer.width, layer.padded_h * layer.padded_w
    if not _is_padded(layer):
        _add_shares(layer, shares, dX)
        return
    planes = part(scratch, 0, layer.channels * plane)
    _add_shares(layer, shares, planes)
    for c in range(layer.channels):
        for y in range(height):
            start = c * plane + (y + layer.above) * layer.padded_w + layer.left
            target = part(dX, (c * height + y) * width, width)
            source = part(planes, start, width)
            for i in range(width):
                target[i] = source[i]


@kernel
def _add_shares(layer, shares, planes):
    width, plane, products = layer.padded_w, layer.padded_h * layer.padded_w, layer.products
    for i in range(planes.shape[0]):
        planes[i] = 0
    tap = 0
    for c in range(layer.channels):
        for i in range(layer.kernel_h):
            for j in range(layer.kernel_w):
                share, first = part(shares, tap * products, products), c * plane + i * width + j
                if layer.stride == 1:
                    target = part(planes, first, products)
                    for k in range(products):
                        target[k] += share[k]
                else:
                    _scatter(layer, share, first, planes)
                tap += 1


@kernel
def _scatter(layer, share, first, planes):
    step, width = layer.stride, layer.padded_w
    for y in range(layer.out_h):
        for v in range(layer.out_w):
            planes[first + y * step * width + v * step] += share[y * layer.out_w + v]
