"""Calls of the routines of `tiles`.

Callers have a record with `tiles`, `transposed`, the addresses of both routines, and a `zero`.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel
from samplewise_backends.numba_cpu.compile.vectors import is_wide, lanes_of
from samplewise_backends.numba_cpu.compile.views import address_of, call, matrix_at, part
from samplewise_backends.numba_cpu.kernels.tiles import HEIGHTS, LINES_APART

# Elements of a gradient per update, but at least those of a tile: parameters, state and gradient
# should stay in the nearest cache. Products by BLAS take more, see `stepwise`.
TILES_UPDATED_AT_ONCE = 4096


@inlined_kernel
def units_updated_at_once(inputs):
    """Return the number of units whose gradients of so many inputs are updated at once."""
    return max(TILES_UPDATED_AT_ONCE // (inputs * HEIGHTS[0]), 1) * HEIGHTS[0]


@inlined_kernel
def numbers_apart(like):
    """Return the distance of rows that share a place of the nearest cache: see `LINES_APART`."""
    return lanes_of(like) * LINES_APART * (1 if is_wide(like) else 2)


@inlined_kernel
def matrix_from(matrix, first, rows):
    """Return some rows as long as a matrix's, from one of its elements on; the last ends beyond."""
    ld = matrix.shape[1]
    start = part(matrix, first, matrix.shape[0] * ld - first)
    return matrix_at(address_of(start), rows, ld, matrix)


@inlined_kernel
def describe_tiles(run, out, a, a_unit, a_inner, b, columns):
    """Describe a product to `multiply_tiles`, of sums that start at 0: see `tiles.multiply`."""
    given = run.tiles
    given.a, given.a_unit, given.a_inner = address_of(a), a_unit, a_inner
    given.b, given.inner, given.b_ld = address_of(b), b.shape[0], b.shape[1]
    given.out, given.units, given.out_ld = address_of(out), out.shape[0], out.shape[1]
    given.columns = columns
    given.start, given.start_unit = run.zero, 0
    given.resumed, given.rectified, given.mask, given.masked = 0, 0, given.out, 0


@inlined_kernel
def add_tiles(run, out, a, a_unit, a_inner, b, columns):
    """Add a product to `out`, whose rows are whole vectors as far as `columns` reach."""
    describe_tiles(run, out, a, a_unit, a_inner, b, columns)
    run.tiles.resumed = 1
    call(run.multiply, run.tiles)


@inlined_kernel
def transpose_rows(run, a, ld, chosen, out, out_ld, rows, columns):
    """Call `tiles.transpose`."""
    given = run.transposed
    given.a, given.a_rows, given.ld = address_of(a), (a.shape[0] + ld - 1) // ld, ld
    given.chosen, given.out, given.out_ld = address_of(chosen), address_of(out), out_ld
    given.rows, given.columns = rows, columns
    call(run.transpose, given)
