"""The products of a convolution, in tiles of registers, for one image with its channels last.

    x    (padded_h, padded_w, channels), with all zeros around
    z    (out_h, out_w, filters), or (pooled_h, pooled_w, filters)
    w, g of `by_filter` layout: (kernel_h, kernel_w channels, filters_ld), and a row of biases
         of `by_tap` layout: (kernel_h, filters, taps_ld)

    taps (kernel_h kernel_w channels,), where the values that a window reads lie behind its start

Those from one row of the image lie side by side. Forward and in the gradient of dense dz, filters
are in the lanes; in the input gradient and in the gradient at chosen places, the taps of a row.
The traps: the last vector of a row of filters or taps reaches beyond its end. What it reads there
is not used, and what it writes there is written again later, or adds zeros times dz; so blocks of
filters run from the last to the first, and arrays have 16 elements to spare.
"""

from samplewise_backends.numba_cpu.compile.inlining import select
from samplewise_backends.numba_cpu.compile.vectors import vector_kernel
from samplewise_backends.numba_cpu.kernels.layers.conv_windows import (
    ThreeAtOnce,
    Windows,
    add_products,
)

# Taps in a tile of the gradients by filter; lists of taps, and these gradients, have as many more.
TAPS_AT_ONCE = 9


def blocks(v, count, write):
    """Call write(vectors, first) for one or two vectors at a time of `count`, the last first."""
    vectors = (count + v.lanes - 1) // v.lanes
    pairs = vectors // 2

    def last(_, state):
        write(1, pairs * (2 * v.lanes))
        return state

    def pair(i, state):
        write(2, (pairs - 1 - i) * (2 * v.lanes))
        return state

    v.repeat(vectors - pairs * 2, last, [])
    v.repeat(pairs, pair, [])


def _along(v, count, sizes, write):
    """Call write(size, first) for the first of the sizes as often as it fits, then for the next."""
    first = 0
    for size in sizes:
        times = (count - first) // size

        def tile(i, state, size=size, first=first):
            write(size, first + i * size)
            return state

        v.repeat(times, tile, [])
        first = first + times * size


def in_tiles(v, count, size, write):
    """Call write(size, first) for `size` at a time; the last ones may lie beyond `count`."""

    def tile(i, state):
        write(size, i * size)
        return state

    v.repeat((count + size - 1) // size, tile, [])


def covering(v, count, size, write):
    """Call write(size, first) for `size` at a time, the last ones up to `count`, some twice.

    Where there are fewer than `size`, one at a time.
    """
    few, last = count < size, count - size

    def tile(i, state):
        write(size, select(last < i * size, last, i * size))
        return state

    def one(i, state):
        write(1, i)
        return state

    v.repeat(select(few, 0, (count + size - 1) // size), tile, [])
    v.repeat(select(few, count, 0), one, [])


def _loads(v, array, start, vectors):
    return [v.load(array, start + j * v.lanes) for j in range(vectors)]


def _write_outputs(v, layer, form, x, taps, w, z):
    """Write the outputs before the activation; w by filter, sums by a form of `conv_windows`."""
    of = form(v, layer, taps, w, lambda at: v.all(x[at]), v.load)
    filters, width = layer.filters, layer.out_w

    def of_block(vectors, first):
        def of_row(y, state):
            def of_pixels(count, q):
                start = y * of.down + q * of.right
                sums = of.sums(start, [0], range(count), first, vectors)
                out = (y * width + q) * filters + first
                for a in range(count):
                    for j in range(vectors):
                        v.store(z, out + a * filters + j * v.lanes, sums[a * vectors + j])

            covering(v, width, 6 if vectors == 2 else 10, of_pixels)
            return state

        v.repeat(layer.out_h, of_row, [])

    blocks(v, filters, of_block)


@vector_kernel
def windows_forward(v, layer, x, taps, w, z):
    """Write the outputs before the activation; w by filter."""
    _write_outputs(v, layer, Windows, x, taps, w, z)


@vector_kernel
def windows_forward_by_threes(v, layer, x, taps, w, z):
    """As `windows_forward`, where `ThreeAtOnce` can be."""
    _write_outputs(v, layer, ThreeAtOnce, x, taps, w, z)


@vector_kernel
def windows_gradient(v, layer, x, taps, dz, g):
    """Add to the gradient of the weights, by filter; dz of all outputs."""
    pitch, step = layer.padded_w * layer.channels, layer.stride * layer.channels
    tap_count, ld = layer.kernel_h * layer.kernel_w * layer.channels, layer.filters_ld

    def of_block(vectors, first):
        def of_taps(count, k):
            starts = [taps[k + a] for a in range(count)]

            def of_y(y, sums):
                start, out = y * layer.stride * pitch, y * layer.out_w

                def of_x(q, sums):
                    at = start + q * step
                    ds = _loads(v, dz, (out + q) * layer.filters + first, vectors)
                    return add_products(sums, [v.all(x[each + at]) for each in starts], ds)

                return v.repeat(layer.out_w, of_x, sums)

            places = [(k + a) * ld + first for a in range(count)]
            before = [each for at in places for each in _loads(v, g, at, vectors)]
            sums = v.repeat(layer.out_h, of_y, before)
            for a, at in enumerate(places):
                for j in range(vectors):
                    v.store(g, at + j * v.lanes, sums[a * vectors + j])

        in_tiles(v, tap_count, 6 if vectors == 2 else TAPS_AT_ONCE, of_taps)

    blocks(v, layer.filters, of_block)


@vector_kernel
def bias_sums(v, dz, pixels, filters, sums):
    """Add the sum of dz over all pixels to the sums of the filters."""

    def of_block(vectors, first):
        def of_pixel(q, state):
            ds = _loads(v, dz, q * filters + first, vectors)
            return [total + d for total, d in zip(state, ds, strict=True)]

        state = v.repeat(pixels, of_pixel, _loads(v, sums, first, vectors))
        for j, total in enumerate(state):
            v.store(sums, first + j * v.lanes, total)

    blocks(v, filters, of_block)


@vector_kernel
def windows_input_gradient(v, layer, dz, w, dx):
    """Add to dx, laid out like x; w by tap, dz of all outputs."""
    taps, ld, filters = layer.kernel_w * layer.channels, layer.taps_ld, layer.filters
    pitch, step = layer.padded_w * layer.channels, layer.stride * layer.channels

    def of_row(i, state):
        def of_block(vectors, first):
            weight = i * filters * ld + first

            def of_y(y, state):
                def of_pixels(count, q):
                    start = (y * layer.out_w + q) * filters

                    def of_filter(f, sums):
                        ds = [v.all(dz[start + a * filters + f]) for a in range(count)]
                        return add_products(sums, ds, _loads(v, w, weight + f * ld, vectors))

                    sums = v.repeat(filters, of_filter, [v.all(0.0)] * (count * vectors))
                    at = (y * layer.stride + i) * pitch + q * step + first
                    for a in range(count):
                        for j in range(vectors):
                            place = at + a * step + j * v.lanes
                            v.store(dx, place, v.load(dx, place) + sums[a * vectors + j])

                _along(v, layer.out_w, (6, 2, 1) if vectors == 2 else (8, 2, 1), of_pixels)
                return state

            v.repeat(layer.out_h, of_y, [])

        blocks(v, taps, of_block)
        return state

    v.repeat(layer.kernel_h, of_row, [])


def _patches(v, layer, write):
    """Call write(starts in x, rows, first taps) for tiles of up to 3 x 3 vectors of a window."""
    taps, pitch = layer.kernel_w * layer.channels, layer.padded_w * layer.channels
    vectors = (taps + v.lanes - 1) // v.lanes

    def of_rows(rows, i):
        def of_vectors(count, k):
            tile = [(a, b) for a in range(rows) for b in range(count)]
            taps = [(k + b) * v.lanes for _, b in tile]
            lines = [i + a for a, _ in tile]
            write([line * pitch + t for line, t in zip(lines, taps, strict=True)], lines, taps)

        _along(v, vectors, (3, 2, 1), of_vectors)

    _along(v, layer.kernel_h, (3, 1), of_rows)


@vector_kernel
def chosen_gradient(v, layer, x, at, d, count, f, g):
    """Add to the gradient of the weights of filter f, by tap: d[n] times the window at at[n]."""

    def write(starts, lines, taps):
        places = [
            (line * layer.filters + f) * layer.taps_ld + t
            for line, t in zip(lines, taps, strict=True)
        ]

        def of_window(n, sums):
            start, factor = at[n], v.all(d[n])
            return [
                total + factor * v.load(x, start + each)
                for total, each in zip(sums, starts, strict=True)
            ]

        sums = v.repeat(count, of_window, [v.load(g, place) for place in places])
        for place, total in zip(places, sums, strict=True):
            v.store(g, place, total)

    _patches(v, layer, write)


@vector_kernel
def chosen_input_gradient(v, layer, dx, at, d, count, f, w):
    """Add d[n] times the weights of filter f, by tap, to the window of dx at at[n]."""

    def write(starts, lines, taps):
        weights = [
            v.load(w, (line * layer.filters + f) * layer.taps_ld + t)
            for line, t in zip(lines, taps, strict=True)
        ]

        def of_window(n, state):
            start, factor = at[n], v.all(d[n])
            for each, weight in zip(starts, weights, strict=True):
                v.store(dx, start + each, v.load(dx, start + each) + factor * weight)
            return state

        v.repeat(count, of_window, [])

    _patches(v, layer, write)
