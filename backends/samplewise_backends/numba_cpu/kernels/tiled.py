"""The first layer's products in tiles of sums that stay in registers: see `tiles`.

The lanes are the rows of a block for its values, turned for that; inputs for an update; and units
for the dual plan. A part of one matrix at a time stays in the second nearest cache.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel
from samplewise_backends.numba_cpu.compile.vectors import lanes_of
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    integers_at,
    matrix_at,
    part,
    row,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.kernels.tile_calls import (
    add_tiles,
    describe_tiles,
    matrix_from,
    numbers_apart,
    transpose_rows,
)

# Rows whose values are summed up at once, rows of an update, and elements of the part that stays in
# a cache.
ROWS_OF_VALUES, ROWS_OF_UPDATE, PART = 64, 128, 2**15


def room_for(units: int) -> int:
    """Return the elements of `room` that the products of so many units need."""
    return (units + PART // ROWS_OF_VALUES) * ROWS_OF_VALUES + LANES


@kernel
def values_in_tiles(given, X, W, z, start, start_unit):
    """Write Z <- X W^T, with X (B, d or more), W (R, d) and Z (B, R) from z on.

    Sums start at the numbers at the address `start`: one for each unit, `start_unit` apart.
    """
    (rows, pitch), (units, inner), lanes = X.shape, W.shape, lanes_of(given.tiny)
    at_once, longest = PART // ROWS_OF_VALUES, max(ROWS_OF_VALUES, units)
    room = vector_at(given.room, (units + at_once) * ROWS_OF_VALUES, given.tiny)
    turned = part(room, units * ROWS_OF_VALUES, at_once * ROWS_OF_VALUES)
    counted = integers_at(given.counted, longest)
    for r in range(0, rows, ROWS_OF_VALUES):
        count = min(ROWS_OF_VALUES, rows - r)
        columns = (count + lanes - 1) // lanes * lanes
        across = matrix_at(given.room, units, columns, given.tiny)
        for i in range(0, inner, at_once):
            k, first = min(at_once, inner - i), r * pitch + i
            some = part(X, first, rows * pitch - first)
            transpose_rows(given, some, pitch, counted, turned, columns, count, k)
            x = matrix_at(address_of(turned), k, columns, given.tiny)
            w = part(W, i, units * inner - i)
            describe_tiles(given, across, w, inner, 1, x, columns)
            given.tiles.start, given.tiles.start_unit = start, start_unit
            given.tiles.resumed = int(i > 0)
            call(given.multiply, given.tiles)
        out = part(z, r * given.ld, z.shape[0] - r * given.ld)
        values = part(room, 0, units * columns)
        transpose_rows(given, values, columns, counted, out, given.ld, units, count)


@kernel
def update_in_tiles(given, e, X, W):
    """Add to W <- W + E^T X, with E (B, R) from e on, X (B, d or more) and W (R, d).

    What fills no vector of a row is added last, from a vector that ends there.
    """
    (rows, pitch), (units, inputs) = X.shape, W.shape
    lanes, ld = lanes_of(given.tiny), given.ld
    whole = inputs // lanes * lanes
    # Whole vectors: what a product writes beyond its columns would be added twice.
    at_once = PART // min(rows, ROWS_OF_UPDATE) // LANES * LANES
    crowded = pitch % numbers_apart(given.tiny) == 0
    if crowded:
        # An odd number of lines apart, rows lie in all places of a cache.
        at_once -= (at_once // LANES + 1) % 2 * LANES
    packed = part(
        vector_at(given.room, units * ROWS_OF_VALUES + PART, given.tiny),
        units * ROWS_OF_VALUES,
        PART,
    )
    for r in range(0, rows, ROWS_OF_UPDATE):
        count = min(ROWS_OF_UPDATE, rows - r)
        some = part(e, r * ld, (count - 1) * ld + units)
        for i in range(0, whole, at_once):
            columns = min(at_once, whole - i)
            x, w = matrix_from(X, r * pitch + i, count), matrix_from(W, i, units)
            if crowded:
                _copy_rows(x, packed, at_once, columns)
                x = matrix_at(address_of(packed), count, at_once, given.tiny)
            add_tiles(given, w, some, 1, ld, x, columns)
        if whole < inputs:
            found = matrix_at(given.room, units, lanes, given.tiny)
            x = matrix_from(X, r * pitch + inputs - lanes, count)
            describe_tiles(given, found, some, 1, ld, x, lanes)
            call(given.multiply, given.tiles)
            _add_last(found, W, inputs - whole)


@inlined_kernel
def _copy_rows(X, out, ld, columns):
    """Write the first columns of a matrix, in rows `ld` apart."""
    for k in range(X.shape[0]):
        x, copied = part(X, k * X.shape[1], columns), part(out, k * ld, columns)
        for j in range(columns):
            copied[j] = x[j]


@inlined_kernel
def _add_last(found, W, count):
    """Add the last columns of one matrix to those of another one."""
    for o in range(W.shape[0]):
        w, last = row(W, o), row(found, o)
        for k in range(count):
            w[w.shape[0] - 1 - k] += last[last.shape[0] - 1 - k]


@kernel
def dual_in_tiles(given, G, S, z):
    """Add to Z <- Z + G S, with G (B, n), S (n, R), which can be read beyond, and Z (B, R)."""
    (rows, inner), units = G.shape, S.shape[1]
    at_once = max(PART // units, LANES)
    out = matrix_at(address_of(z), rows, given.ld, given.tiny)
    for i in range(0, inner, at_once):
        k = min(at_once, inner - i)
        g, s = part(G, i, rows * inner - i), matrix_from(S, i * units, k)
        add_tiles(given, out, g, inner, 1, s, units)


@kernel
def gram_in_tiles(given, X, gram):
    """Write the lower triangle of X X^T, with X (B, d), from gram on; values above it are others.

    In stripes that end behind the diagonal.
    """
    rows, inner, ld, length = X.shape[0], X.shape[1], given.ld, gram.shape[0]
    for r in range(0, rows, ROWS_OF_VALUES):
        count = min(ROWS_OF_VALUES, rows - r)
        stripe, before = matrix_from(X, r * inner, count), matrix_from(X, 0, r + count)
        values_in_tiles(given, stripe, before, part(gram, r * ld, length - r * ld), given.zero, 0)
