"""The sums of a convolution's windows in registers: see `conv_tiles`.

A core loads two vectors, or two numbers into all lanes, while it takes two products of vectors. One
tap at a time, each product needs a number of its own. Of three taps in a row, and outputs that are
neighbours, a number is loaded once for up to three products. The 16 registers of AVX2 are too few
for that: convolutions without pooling took 12% longer there.
"""

import itertools
from collections.abc import Callable, Sequence
from typing import Any

from samplewise_backends.numba_cpu.compile.vectors import State, Vectors

Read = Callable[[Any], Any]
"""Returns the vector of a number of the image, given its place."""
OfFilters = Callable[[Any, Any], Any]
"""Returns the vector of a number of each filter, given an array and a place."""


class Windows:
    """Bias and products of some outputs' windows, for any kernel and stride.

    Attributes:
        pooled: windows of a pooling whose outputs have registers at once.

    Args:
        v: reads and writes vectors.
        layer: the convolution.
        taps: where the values that a window reads lie behind its start.
        w: weights and biases, by filter.
        read: reads the image.
        of_filters: reads w.
    """

    pooled = 2

    def __init__(
        self, v: Vectors, layer: Any, taps: Any, w: Any, read: Read, of_filters: OfFilters
    ) -> None:
        self.v, self.taps, self.read = v, taps, read
        self._w, self._of_filters = w, of_filters
        self.channels, self.pitch = layer.channels, layer.padded_w * layer.channels
        self.kernel_h, self.ld = layer.kernel_h, layer.filters_ld
        self.count = layer.kernel_h * layer.kernel_w * layer.channels
        # From the window of an output to those of its neighbours.
        self.right, self.down = layer.stride * self.channels, layer.stride * self.pitch

    def of(self, row: Any, first: Any, vectors: int) -> State:
        """Return a row of w, from filter `first` on."""
        start = row * self.ld + first
        return [self._of_filters(self._w, start + j * self.v.lanes) for j in range(vectors)]

    def sums(
        self, start: Any, rows: Sequence[Any], columns: Sequence[Any], first: Any, vectors: int
    ) -> State:
        """Return the sums of outputs, row by row.

        Args:
            start: of the first output's window.
            rows: of the outputs, counted from the first one.
            columns: likewise.
            first: of the filters.
            vectors: of filters; each output's lie side by side.
        """
        starts = [start + y * self.down + q * self.right for y in rows for q in columns]

        def of_tap(k: Any, sums: State) -> State:
            tap = self.taps[k]
            xs = [self.read(each + tap) for each in starts]
            return add_products(sums, xs, self.of(k, first, vectors))

        return self.v.repeat(self.count, of_tap, self.of(self.count, first, vectors) * len(starts))


class ThreeAtOnce(Windows):
    """As `Windows`, for kernels three taps wide and stride 1; rows and columns are Python's."""

    pooled = 3

    def sums(
        self, start: Any, rows: Sequence[int], columns: Sequence[int], first: Any, vectors: int
    ) -> State:
        """As `Windows.sums`."""
        v, channels = self.v, self.channels
        reached = sorted({column + tap for column in columns for tap in range(3)})

        def of_line(i: Any, sums: State) -> State:
            def of_channel(c: Any, sums: State) -> State:
                taps = [self.of((i * 3 + tap) * channels + c, first, vectors) for tap in range(3)]
                found = list(sums)
                # Sums of one row after the other would wait for their own last products.
                for place, (y, row) in itertools.product(reached, enumerate(rows)):
                    x = self.read(start + (i + row) * self.pitch + c + place * channels)
                    for q, column in enumerate(columns):
                        if 0 <= place - column < 3:
                            at = (y * len(columns) + q) * vectors
                            some = slice(at, at + vectors)
                            found[some] = add_products(found[some], [x], taps[place - column])
                return found

            return v.repeat(channels, of_channel, sums)

        outputs = len(rows) * len(columns)
        return v.repeat(self.kernel_h, of_line, self.of(self.count, first, vectors) * outputs)


def add_products(sums: State, xs: State, ws: State) -> State:
    """Return the sums plus the products of each x with each w, all of them vectors."""
    pairs = [(x, w) for x in xs for w in ws]
    return [total + x * w for total, (x, w) in zip(sums, pairs, strict=True)]
