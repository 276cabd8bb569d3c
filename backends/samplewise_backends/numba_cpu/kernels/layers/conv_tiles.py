"""The products of a convolution, in tiles of registers, for one image with its channels last.

    x    (padded_h, padded_w, channels), with all zeros around
    z    (out_h, out_w, filters), or (pooled_h, pooled_w, filters)
    w, g of `by_filter` layout: (kernel_h, kernel_w channels, filters_ld), and a row of biases
         of `by_tap` layout: (kernel_h, filters, taps_ld)

    taps (kernel_h kernel_w channels,), where the values that a window reads lie behind its start

Those from one row of the image lie side by side. Forward
and in the gradient of dense dz, filters are in the lanes; in the input gradient and in the gradient
at chosen places, the taps of a row.
The traps: the last vector of a row of filters or taps reaches beyond its end. What it reads there
is not used, and what it writes there is written again later, or adds zeros times dz; so blocks of
filters run from the last to the first, and arrays have 16 elements to spare.
"""

import itertools

from samplewise_backends.numba_cpu.compile.inlining import is_nan, select
from samplewise_backends.numba_cpu.compile.vectors import vector_kernel

# Taps in a tile of the gradients by filter; lists of taps, and these gradients, have as many more.
TAPS_AT_ONCE = 9


def _blocks(v, count, write):
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


def _in_tiles(v, count, size, write):
    """Call write(size, first) for `size` at a time; the last ones may lie beyond `count`."""

    def tile(i, state):
        write(size, i * size)
        return state

    v.repeat((count + size - 1) // size, tile, [])


def _covering(v, count, size, write):
    """Call write(size, first) until `count` are covered, some twice; each of fewer."""
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


def _add_products(v, sums, xs, ws):
    """Return the sums plus the products of each number with each vector."""
    found = []
    for a, x in enumerate(xs):
        of_x = v.all(x)
        found += [sums[a * len(ws) + j] + of_x * w for j, w in enumerate(ws)]
    return found


def _window_sums(v, layer, x, starts, taps, w, first, vectors):
    """Return bias and products of windows that start somewhere in x; filters from `first` on."""
    ld, count = layer.filters_ld, layer.kernel_h * layer.kernel_w * layer.channels

    def of_tap(k, sums):
        tap = taps[k]
        return _add_products(
            v, sums, [x[start + tap] for start in starts], _loads(v, w, k * ld + first, vectors)
        )

    bias = _loads(v, w, count * ld + first, vectors)
    return v.repeat(count, of_tap, bias * len(starts))


@vector_kernel
def windows_forward(v, layer, x, taps, w, z):
    """Write the outputs before the activation; w by filter."""
    row, step = layer.stride * layer.padded_w, layer.stride * layer.channels
    filters = layer.filters

    def of_block(vectors, first):
        def of_row(y, state):
            def of_pixels(count, q):
                start = (y * row + q * layer.stride) * layer.channels
                starts = [start + a * step for a in range(count)]
                sums = _window_sums(v, layer, x, starts, taps, w, first, vectors)
                out = (y * layer.out_w + q) * filters + first
                for a in range(count):
                    for j in range(vectors):
                        v.store(z, out + a * filters + j * v.lanes, sums[a * vectors + j])

            _covering(v, layer.out_w, 6 if vectors == 2 else 10, of_pixels)
            return state

        v.repeat(layer.out_h, of_row, [])

    _blocks(v, filters, of_block)


@vector_kernel
def pooled_forward(v, layer, x, taps, w, z, places):
    """Write the largest output of each 2x2 window of outputs, and its pixel of x; w by filter."""
    row, step, filters = layer.stride * layer.padded_w, layer.stride, layer.filters
    offsets = [0, step, row, row + step]
    numbers = [v.all(v.number(offset)) for offset in offsets]
    ahead = [offset * layer.channels for offset in offsets]
    further = step * layer.pool_step * layer.channels

    def of_block(vectors, first):
        def of_row(y, state):
            def of_windows(count, q):
                pixel = (y * row + q * step) * layer.pool_step
                start = pixel * layer.channels
                starts = [start + a * further + each for a in range(count) for each in ahead]
                sums = _window_sums(v, layer, x, starts, taps, w, first, vectors)
                out = (y * layer.pooled_w + q) * filters + first
                for a in range(count):
                    top = v.number(pixel + a * step * layer.pool_step)
                    for j in range(vectors):
                        of_window = sums[4 * a * vectors + j : 4 * (a + 1) * vectors : vectors]
                        best, offset = of_window[0], numbers[0]
                        for value, number in zip(of_window[1:], numbers[1:], strict=True):
                            best, offset = larger(best, offset, value, number)
                        v.store(z, out + a * filters + j * v.lanes, best)
                        v.store(places, out + a * filters + j * v.lanes, offset + v.all(top))

            _covering(v, layer.pooled_w, 2 if vectors == 1 else 1, of_windows)
            return state

        v.repeat(layer.pooled_h, of_row, [])

    _blocks(v, filters, of_block)


def larger(best, place, value, number):
    """Return value and number, vectors, where the value is larger than the best, else these."""
    # A NaN is taken, and stays: nothing is greater.
    is_larger = (value > best) | is_nan(value)
    return select(is_larger, value, best), select(is_larger, number, place)


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
                    return _add_products(v, sums, [x[each + at] for each in starts], ds)

                return v.repeat(layer.out_w, of_x, sums)

            places = [(k + a) * ld + first for a in range(count)]
            before = [each for at in places for each in _loads(v, g, at, vectors)]
            sums = v.repeat(layer.out_h, of_y, before)
            for a, at in enumerate(places):
                for j in range(vectors):
                    v.store(g, at + j * v.lanes, sums[a * vectors + j])

        _in_tiles(v, tap_count, 6 if vectors == 2 else TAPS_AT_ONCE, of_taps)

    _blocks(v, layer.filters, of_block)


@vector_kernel
def masked_gradient(v, layer, x, taps, places, dz, g):
    """Add to the gradient of the weights, by filter; dz of the largest of 2x2 outputs each."""
    row, step, ld = layer.stride * layer.padded_w, layer.stride, layer.filters_ld
    tap_count = layer.kernel_h * layer.kernel_w * layer.channels
    offsets = [0, step, row, row + step]
    numbers = [v.all(v.number(offset)) for offset in offsets]

    def of_vector(block, state):
        def of_taps(count, k):
            starts = [taps[k + a] for a in range(count)]

            def of_y(y, sums):
                def of_x(q, sums):
                    first = (y * row + q * step) * layer.pool_step
                    out = (y * layer.pooled_w + q) * layer.filters + block * v.lanes
                    place = v.load(places, out) - v.all(v.number(first))
                    parts = _of_each_place(place, numbers, v.load(dz, out))
                    for offset, d in zip(offsets, parts, strict=True):
                        at = (first + offset) * layer.channels
                        sums = _add_products(v, sums, [x[at + each] for each in starts], [d])
                    return sums

                return v.repeat(layer.pooled_w, of_x, sums)

            at = [(k + a) * ld + block * v.lanes for a in range(count)]
            sums = v.repeat(layer.pooled_h, of_y, [v.load(g, each) for each in at])
            for each, total in zip(at, sums, strict=True):
                v.store(g, each, total)

        _in_tiles(v, tap_count, TAPS_AT_ONCE, of_taps)
        return state

    v.repeat((layer.filters + v.lanes - 1) // v.lanes, of_vector, [])


def _of_each_place(place, numbers, d):
    """Return d where a place is the first number, 0 elsewhere; likewise of the other numbers."""
    parts = [select(place <= numbers[0], d, 0.0)]
    for before, number in itertools.pairwise(numbers):
        parts.append(select(place <= before, 0.0, select(place <= number, d, 0.0)))
    return parts


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

    _blocks(v, filters, of_block)


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
                        ds = [dz[start + a * filters + f] for a in range(count)]
                        return _add_products(v, sums, ds, _loads(v, w, weight + f * ld, vectors))

                    sums = v.repeat(filters, of_filter, [v.all(0.0)] * (count * vectors))
                    at = (y * layer.stride + i) * pitch + q * step + first
                    for a in range(count):
                        for j in range(vectors):
                            place = at + a * step + j * v.lanes
                            v.store(dx, place, v.load(dx, place) + sums[a * vectors + j])

                _along(v, layer.out_w, (6, 2, 1) if vectors == 2 else (8, 2, 1), of_pixels)
                return state

            v.repeat(layer.out_h, of_y, [])

        _blocks(v, taps, of_block)
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
