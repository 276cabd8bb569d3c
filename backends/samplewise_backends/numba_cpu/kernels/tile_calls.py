"""Calls of the routines of `tiles`.

Callers have a record with `tiles`, `transposed`, the addresses of both routines, and a `zero`.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel
from samplewise_backends.numba_cpu.compile.views import address_of, call


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
