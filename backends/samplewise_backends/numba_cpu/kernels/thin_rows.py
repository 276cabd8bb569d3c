"""The rows of a batch for `thin`: as rows, and with a column for each."""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel
from samplewise_backends.numba_cpu.compile.vectors import vector_kernel
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    integers_at,
    matrix_at,
    part,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.tile_calls import numbers_apart, transpose_rows

# Data of more elements lie beyond the second nearest cache: rows are fetched so many rows before
# they are copied. Measured on 784-128-32-10, batch 16, float32: 1 to 2 % of an epoch.
FAR, FETCHED_AHEAD = 2**18, 16


@kernel
def _lie_in_order(chosen):
    """Return True if rows lie one after the other in the data."""
    found = True
    for r in range(1, chosen.shape[0]):
        found &= chosen[r] == chosen[0] + r
    return found


@inlined_kernel
def _gather_ahead(X, inputs, order, first, rows, out, pitch):
    """As `gather`, from memory that is far away: fetch the rows that are copied later."""
    for r in range(rows):
        row, later = order[first + r], order[min(first + r + FETCHED_AHEAD, order.shape[0] - 1)]
        copied, fetched = part(X, row * inputs, inputs), part(X, later * inputs, inputs)
        _copy_and_fetch(part(out, r * pitch, inputs), copied, fetched)


@vector_kernel
def _copy_and_fetch(v, out, copied, fetched):
    """Copy a row, and fetch another one."""
    vectors = out.shape[0] // v.lanes

    def some(i, state):
        v.prefetch(fetched, i * v.lanes)
        v.store(out, i * v.lanes, v.load(copied, i * v.lanes))
        return state

    def one(i, state):
        at = vectors * v.lanes + i
        out[at] = copied[at]
        return state

    v.repeat(vectors, some, [])
    v.repeat(out.shape[0] - vectors * v.lanes, one, [])


@inlined_kernel
def begin_batch(run, net, columns, lanes):
    """Let net.X be the rows of the batch, and write them with a column for each row.

    Where few inputs are taken at once, only choose the rows: `some_columns` and `some_rows` do
    the rest.
    """
    source, first, last = run.rows, net.position, run.rows.stop - 1
    order, chosen = integers_at(source.order, source.stop), integers_at(run.chosen, columns)
    for r in range(columns):
        chosen[r] = order[min(first + r, last)]
    inputs, pitch, given = source.inputs, run.pitch, run.transposed
    if run.inputs_at_once < inputs:
        return
    X = vector_at(source.X, source.samples * inputs, net.tiny)
    out = vector_at(run.columns, inputs * columns, net.tiny)
    # Vectors may reach beyond rows that were gathered, not beyond the data.
    whole = inputs % lanes == 0 and inputs % numbers_apart(net.tiny) != 0
    if whole and _lie_in_order(chosen):
        net.X, net.inputs = address_of(part(X, chosen[0] * inputs, 1)), inputs
        if not run.by_loops:
            transpose_rows(run, X, inputs, chosen, out, columns, columns, inputs)
        return
    net.X, net.inputs = source.gathered, pitch
    if X.shape[0] > FAR or run.by_loops:
        gathered = vector_at(source.gathered, columns * pitch, net.tiny)
        _gather_ahead(X, inputs, order, first, net.rows, gathered, pitch)
        counted = integers_at(run.counted, columns)
        if not run.by_loops:
            transpose_rows(run, gathered, pitch, counted, out, columns, columns, inputs)
    else:
        # In one pass: 4% of an epoch of 64-16-10, batch 200, float64, and 1% to 2% with more units.
        given.copied, given.pitch, given.copies = source.gathered, pitch, 1
        transpose_rows(run, X, inputs, chosen, out, columns, columns, inputs)
        given.copies = 0


@inlined_kernel
def some_columns(run, net, columns, first, count):
    """Write `count` inputs of the batch's rows, with a column for each row."""
    source, chosen = run.rows, integers_at(run.chosen, columns)
    X = vector_at(source.X, source.samples * source.inputs, net.tiny)
    out = vector_at(run.columns, count * columns, net.tiny)
    some = part(X, first, X.shape[0] - first)
    transpose_rows(run, some, source.inputs, chosen, out, columns, columns, count)


@inlined_kernel
def some_rows(run, net, first, count):
    """Gather `count` inputs of the batch's rows, and return them."""
    source, chosen, pitch = run.rows, integers_at(run.chosen, net.rows), run.pitch
    X = vector_at(source.X, source.samples * source.inputs, net.tiny)
    gathered = vector_at(source.gathered, net.rows * pitch, net.tiny)
    for r in range(net.rows):
        x = part(X, chosen[r] * source.inputs + first, count)
        copied = part(gathered, r * pitch, count)
        for i in range(count):
            copied[i] = x[i]
    return matrix_at(source.gathered, net.rows, pitch, net.tiny)
