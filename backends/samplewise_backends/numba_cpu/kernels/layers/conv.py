"""Convolution of one image, with the max pooling behind it: forward beside backward.

Images have their channels last. A max pooling behind ReLU is taken with the products: a window of
2x2 outputs in registers, so that only the largest is written, other windows from an image of all
outputs. Backward, only the places that were chosen count: they are listed filter by filter, those
with dz = 0 left out.

Differs from the reference: sums in another order; weights and their gradients are in layouts of
their own for the time of a batch.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel
from samplewise_backends.numba_cpu.compile.vectors import is_wide, lanes_of
from samplewise_backends.numba_cpu.compile.views import address_of, integers_at, part
from samplewise_backends.numba_cpu.kernels.layers.conv_pooled import (
    APART,
    PAIRED,
    masked_gradient,
    paired_forward,
    paired_forward_by_threes,
    paired_gradient,
    pooled_forward,
    pooled_forward_by_threes,
)
from samplewise_backends.numba_cpu.kernels.layers.conv_tiles import (
    TAPS_AT_ONCE,
    bias_sums,
    chosen_gradient,
    chosen_input_gradient,
    windows_forward,
    windows_forward_by_threes,
    windows_gradient,
    windows_input_gradient,
)
from samplewise_backends.numba_cpu.kernels.layers.conv_weights import (
    pack_by_filter,
    pack_by_tap,
    unpack_by_filter,
    unpack_by_tap,
)
from samplewise_backends.numba_cpu.kernels.layers.pooling import max_forward


@inlined_kernel
def _is_padded(layer):
    return layer.padded_h != layer.height or layer.padded_w != layer.width


@inlined_kernel
def _is_paired(layer, like):
    """Return True if two windows of the pooling behind fit into a vector, and a row has enough."""
    lanes, pooled = lanes_of(like), layer.pool_h == 2 and layer.pool_w == 2
    apart = layer.stride * layer.pool_step * layer.channels == APART
    return pooled and apart and APART < lanes >= 2 * layer.filters and layer.pooled_w >= PAIRED


@inlined_kernel
def _by_threes(layer, like):
    """Return True if `ThreeAtOnce` can be, and has the registers that it needs."""
    return is_wide(like) and layer.kernel_w == 3 and layer.stride == 1


@inlined_kernel
def _packed(layer, scratch):
    return part(scratch, layer.packed, layer.summed - layer.packed)


@inlined_kernel
def _summed(layer, scratch):
    return part(scratch, layer.summed, layer.taps - layer.summed)


@inlined_kernel
def _room(layer, scratch):
    return part(scratch, layer.room, scratch.shape[0] - layer.room)


@inlined_kernel
def _first_pixel(layer):
    """Return where the image starts in the one with zeros around it."""
    return (layer.above * layer.padded_w + layer.left) * layer.channels


@kernel
def _copy_rows(layer, source, first, pitch, target, target_first, target_pitch):
    """Copy the rows of an image, from `first` on and `pitch` apart, likewise in the target."""
    row = layer.width * layer.channels
    for y in range(layer.height):
        x, z = (
            part(source, first + y * pitch, row),
            part(target, target_first + y * target_pitch, row),
        )
        for i in range(row):
            z[i] = x[i]


@inlined_kernel
def _padded(layer, x, scratch):
    """Return the image with zeros around it; where there are none, x itself."""
    if not _is_padded(layer):
        return x
    planes = part(scratch, 0, layer.packed)
    for i in range(planes.shape[0]):
        planes[i] = 0
    row, pitch = layer.width * layer.channels, layer.padded_w * layer.channels
    _copy_rows(layer, x, 0, row, planes, _first_pixel(layer), pitch)
    return planes


@inlined_kernel
def _taps(layer, scratch):
    count = layer.kernel_h * layer.kernel_w * layer.channels + TAPS_AT_ONCE
    # Two float32 have the bytes of an integer.
    return integers_at(address_of(part(scratch, layer.taps, 2 * count)), count)


@kernel
def _list_taps(layer, taps):
    """Write where the values that a window reads lie behind its start."""
    run, pitch = layer.kernel_w * layer.channels, layer.padded_w * layer.channels
    for i in range(layer.kernel_h):
        of_row = part(taps, i * run, run)
        for k in range(run):
            of_row[k] = i * pitch + k
    # A tile may reach beyond the last tap: any place of the image will do.
    beyond = part(taps, layer.kernel_h * run, TAPS_AT_ONCE)
    for k in range(TAPS_AT_ONCE):
        beyond[k] = 0


@inlined_kernel
def begin_forward(layer, weights, bias, scratch):
    """Prepare the weights of a batch."""
    _list_taps(layer, _taps(layer, scratch))
    pack_by_filter(layer, weights, bias, _packed(layer, scratch))


@inlined_kernel
def conv_forward(layer, x, z, places, scratch):
    """Write the outputs before the activation, or of the pooling behind it.

    places: which output each pooled value is. It counts pixels of the padded image, from where the
        window of the pooling's first output starts to where that of the chosen one does: counted
        from the image's start, float32 would not hold those of the largest images.
    """
    planes, packed = _padded(layer, x, scratch), _packed(layer, scratch)
    taps = _taps(layer, scratch)
    if layer.pool_h == 0:
        _windows_forward(layer, planes, taps, packed, z)
    elif layer.pool_h == 2 and layer.pool_w == 2:
        _pooled_forward(layer, planes, taps, packed, z, places)
    else:
        outputs = _room(layer, scratch)
        _windows_forward(layer, planes, taps, packed, outputs)
        max_forward(layer, outputs, z, places)


@inlined_kernel
def _windows_forward(layer, x, taps, packed, z):
    if _by_threes(layer, x):
        windows_forward_by_threes(layer, x, taps, packed, z)
    else:
        windows_forward(layer, x, taps, packed, z)


@inlined_kernel
def _pooled_forward(layer, x, taps, packed, z, places):
    by_threes = _by_threes(layer, x) and layer.pool_step == 2
    if _is_paired(layer, x) and by_threes:
        paired_forward_by_threes(layer, x, taps, packed, z, places)
    elif _is_paired(layer, x):
        paired_forward(layer, x, taps, packed, z, places)
    elif by_threes:
        pooled_forward_by_threes(layer, x, taps, packed, z, places)
    else:
        pooled_forward(layer, x, taps, packed, z, places)


@inlined_kernel
def begin_backward(layer, weights, scratch):
    """Prepare the weights of a batch where input gradients are wanted, and its gradient."""
    _list_taps(layer, _taps(layer, scratch))
    summed = _summed(layer, scratch)
    for i in range(summed.shape[0]):
        summed[i] = 0
    if layer.wanted:
        pack_by_tap(layer, weights, _packed(layer, scratch))


@inlined_kernel
def _is_masked(layer):
    # With few taps in a row, lists cost more than products with zeros.
    return layer.pool_h == 2 and layer.pool_w == 2 and layer.channels == 1


@inlined_kernel
def conv_backward(layer, x, places, dz, dX, scratch):
    """Add to the gradients of a trained layer; write dX where wanted.

    dz: of the outputs or the pooled outputs.
    """
    planes, taps = _padded(layer, x, scratch), _taps(layer, scratch)
    packed, summed, room = _packed(layer, scratch), _summed(layer, scratch), _room(layer, scratch)
    size = layer.packed if _is_padded(layer) else layer.inputs
    dx = part(room, 0, size) if _is_padded(layer) else dX
    if layer.wanted:
        for i in range(size):
            dx[i] = 0
    biases = part(summed, layer.taps - layer.summed - layer.filters_ld, layer.filters_ld)
    if layer.trained:
        bias_sums(dz, layer.units // layer.filters, layer.filters, biases)
    if layer.pool_h == 0:
        if layer.trained:
            windows_gradient(layer, planes, taps, dz, summed)
        if layer.wanted:
            windows_input_gradient(layer, dz, packed, dx)
    elif layer.trained and _is_masked(layer):
        if _is_paired(layer, x):
            paired_gradient(layer, planes, taps, places, dz, summed)
        else:
            masked_gradient(layer, planes, taps, places, dz, summed)
    if layer.pool_h > 0 and (layer.wanted or not _is_masked(layer)):
        lists = part(room, layer.packed, 3 * layer.units)
        _chosen_backward(layer, planes, places, dz, dx, packed, summed, lists)
    if layer.wanted and _is_padded(layer):
        row, pitch = layer.width * layer.channels, layer.padded_w * layer.channels
        _copy_rows(layer, dx, _first_pixel(layer), pitch, dX, 0, row)


@inlined_kernel
def end_backward(layer, gradient, bias_gradient, scratch):
    """Write the gradients of a batch."""
    summed = _summed(layer, scratch)
    if layer.pool_h == 0 or _is_masked(layer):
        unpack_by_filter(layer, summed, gradient)
    else:
        unpack_by_tap(layer, summed, gradient)
    for f in range(layer.filters):
        bias_gradient[f] = summed[layer.taps - layer.summed - layer.filters_ld + f]


@inlined_kernel
def _chosen_backward(layer, x, places, dz, dx, packed, summed, lists):
    size = layer.units // layer.filters
    at, d = integers_at(address_of(lists), size), part(lists, 2 * size, size)
    for f in range(layer.filters):
        count = _chosen(layer, places, dz, f, at, d)
        if layer.trained and not _is_masked(layer):
            chosen_gradient(layer, x, at, d, count, f, summed)
        if layer.wanted:
            chosen_input_gradient(layer, dx, at, d, count, f, packed)


@kernel
def _chosen(layer, places, dz, f, at, d):
    """List where the chosen windows of filter f start in x, and their dz if it is not 0."""
    # Read once: for all that LLVM knows, the lists lie where the layer does.
    channels, filters, count = layer.channels, layer.filters, 0
    right = layer.stride * layer.pool_step * channels
    down, outputs = right * layer.padded_w, layer.pooled_w * filters
    for y in range(layer.pooled_h):
        first, start = y * outputs + f, y * down
        for o in range(first, first + outputs, filters):
            at[count], d[count] = start + int(places[o]) * channels, dz[o]
            count += dz[o] != 0
            start += right
    return count
