"""The blocked plan: the first layer's products of many steps at once."""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, routine
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    matrix_at,
    part,
    row,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.block import (
    PLAIN,
    WITH_MOMENTUM,
    decayed,
    power_of,
    rows_of_block,
)
from samplewise_backends.numba_cpu.kernels.direct import ordered_rows
from samplewise_backends.numba_cpu.kernels.products import GRAM, TILED, UPDATE, VALUES, take
from samplewise_backends.numba_cpu.kernels.records import BLOCKED, GRAM_BLOCKS

# The Gram matrix of a block: not needed (the block is one batch), kept, or computed anew.
NO_GRAM, READ_GRAM, SCRATCH_GRAM = range(3)


@routine(GRAM_BLOCKS)
def fill_gram(given):
    """Write the Gram matrix of every block of `given.rows`."""
    source, like = given.rows, given.tiny
    size, start, stop = source.at_once, source.start, source.stop
    gram = vector_at(given.gram, (stop - start) * size, like)
    for first in range(start, stop, size):
        rows = min(size, stop - first)
        X_B = ordered_rows(source, first, rows, like)
        G = part(gram, (first - start) * size, rows * size)
        take(given.product, GRAM, TILED, X_B, X_B, G, size)


@inlined_kernel
def _update_first(run, X_B, W, V):
    """Bring the first layers' weights (and velocities) to the end of a block."""
    block, rows, product, way = run.block, X_B.shape[0], run.block.product, run.update_way
    form, ld, steps = block.form, block.ld, rows_of_block(block, block.steps)
    if form == PLAIN:
        take(product, UPDATE, way, X_B, W, steps, ld)
        return
    batches = (rows + block.batch - 1) // block.batch
    m00, m01 = power_of(block, batches, 0), power_of(block, batches, 1)
    m10, m11 = power_of(block, batches, 2), power_of(block, batches, 3)
    zero, tiny = W.dtype.type(0), block.tiny
    for o in range(W.shape[0]):
        w, a, b, c, d = row(W, o), m00[o], m01[o], m10[o], m11[o]
        if form != WITH_MOMENTUM:
            for i in range(w.shape[0]):
                w[i] *= a
            continue
        v = row(V, o)
        for i in range(w.shape[0]):
            before = w[i]
            w[i] = a * before + b * v[i]
            after = c * before + d * v[i]
            v[i] = zero if abs(after) < tiny else after
    scratch = rows_of_block(block, block.scratch)
    decayed(block, steps, rows, 0, scratch)
    take(product, UPDATE, way, X_B, W, scratch, ld)
    if form == WITH_MOMENTUM:
        decayed(block, steps, rows, 1, scratch)
        take(product, UPDATE, way, X_B, V, scratch, ld)


@routine(BLOCKED)
def run_blocked(run):
    """Train on the batches of `run.block.rows`, a block of them at a time.

    Differs from the reference: see `block`; the first layer's rounding is that of products of
    whole blocks.
    """
    block = run.block
    source, product, like = block.rows, block.product, block.tiny
    ld, gram_ld = block.ld, block.gram_ld
    size, whole = source.at_once, source.stop - source.start
    gram = vector_at(run.gram, (whole if run.gram_code == READ_GRAM else size) * gram_ld, like)
    W = matrix_at(run.W, block.units, source.inputs, like)
    V = matrix_at(run.V, block.units, source.inputs, like)
    P, Q = rows_of_block(block, block.P), rows_of_block(block, block.Q)
    for first in range(source.start, source.stop, size):
        rows = min(size, source.stop - first)
        X_B = ordered_rows(source, first, rows, like)
        take(product, VALUES, run.values_way, X_B, W, P, ld)
        if block.form == WITH_MOMENTUM:
            take(product, VALUES, run.values_way, X_B, V, Q, ld)
        at = first - source.start if run.gram_code == READ_GRAM else 0
        G = part(gram, at * gram_ld, rows * gram_ld)
        if run.gram_code == SCRATCH_GRAM:
            take(product, GRAM, TILED, X_B, X_B, G, gram_ld)
        block.position, block.count, block.gram = first, rows, address_of(G)
        call(block.run_block, block)
        _update_first(run, X_B, W, V)
