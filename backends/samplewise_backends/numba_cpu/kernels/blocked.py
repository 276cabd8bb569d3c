"""The blocked plan: the first layer's products of many steps at once."""

from __future__ import annotations

from samplewise_backends.numba_cpu.jit import entry_point, kernel
from samplewise_backends.numba_cpu.kernels.block import MOVING, PLAIN, decayed, run_block
from samplewise_backends.numba_cpu.kernels.direct import gather
from samplewise_backends.numba_cpu.kernels.products import (
    gram_block,
    update_product,
    values_product,
)
from samplewise_backends.numba_cpu.kernels.views import part

# The Gram matrix of a block: not needed where a block is one batch; there already; computed anew.
NO_GRAM, READ_GRAM, SCRATCH_GRAM = range(3)


@entry_point
def fill_gram(gemm, X, order, window, in_order, gathered, rows_of_X, gram):
    """Write the Gram matrix of every block of a window = (start, stop, block), float[n, block]."""
    start, stop, size = window
    for first in range(start, stop, size):
        rows = min(size, stop - first)
        if in_order:
            block = X[order[first] : order[first] + rows]
        else:
            gather(X, order, first, rows, gathered)
            block = rows_of_X[:rows]
        G = part(gram, (first - start) * size, rows * size)
        gram_block(gemm, block, G, size)


@kernel
def _update_first(kinds, gemm, block, batch, form, ld, steps, scratch, W, V, powers, lags, tiny):
    """Bring the first layers' weights (and velocities) to the end of a block."""
    rows = block.shape[0]
    if form == PLAIN:
        update_product(kinds[1], gemm, steps, ld, block, W)
        return
    batches = (rows + batch - 1) // batch
    zero = W.dtype.type(0)
    for o in range(W.shape[0]):
        a, b = powers[0, batches, o], powers[1, batches, o]
        c, d = powers[2, batches, o], powers[3, batches, o]
        w = W[o]
        if form != MOVING:
            for i in range(w.shape[0]):
                w[i] *= a
            continue
        v = V[o]
        for i in range(w.shape[0]):
            before = w[i]
            w[i] = a * before + b * v[i]
            after = c * before + d * v[i]
            v[i] = zero if abs(after) < tiny else after
    decayed(steps, rows, batch, ld, lags, 0, scratch)
    update_product(kinds[1], gemm, scratch, ld, block, W)
    if form == MOVING:
        decayed(steps, rows, batch, ld, lags, 1, scratch)
        update_product(kinds[1], gemm, scratch, ld, block, V)


@entry_point
def run_blocked(
    gemm,
    X,
    Y,
    order,
    window,
    kinds,
    tables,
    segments,
    parameters,
    velocity,
    gradient,
    W,
    V,
    values,
    deltas,
    Q,
    steps,
    scratch,
    gathered,
    rows_of_X,
    gram,
    powers,
    lags,
    biases,
    rules,
    tiny,
    losses,
):
    """Train on order[start:stop] in blocks.

    window: (start, stop, batch size, block, loss code, form, in order, Gram code, ld); kinds: of
    the two products; W, V: float[R, d], weights and velocities of all first layers, updated;
    gathered: float[B, d], written where rows are not in order, and rows_of_X a read-only view of
    it; gram: float[stop - start or B, B]; the rest as in `block`.
    Differs from the reference: see `block`; the first layer's rounding is that of products of
    whole blocks.
    """
    start, stop, batch, size, loss, form, in_order, gram_code, ld = window
    for first in range(start, stop, size):
        rows = min(size, stop - first)
        if in_order:
            block = X[order[first] : order[first] + rows]
        else:
            gather(X, order, first, rows, gathered)
            block = rows_of_X[:rows]
        values_product(kinds[0], gemm, block, W, values, ld)
        if form == MOVING:
            values_product(kinds[0], gemm, block, V, Q, ld)
        at = first - start if gram_code == READ_GRAM else 0
        G = part(gram, at * gram.shape[1], rows * gram.shape[1])
        if gram_code == SCRATCH_GRAM:
            gram_block(gemm, block, G, gram.shape[1])
        run_block(
            *(gemm, Y, part(order, first, rows), batch, loss, form, ld, tables, segments),
            *(parameters, velocity, gradient, values, deltas, Q, steps, scratch, G),
            *(gram.shape[1], powers, lags, biases, rules, tiny),
            *(part(losses, first, rows), losses.shape[1]),
        )
        _update_first(kinds, gemm, block, batch, form, ld, steps, scratch, W, V, powers, lags, tiny)
