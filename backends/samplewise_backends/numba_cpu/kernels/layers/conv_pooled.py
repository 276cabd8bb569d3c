"""A convolution with a max pooling of 2x2 windows behind it, for one image: see `conv_tiles`.

The four outputs of a window stay in registers, and only the largest is written. In the gradient,
each of the four places of a window is taken, with dz where it was chosen and 0 elsewhere: for few
taps that is faster than a list of the chosen places.

Filters are in the lanes. Up to half as many filters as lanes would leave half of the work unused:
then two neighbouring windows share a vector, one in each half. Measured on a Zen 5, AVX-512,
float32, two epochs of 640 images, conv 8x3 - pool - conv 16x3 - pool - dense 10, batch 32: 7.8 ms
with a window in each vector, 6.9 with two, and 6.4 with `ThreeAtOnce` too.
"""

import itertools
from typing import Any

from samplewise_backends.numba_cpu.compile.inlining import is_nan, select
from samplewise_backends.numba_cpu.compile.vectors import Vectors, vector_kernel
from samplewise_backends.numba_cpu.kernels.layers.conv_tiles import (
    TAPS_AT_ONCE,
    blocks,
    covering,
    in_tiles,
)
from samplewise_backends.numba_cpu.kernels.layers.conv_windows import (
    Read,
    ThreeAtOnce,
    Windows,
    add_products,
)

# How far neighbouring windows that share a vector lie apart in the image, and how many of them a
# tile has: a row must have as many.
APART, PAIRED = 2, 4


class _Whole:
    """A window in each vector."""

    windows = 1

    def __init__(self, v: Vectors) -> None:
        self._v = v

    def reading(self, x: Any) -> Read:
        """Return the function that reads the number of a window, in all its lanes."""
        return lambda at: self._v.all(x[at])

    def of_filters(self, array: Any, at: Any) -> Any:
        """Return a number of each filter."""
        return self._v.load(array, at)

    def of_outputs(self, array: Any, at: Any, filters: Any) -> Any:
        """Return the numbers of a window's outputs."""
        return self._v.load(array, at)

    def write(self, array: Any, at: Any, filters: Any, vector: Any) -> None:
        """Write the numbers of a window's outputs."""
        self._v.store(array, at, vector)

    def sum(self, vector: Any) -> Any:
        """Return the sums of each filter over the windows."""
        return vector


class _Halves(_Whole):
    """Two neighbouring windows in each vector: the first one has the first half of the lanes.

    Both numbers of the image are read at once, with the one between them and one behind, which may
    be that of another image. (As many as there are lanes would nearly always lie across two lines
    of the cache.)
    """

    windows = 2

    def __init__(self, v: Vectors) -> None:
        super().__init__(v)
        half = v.lanes // 2
        self._half, self._apart = half, [0] * half + [APART] * half
        self._first, self._both = list(range(half)), [*range(half), *range(v.lanes, v.lanes + half)]

    def reading(self, x: Any) -> Read:
        def read(at: Any) -> Any:
            near = self._v.load(x, at, 2 * APART)
            return self._v.shuffle(near, near, self._apart)

        return read

    def of_filters(self, array: Any, at: Any) -> Any:
        vector = self._v.load(array, at)
        return self._v.shuffle(vector, vector, self._first * 2)

    def of_outputs(self, array: Any, at: Any, filters: Any) -> Any:
        first, second = self._v.load(array, at), self._v.load(array, at + filters)
        return self._v.shuffle(first, second, self._both)

    def write(self, array: Any, at: Any, filters: Any, vector: Any) -> None:
        second = self._v.shuffle(vector, vector, [lane + self._half for lane in self._first] * 2)
        self._v.store(array, at, vector)
        self._v.store(array, at + filters, second)

    def sum(self, vector: Any) -> Any:
        return self._v.folded(vector, self._half)


class _Alone(_Halves):
    """The last window of an odd row: what the second half of the lanes adds is 0."""

    windows = 1

    def reading(self, x: Any) -> Read:
        return lambda at: self._v.all(x[at])

    def of_outputs(self, array: Any, at: Any, filters: Any) -> Any:
        return self._v.shuffle(self._v.load(array, at), self._v.all(0.0), self._both)


class _Pooling:
    """The numbers of a layer and its pooling, read once."""

    def __init__(self, v: Vectors, layer: Any) -> None:
        row, step = layer.stride * layer.padded_w, layer.stride
        self.filters, self.channels = layer.filters, layer.channels
        self.width, self.height, self.step = layer.pooled_w, layer.pooled_h, layer.pool_step
        # Pixels of the image from a window to the one to its right, and to the one below it.
        self.right, self.down = step * layer.pool_step, row * layer.pool_step
        # Where the outputs of a window lie in it, in pixels, and these as vectors.
        self.places = [0, step, row, row + step]
        self.numbers = [v.all(v.number(place)) for place in self.places]


def _write_largest(v, layer, lanes, form, x, taps, w, z, places):
    """Write the largest output of each window, and its place in it; sums by a form of `Windows`."""
    pooling = _Pooling(v, layer)
    of = form(v, layer, taps, w, lanes.reading(x), lanes.of_filters)
    # `ThreeAtOnce` counts columns in Python.
    step = 2 if form is ThreeAtOnce else pooling.step
    # Windows of a tile, by the vectors of each.
    at_once = {1: PAIRED} if lanes.windows == 2 else {1: form.pooled, 2: 1}

    def of_block(vectors, first):
        def of_row(y, state):
            def of_windows(count, q):
                write_tile(y, q, range(0, count, lanes.windows))

            covering(v, pooling.width, at_once[vectors], of_windows)
            return state

        def write_tile(y, q, windows):
            pixel = y * pooling.down + q * pooling.right
            columns = [a * step + b for a in windows for b in range(2)]
            sums = of.sums(pixel * pooling.channels, [0, 1], columns, first, vectors)
            out = (y * pooling.width + q) * pooling.filters + first
            for k, a in enumerate(windows):
                upper, size = 2 * k * vectors, len(columns) * vectors
                for j in range(vectors):
                    at = [upper + j, upper + vectors + j]
                    of_window = [sums[row + i] for row in (0, size) for i in at]
                    best, place = _largest(of_window, pooling.numbers)
                    target = out + a * pooling.filters + j * v.lanes
                    lanes.write(z, target, pooling.filters, best)
                    lanes.write(places, target, pooling.filters, place)

        v.repeat(pooling.height, of_row, [])

    if lanes.windows == 2:
        of_block(1, 0)
    else:
        blocks(v, pooling.filters, of_block)


@vector_kernel
def pooled_forward(v, layer, x, taps, w, z, places):
    """Write the largest output of each window, and its place in it; w by filter."""
    _write_largest(v, layer, _Whole(v), Windows, x, taps, w, z, places)


@vector_kernel
def pooled_forward_by_threes(v, layer, x, taps, w, z, places):
    """As `pooled_forward`, where `ThreeAtOnce` can be, and windows lie side by side."""
    _write_largest(v, layer, _Whole(v), ThreeAtOnce, x, taps, w, z, places)


@vector_kernel
def paired_forward(v, layer, x, taps, w, z, places):
    """As `pooled_forward`, of two windows at a time."""
    _write_largest(v, layer, _Halves(v), Windows, x, taps, w, z, places)


@vector_kernel
def paired_forward_by_threes(v, layer, x, taps, w, z, places):
    """As `paired_forward`, where `ThreeAtOnce` can be."""
    _write_largest(v, layer, _Halves(v), ThreeAtOnce, x, taps, w, z, places)


def _largest(values, places):
    """Return the largest of four vectors and its place, the first of equal ones; or NaN."""
    left = larger(values[0], places[0], values[1], places[1])
    right = larger(values[2], places[2], values[3], places[3])
    return larger(*left, *right)


def larger(best, place, value, number):
    """Return value and number, vectors, where the value is larger than the best, else these."""
    # A NaN is taken, and stays: nothing is greater.
    is_larger = (value > best) | is_nan(value)
    return select(is_larger, value, best), select(is_larger, number, place)


def _add_gradient(v, layer, lanes, x, taps, places, dz, g):
    """Add to the gradient of the weights, by filter; dz of the largest output of each window."""
    pooling, ld = _Pooling(v, layer), layer.filters_ld
    tap_count = layer.kernel_h * layer.kernel_w * pooling.channels
    pairs = pooling.width // lanes.windows
    last, alone = pairs * lanes.windows, _Alone(v)

    def of_vector(block, state):
        def of_taps(count, k):
            starts = [taps[k + a] for a in range(count)]

            def of_windows(y, q, lanes, sums):
                first, read = y * pooling.down + q * pooling.right, lanes.reading(x)
                out = (y * pooling.width + q) * pooling.filters + block * v.lanes
                place = lanes.of_outputs(places, out, pooling.filters)
                d = lanes.of_outputs(dz, out, pooling.filters)
                parts = _of_each_place(place, pooling.numbers, d)
                for offset, part in zip(pooling.places, parts, strict=True):
                    at = (first + offset) * pooling.channels
                    sums = add_products(sums, [read(at + each) for each in starts], [part])
                return sums

            def of_y(y, sums):
                def of_x(i, sums):
                    return of_windows(y, i * lanes.windows, lanes, sums)

                sums = v.repeat(pairs, of_x, sums)
                if lanes.windows == 1:
                    return sums
                rest = pooling.width - last
                return v.repeat(rest, lambda _, sums: of_windows(y, last, alone, sums), sums)

            sums = v.repeat(pooling.height, of_y, [v.all(0.0)] * count)
            for a, total in enumerate(sums):
                at = (k + a) * ld + block * v.lanes
                v.store(g, at, v.load(g, at) + lanes.sum(total))

        in_tiles(v, tap_count, TAPS_AT_ONCE, of_taps)
        return state

    v.repeat((pooling.filters + v.lanes - 1) // v.lanes, of_vector, [])


@vector_kernel
def masked_gradient(v, layer, x, taps, places, dz, g):
    """Add to the gradient of the weights, by filter; dz of the largest output of each window."""
    _add_gradient(v, layer, _Whole(v), x, taps, places, dz, g)


@vector_kernel
def paired_gradient(v, layer, x, taps, places, dz, g):
    """As `masked_gradient`, of two windows at a time."""
    _add_gradient(v, layer, _Halves(v), x, taps, places, dz, g)


def _of_each_place(place, numbers, d):
    """Return d where a place is the first number, 0 elsewhere; likewise of the other numbers."""
    parts = [select(place <= numbers[0], d, 0.0)]
    for before, number in itertools.pairwise(numbers):
        parts.append(select(place <= before, 0.0, select(place <= number, d, 0.0)))
    return parts
