"""The blocked plan: the first layer's products of many steps at once."""

from samplewise_backends.numba_cpu.compile.jit import entry_point, spliced_kernel
from samplewise_backends.numba_cpu.compile.views import part
from samplewise_backends.numba_cpu.kernels.block import PLAIN, WITH_MOMENTUM, decayed, run_block
from samplewise_backends.numba_cpu.kernels.direct import gather
from samplewise_backends.numba_cpu.kernels.products import GRAM, UPDATE, VALUES, WHOLE, take
from samplewise_backends.numba_cpu.kernels.tables import PRODUCT

# The Gram matrix of a block: not needed (the block is one batch), kept, or computed anew.
NO_GRAM, READ_GRAM, SCRATCH_GRAM = range(3)


@entry_point
def fill_gram(gemm, X, order, window, in_order, rows_of, gram, product):
    """Write the Gram matrix of every block of a window = (start, stop, block), float[n, block].

    product: the address of `first_product`; the rest as in `run_blocked`.
    """
    start, stop, size = window
    for first in range(start, stop, size):
        rows = min(size, stop - first)
        if in_order:
            X_B = X[order[first] : order[first] + rows]
        else:
            gather(X, order, first, rows, rows_of[0])
            X_B = rows_of[1][:rows]
        G = part(gram, (first - start) * size, rows * size)
        take(product, GRAM, WHOLE, gemm, X_B, X_B, G, size)


@spliced_kernel
def _update_first(product, kind, gemm, X, batch, form, ld, block, W, V, terms, tiny):
    """Bring the first layers' weights (and velocities) to the end of a block."""
    rows, steps, scratch = X.shape[0], block.steps, block.scratch
    powers, lags = terms.powers, terms.lags
    if form == PLAIN:
        take(product, UPDATE, kind, gemm, X, W, steps, ld)
        return
    batches = (rows + batch - 1) // batch
    zero = W.dtype.type(0)
    for o in range(W.shape[0]):
        a, b = powers[0, batches, o], powers[1, batches, o]
        c, d = powers[2, batches, o], powers[3, batches, o]
        w = W[o]
        if form != WITH_MOMENTUM:
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
    take(product, UPDATE, kind, gemm, X, W, scratch, ld)
    if form == WITH_MOMENTUM:
        decayed(steps, rows, batch, ld, lags, 1, scratch)
        take(product, UPDATE, kind, gemm, X, V, scratch, ld)


@entry_point
def run_blocked(
    gemm, X, Y, order, window, kinds, stack, theta, W, V, space, block, rows_of, gram, terms, losses
):
    """Train on order[start:stop] in blocks.

    window: (start, stop, batch size, block, loss code, form, in order, Gram code, ld); kinds: of
    the products; W, V: float[R, d], weights and velocities of all first layers, updated; rows_of:
    (float[B, d], a read-only view of it), written where rows are not in order; gram:
    float[stop - start or B, B]; the rest as in `block`.
    Differs from the reference: see `block`; the first layer's rounding is that of products of
    whole blocks.
    """
    start, stop, batch, size, _, form, in_order, gram_code, ld = window
    product, losses_ld = space.routines[PRODUCT], losses.shape[1]
    for first in range(start, stop, size):
        rows = min(size, stop - first)
        if in_order:
            X_B = X[order[first] : order[first] + rows]
        else:
            gather(X, order, first, rows, rows_of[0])
            X_B = rows_of[1][:rows]
        take(product, VALUES, kinds[0], gemm, X_B, W, space.A, ld)
        if form == WITH_MOMENTUM:
            take(product, VALUES, kinds[0], gemm, X_B, V, block.Q, ld)
        at = first - start if gram_code == READ_GRAM else 0
        G, gram_ld = part(gram, at * gram.shape[1], rows * gram.shape[1]), gram.shape[1]
        if gram_code == SCRATCH_GRAM:
            take(product, GRAM, WHOLE, gemm, X_B, X_B, G, gram_ld)
        where, seen = part(order, first, rows), part(losses, first, rows)
        run_block(
            gemm,
            Y,
            where,
            first,
            window,
            stack,
            theta,
            space,
            block,
            G,
            gram_ld,
            terms,
            seen,
            losses_ld,
        )
        _update_first(product, kinds[1], gemm, X_B, batch, form, ld, block, W, V, terms, space.tiny)
