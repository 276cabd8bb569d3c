"""The dual plan: the first layer as coefficients of the training rows, where these are few.

A velocity is a sum of mu^lag g x over all steps before. Where `plans.coefficients` says so, all but
the last steps have faded from it: then only these have a coefficient, in the order of time.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, routine
from samplewise_backends.numba_cpu.compile.views import (
    call,
    integers_at,
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
from samplewise_backends.numba_cpu.kernels.direct import ordered_rows, rows_from
from samplewise_backends.numba_cpu.kernels.products import DUAL, take
from samplewise_backends.numba_cpu.kernels.records import DUAL_RUN


@inlined_kernel
def _start_from(run, where, P, Q):
    """Write the parts of P and Q that come from the first weights and velocities."""
    block, like = run.block, run.block.tiny
    units, ld, samples = block.units, block.ld, block.rows.samples
    base = matrix_at(run.base, 2 * samples, units, like)
    origin = matrix_at(run.origin, 4, units, like)
    o0, o1, o2, o3 = row(origin, 0), row(origin, 1), row(origin, 2), row(origin, 3)
    for r in range(where.shape[0]):
        z, q = part(P, r * ld, units), part(Q, r * ld, units)
        w0, v0 = row(base, where[r]), row(base, samples + where[r])
        for o in range(units):
            z[o] = o0[o] * w0[o] + o1[o] * v0[o]
            q[o] = o2[o] * w0[o] + o3[o] * v0[o]


@kernel
def _pick(G, where, gram, ld):
    """Write the Gram matrix of the rows `where`, given their rows in that of all."""
    for r in range(where.shape[0]):
        known = row(G, r)
        for s in range(r):
            gram[r * ld + s] = known[where[s]]


@kernel
def _gather_columns(G, columns, out):
    """Write the columns `columns` of G."""
    for r in range(G.shape[0]):
        known, picked = row(G, r), row(out, r)
        for i in range(columns.shape[0]):
            picked[i] = known[columns[i]]


@routine(DUAL_RUN)
def run_dual(run):
    """Train on the batches of `run.block.rows`, with first layers as coefficients of all rows.

    Differs from the reference: the first layer's values are sums over samples, not over inputs.
    """
    block = run.block
    source, product, like = block.rows, block.product, block.tiny
    samples, ld, size, span = source.samples, block.ld, source.at_once, run.span
    order = integers_at(source.order, source.stop)
    near = vector_at(block.gram, size * block.gram_ld, like)
    S = matrix_at(run.S, samples, block.units, like)
    T, recent = matrix_at(run.T, span, block.units, like), integers_at(run.recent, span)
    P, Q = rows_of_block(block, block.P), rows_of_block(block, block.Q)
    for first in range(source.start, source.stop, size):
        rows = min(size, source.stop - first)
        where, G = part(order, first, rows), ordered_rows(source, first, rows, like)
        _pick(G, where, near, block.gram_ld)
        _start_from(run, where, P, Q)
        take(product, DUAL, run.way, G, S, P, ld)
        if block.form == WITH_MOMENTUM:
            if span < samples:
                all_columns = G
                G = rows_from(matrix_at(run.columns, size, span, like), 0, rows)
                _gather_columns(all_columns, recent, G)
            take(product, DUAL, run.way, G, T, Q, ld)
        block.position, block.count = first, rows
        call(block.run_block, block)
        _update_coefficients(run, where, S, T, recent)


@inlined_kernel
def _update_coefficients(run, where, S, T, recent):
    """Bring the coefficients, S of the weights and T of the velocities, to the block's end."""
    block = run.block
    form, ld, rows, steps = block.form, block.ld, where.shape[0], rows_of_block(block, block.steps)
    if form == PLAIN:
        _add_rows(S, where, steps, ld)
        return
    batches = (rows + block.batch - 1) // block.batch
    _decay(run, batches, S, T, recent)
    scratch = rows_of_block(block, block.scratch)
    decayed(block, steps, rows, 0, scratch)
    _add_rows(S, where, scratch, ld)
    if form == WITH_MOMENTUM:
        decayed(block, steps, rows, 1, scratch)
        if run.span < block.rows.samples:
            _append_rows(T, recent, where, scratch, ld)
        else:
            _add_rows(T, where, scratch, ld)


@inlined_kernel
def _decay(run, batches, S, T, recent):
    """Let the coefficients decay for so many batches."""
    block, units, tiny, zero = run.block, run.block.units, run.block.tiny, S.dtype.type(0)
    a, b = power_of(block, batches, 0), power_of(block, batches, 1)
    c, d = power_of(block, batches, 2), power_of(block, batches, 3)
    origin = matrix_at(run.origin, 4, units, tiny)
    for o in range(units):
        for k in range(2):
            before = origin[k, o]
            origin[k, o] = a[o] * before + b[o] * origin[2 + k, o]
            origin[2 + k, o] = c[o] * before + d[o] * origin[2 + k, o]
    for i in range(run.span):
        w, v = row(S, recent[i]), row(T, i)
        for o in range(units):
            before = w[o]
            w[o] = a[o] * before + b[o] * v[o]
            after = c[o] * before + d[o] * v[o]
            v[o] = zero if abs(after) < tiny else after


@kernel
def _add_rows(S, where, steps, ld):
    for r in range(where.shape[0]):
        s = row(S, where[r])
        for o in range(s.shape[0]):
            s[o] += steps[r * ld + o]


@kernel
def _append_rows(T, recent, where, steps, ld):
    """Put the steps of the rows `where` behind the others, and let go of as many old ones."""
    rows, span = where.shape[0], recent.shape[0]
    kept = span - rows
    for i in range(span):
        t = row(T, i)
        if i < kept:
            recent[i], newer = recent[i + rows], row(T, i + rows)
        else:
            recent[i], newer = where[i - kept], part(steps, (i - kept) * ld, t.shape[0])
        for o in range(t.shape[0]):
            t[o] = newer[o]
