"""Products of few rows, in tiles of sums that stay in registers, with the batch in the lanes.

BLAS takes a product of 8 to 64 rows at a fraction of a core's rate: it packs both matrices first.
Here values and gradients of a layer are (units, columns) with a column for each row of the batch,
so that all three products of a layer are sums of numbers times vectors, without a sum over lanes:

    Z  = W X          numbers W, vectors of X (inputs, columns)
    dX = W^T dZ       numbers W, vectors of dZ (units, columns)
    dW = dZ X^T       numbers dZ, vectors of X^T (rows, inputs)

Sums start at the bias, and ReLU or its derivative is taken before they are written. In passes of
their own, the three took 4 % of an epoch of 64-100-10 in batches of 200 of float64.

A tile of 6 x 2 vectors has enough sums in progress to hide the latency of a multiply-add, and fits
the 16 registers of AVX2; where a row is one vector, a tile is 8 x 1. Sums run in the order of the
inner index, on every processor.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from samplewise_backends.numba_cpu.compile.inlining import select
from samplewise_backends.numba_cpu.compile.jit import routine
from samplewise_backends.numba_cpu.compile.vectors import State, Vectors, lanes_of, vector_kernel
from samplewise_backends.numba_cpu.compile.views import integers_at, vector_at
from samplewise_backends.numba_cpu.kernels.records import TILES, TRANSPOSED

# Units of a tile: as many tiles of the first as there are, then of each other what is left. Where
# two or three would be left, whose sums wait for one another, two tiles of 4 take 8 units.
HEIGHTS = (6, 4, 2, 1)
WIDTH = 2
# Units of a tile where a row is one vector. Of 128 units, tiles of 6 leave 2, whose sums wait for
# one another: measured on 128 x 784 times 784 x 16, float32, AVX-512, 27.7 us, and 27.3 us by 8.
TALL = 8
# Rows so many lines apart, 4 KiB, share a place of the nearest cache, which holds 8 lines or 12: of
# 16 units with 1,024 inputs, each line was fetched 16 times. Such products took 1.75 times as long.
LINES_APART = 64


class Product:
    """The sums over k < inner of a[u * a_unit + k * a_inner] * b[k * ld + j], for tiles of u and j.

    They begin with the number `start(u)`, or with what `resumed` returns for the units and columns
    of a tile's vectors and these numbers.
    """

    def __init__(
        self,
        v: Vectors,
        a: Any,
        a_unit: Any,
        a_inner: Any,
        b: Any,
        ld: Any,
        inner: Any,
        start: Callable[[Any], Any] = lambda _: 0.0,
        resumed: Callable[[list[tuple[Any, Any]], list[Any]], list[Any]] = lambda _, sums: sums,
    ) -> None:
        self._v, self._a, self._b = v, a, b
        self._a_unit, self._a_inner, self._ld, self._inner = a_unit, a_inner, ld, inner
        self._start, self._resumed = start, resumed

    def tile(self, unit: Any, column: Any, height: int, width: int) -> list[tuple[int, int, Any]]:
        """Return unit, vector and sums of each vector of a tile, in the order of memory."""
        turn, starts = self.turns(unit, column, height, width)
        sums = iter(self._v.repeat(self._inner, turn, starts))
        places = [j * self._v.lanes for j in range(width)]
        return [(u, j, next(sums)) for u in range(height) for j in places]

    def turns(
        self, unit: Any, column: Any, height: int, width: int
    ) -> tuple[Callable[[Any, State], State], State]:
        """Return a function that adds one k to the sums of a tile, and the sums to start from."""
        v, a, b, ld = self._v, self._a, self._b, self._ld
        units, places = range(height), [j * v.lanes for j in range(width)]

        def turn(k: Any, state: State) -> State:
            xs = [v.load(b, k * ld + column + j) for j in places]
            at = unit * self._a_unit + k * self._a_inner
            factors = [v.all(a[at + u * self._a_unit]) for u in units]
            sums = iter(state)
            return [next(sums) + factor * x for factor in factors for x in xs]

        starts = [v.all(self._start(unit + u)) for u in units]
        at = [(unit + u, column + j) for u in units for j in places]
        return turn, self._resumed(at, [each for each in starts for _ in places])


def for_each(v: Vectors, count: Any, do: Callable[[Any], None], first: Any = 0) -> None:
    """Call `do(i)` for first <= i < count."""

    def turn(i: Any, state: list[Any]) -> list[Any]:
        do(i)
        return state

    v.repeat(count, turn, [], first)


def _over_units(v: Vectors, first: Any, units: Any, block: Callable[[Any, int], None]) -> None:
    """Call `block(unit, height)` for blocks that cover all units from `first` on, in order."""
    for height in HEIGHTS:
        blocks = (units - first) // height
        if height == HEIGHTS[0]:
            left = units - first - blocks * height
            fewer = select(blocks > 0, blocks - 1, blocks)
            blocks = select((left & 2) > 0, fewer, blocks)
        for_each(v, blocks, lambda m, f=first, h=height: block(m * h + f, h))
        first = blocks * height + first


def over_columns(v: Vectors, vectors: Any, tile: Callable[[Any, int], None]) -> None:
    """Call `tile(column, width)` for all vectors of a row, from its end.

    So a vector that reaches beyond the row is the first, and later ones repair what it overwrites.
    """
    pairs = vectors // WIDTH
    for_each(v, vectors - pairs * WIDTH, lambda _: tile((vectors - 1) * v.lanes, 1))
    for_each(v, pairs, lambda m: tile((pairs - 1 - m) * (WIDTH * v.lanes), WIDTH))


@vector_kernel
def multiply(
    v,
    out,
    ld,
    units,
    a,
    a_unit,
    a_inner,
    b,
    b_ld,
    inner,
    columns,
    start,
    start_unit,
    resumed,
    rectified,
    mask,
    masked,
):
    """Write out[u * ld + j] = sum_k a[u * a_unit + k * a_inner] b[k * b_ld + j], for j < columns.

    out: may be overwritten to the end of the last vector of each row.
    b: can be read as far.
    start: the sums start at start[u * start_unit]; with `resumed` 1, not 0, where they were left in
        out, whose rows are whole vectors then.
    rectified: 1 to write max(sum, 0), else 0.
    mask: laid out like `out`; with `masked` 1, not 0, 0 is written where it is not above 0.
    """

    def resume(places, sums):
        def left(_, __):
            return [v.load(out, unit * ld + column) for unit, column in places]

        return v.repeat(resumed, left, sums)

    def begin(unit):
        return start[unit * start_unit]

    product = Product(v, a, a_unit, a_inner, b, b_ld, inner, begin, resume)
    vectors = (columns + (v.lanes - 1)) // v.lanes

    def rectify(_, sums):
        # A NaN is not below 0, and stays.
        return [select(x < 0.0, 0.0, x) for x in sums]

    def tile(unit, column, height, width):
        found = product.tile(unit, column, height, width)
        places = [(unit + u) * ld + column + j for u, j, _ in found]

        def hide(_, sums):
            return [
                select(v.load(mask, at) > 0.0, x, 0.0) for at, x in zip(places, sums, strict=True)
            ]

        sums = v.repeat(rectified, rectify, [x for _, _, x in found])
        for at, x in zip(places, v.repeat(masked, hide, sums), strict=True):
            v.store(out, at, x)

    def block(unit, height):
        over_columns(v, vectors, lambda column, width: tile(unit, column, height, width))

    first = 0
    for height in (2 * TALL, TALL) if v.wide else (TALL,):
        some = select(vectors < WIDTH, (units - first) // height, 0)
        if height > TALL:
            some = select((a_unit & (v.lanes * LINES_APART - 1)) > 0, some, 0)
        for_each(v, some, lambda m, f=first, h=height: tile(m * h + f, 0, h, 1))
        first = some * height + first
    _over_units(v, first, units, block)


@routine(TILES)
def multiply_tiles(given):
    """Take one product: as a routine, since training and calibration need it."""
    units, inner, like = given.units, given.inner, given.tiny
    size = units * given.out_ld + lanes_of(like) - 1
    out, mask = vector_at(given.out, size, like), vector_at(given.mask, size, like)
    b = vector_at(given.b, inner * given.b_ld + lanes_of(like) - 1, like)
    a = vector_at(given.a, (units - 1) * given.a_unit + (inner - 1) * given.a_inner + 1, like)
    start, start_unit = vector_at(given.start, units, like), given.start_unit
    for _ in range(given.times):
        multiply(
            out,
            given.out_ld,
            units,
            a,
            given.a_unit,
            given.a_inner,
            b,
            given.b_ld,
            inner,
            given.columns,
            start,
            start_unit,
            given.resumed,
            given.rectified,
            mask,
            given.masked,
        )


@routine(TRANSPOSED)
def transpose(given):
    """Write out[j * out_ld + i] = a[chosen[i] * ld + j] for i < rows, j < columns.

    With `copies` 1, not 0, copied[i * pitch + j] is the same number. As a routine: in a caller, its
    addresses compete for registers with all else.
    """
    rows, columns, ld, out_ld = given.rows, given.columns, given.ld, given.out_ld
    a = vector_at(given.a, (given.a_rows - 1) * ld + columns, given.tiny)
    out = vector_at(given.out, (columns - 1) * out_ld + rows, given.tiny)
    chosen, pitch = integers_at(given.chosen, rows), given.pitch
    copied = vector_at(given.copied, given.copies * ((rows - 1) * pitch + columns), given.tiny)
    _in_squares(a, ld, chosen, out, out_ld, rows, columns, copied, pitch, given.copies)


@vector_kernel
def _in_squares(v, a, ld, chosen, out, out_ld, rows, columns, copied, pitch, copies):
    lanes = v.lanes
    whole_rows, whole_columns = rows // lanes * lanes, columns // lanes * lanes

    def square(i, starts, j):
        found = [v.load(a, start + j) for start in starts]

        def copy(_):
            for k, vector in enumerate(found):
                v.store(copied, (i + k) * pitch + j, vector)

        for_each(v, copies, copy)
        for k, vector in enumerate(_transposed(v, found)):
            v.store(out, (j + k) * out_ld + i, vector)

    def along_columns(i, squares):
        starts = [chosen[i + k] * ld for k in range(squares * lanes)]

        def side_by_side(m):
            for k in range(0, squares * lanes, lanes):
                square(i + k, starts[k : k + lanes], m * lanes)

        for_each(v, columns // lanes, side_by_side)

    def column(j, first):
        def single(i):
            number = a[chosen[i + first] * ld + j]
            out[j * out_ld + i + first] = number

            def copy(_):
                copied[(i + first) * pitch + j] = number

            for_each(v, copies, copy)

        for_each(v, rows - first, single)

    # Vectors of AVX2 are half a line of `out` each; both halves are written one after the other.
    squares = 1 if v.wide else 2
    height = squares * lanes
    groups = rows // height
    for_each(v, groups, lambda m: along_columns(m * height, squares))
    if not v.wide:
        left = whole_rows - groups * height
        for_each(v, left // lanes, lambda m: along_columns(groups * height + m * lanes, 1))
    for_each(v, whole_columns, lambda j: column(j, whole_rows))
    for_each(v, columns - whole_columns, lambda j: column(j + whole_columns, 0))


def _transposed(v: Vectors, rows: list[Any]) -> list[Any]:
    """Return the columns of a square of vectors, by exchanging ever smaller blocks (Eklundh)."""
    half, lanes = v.lanes // 2, range(v.lanes)
    while half:
        low = [j if not j & half else v.lanes + j - half for j in lanes]
        high = [v.lanes + j if j & half else j + half for j in lanes]
        for i in (i for i in lanes if not i & half):
            x, y = rows[i], rows[i + half]
            rows[i], rows[i + half] = v.shuffle(x, y, low), v.shuffle(x, y, high)
        half //= 2
    return rows
