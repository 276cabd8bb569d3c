"""The dual plan: the first layer as coefficients of the training rows, where these are few."""

from samplewise_backends.numba_cpu.compile.jit import entry_point, kernel, spliced_kernel
from samplewise_backends.numba_cpu.compile.views import part, row
from samplewise_backends.numba_cpu.kernels.block import PLAIN, WITH_MOMENTUM, decayed, run_block
from samplewise_backends.numba_cpu.kernels.products import DUAL, take
from samplewise_backends.numba_cpu.kernels.tables import PRODUCT


@spliced_kernel
def _take_products(product, kind, gemm, where, form, ld, dual, gram, gathered, near, A, Q):
    """Write P (and Q) of the rows `where`, and their Gram matrix to `near`."""
    base, S, origin = dual.base, dual.S, dual.origin
    rows, units = where.shape[0], S.shape[2]
    for r in range(rows):
        known, out = row(gram, where[r]), row(gathered, r)
        for i in range(known.shape[0]):
            out[i] = known[i]
        for s in range(r):
            near[r, s] = known[where[s]]
        z, q = part(A, r * ld, units), part(Q, r * ld, units)
        w0, v0 = base[0, where[r]], base[1, where[r]]
        for o in range(units):
            z[o] = origin[0, o] * w0[o] + origin[1, o] * v0[o]
            q[o] = origin[2, o] * w0[o] + origin[3, o] * v0[o]
    G = gathered[:rows]
    take(product, DUAL, kind, gemm, G, S[0], A, ld)
    if form == WITH_MOMENTUM:
        take(product, DUAL, kind, gemm, G, S[1], Q, ld)


@entry_point
def run_dual(
    gemm,
    Y,
    order,
    window,
    kind,
    stack,
    theta,
    dual,
    space,
    block,
    gathered,
    gram,
    near,
    terms,
    losses,
):
    """Train on order[start:stop] with the first layers as coefficients of the training rows.

    kind: of the product; dual: a `Dual`; gram: float[n, n]; gathered: float[B, n] and near:
    float[B, B], written; the rest as in `run_blocked`.
    Differs from the reference: the first layer's values are sums over samples, not over inputs.
    """
    start, stop, batch, size, _, form, _, _, ld = window
    product, losses_ld = space.routines[PRODUCT], losses.shape[1]
    for first in range(start, stop, size):
        rows = min(size, stop - first)
        where, seen = part(order, first, rows), part(losses, first, rows)
        _take_products(
            product, kind, gemm, where, form, ld, dual, gram, gathered, near, space.A, block.Q
        )
        G, gram_ld = part(near, 0, near.size), near.shape[1]
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
        _update_coefficients(where, batch, form, ld, block, dual, terms, space.tiny)


@spliced_kernel
def _update_coefficients(where, batch, form, ld, block, dual, terms, tiny):
    """Bring the coefficients of all rows to the end of a block."""
    S, origin = dual.S, dual.origin
    rows, units, steps, scratch = where.shape[0], S.shape[2], block.steps, block.scratch
    powers, lags = terms.powers, terms.lags
    if form == PLAIN:
        _add_rows(S[0], where, steps, ld)
        return
    batches = (rows + batch - 1) // batch
    a, b, c, d = powers[0, batches], powers[1, batches], powers[2, batches], powers[3, batches]
    zero = S.dtype.type(0)
    for o in range(units):
        for k in range(2):
            before = origin[k, o]
            origin[k, o] = a[o] * before + b[o] * origin[2 + k, o]
            origin[2 + k, o] = c[o] * before + d[o] * origin[2 + k, o]
    for i in range(S.shape[1]):
        w, v = S[0, i], S[1, i]
        for o in range(units):
            before = w[o]
            w[o] = a[o] * before + b[o] * v[o]
            after = c[o] * before + d[o] * v[o]
            v[o] = zero if abs(after) < tiny else after
    decayed(steps, rows, batch, ld, lags, 0, scratch)
    _add_rows(S[0], where, scratch, ld)
    if form == WITH_MOMENTUM:
        decayed(steps, rows, batch, ld, lags, 1, scratch)
        _add_rows(S[1], where, scratch, ld)


@kernel
def _add_rows(S, where, steps, ld):
    for r in range(where.shape[0]):
        s = S[where[r]]
        for o in range(s.shape[0]):
            s[o] += steps[r * ld + o]
