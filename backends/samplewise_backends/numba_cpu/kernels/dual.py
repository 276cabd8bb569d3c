"""The dual plan: the first layer as coefficients of the training rows, where these are few."""

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
from samplewise_backends.numba_cpu.kernels.direct import gather, rows_from
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


@routine(DUAL_RUN)
def run_dual(run):
    """Train on the batches of `run.block.rows`, with first layers as coefficients of all rows.

    Differs from the reference: the first layer's values are sums over samples, not over inputs.
    """
    block = run.block
    source, product, like = block.rows, block.product, block.tiny
    samples, ld, size = source.samples, block.ld, source.at_once
    all_gram = matrix_at(source.X, samples, samples, like)
    gathered = matrix_at(source.gathered, size, samples, like)
    order = integers_at(source.order, source.stop)
    near = vector_at(block.gram, size * block.gram_ld, like)
    S = matrix_at(run.S, 2 * samples, block.units, like)
    of_weights, of_velocity = rows_from(S, 0, samples), rows_from(S, samples, samples)
    P, Q = rows_of_block(block, block.P), rows_of_block(block, block.Q)
    for first in range(source.start, source.stop, size):
        rows = min(size, source.stop - first)
        where, G = part(order, first, rows), rows_from(gathered, 0, rows)
        gather(all_gram, samples, order, first, rows, gathered, samples)
        _pick(G, where, near, block.gram_ld)
        _start_from(run, where, P, Q)
        take(product, DUAL, run.way, G, of_weights, P, ld)
        if block.form == WITH_MOMENTUM:
            take(product, DUAL, run.way, G, of_velocity, Q, ld)
        block.position, block.count = first, rows
        call(block.run_block, block)
        _update_coefficients(run, where, of_weights, of_velocity)


@inlined_kernel
def _update_coefficients(run, where, S, T):
    """Bring the coefficients of all rows, S of the weights and T of the velocities, to its end."""
    block, samples, units = run.block, run.block.rows.samples, run.block.units
    form, ld, rows, steps = block.form, block.ld, where.shape[0], rows_of_block(block, block.steps)
    if form == PLAIN:
        _add_rows(S, where, steps, ld)
        return
    batches = (rows + block.batch - 1) // block.batch
    a, b = power_of(block, batches, 0), power_of(block, batches, 1)
    c, d = power_of(block, batches, 2), power_of(block, batches, 3)
    origin = matrix_at(run.origin, 4, units, block.tiny)
    zero, tiny = S.dtype.type(0), block.tiny
    for o in range(units):
        for k in range(2):
            before = origin[k, o]
            origin[k, o] = a[o] * before + b[o] * origin[2 + k, o]
            origin[2 + k, o] = c[o] * before + d[o] * origin[2 + k, o]
    for i in range(samples):
        w, v = row(S, i), row(T, i)
        for o in range(units):
            before = w[o]
            w[o] = a[o] * before + b[o] * v[o]
            after = c[o] * before + d[o] * v[o]
            v[o] = zero if abs(after) < tiny else after
    scratch = rows_of_block(block, block.scratch)
    decayed(block, steps, rows, 0, scratch)
    _add_rows(S, where, scratch, ld)
    if form == WITH_MOMENTUM:
        decayed(block, steps, rows, 1, scratch)
        _add_rows(T, where, scratch, ld)


@kernel
def _add_rows(S, where, steps, ld):
    for r in range(where.shape[0]):
        s = row(S, where[r])
        for o in range(s.shape[0]):
            s[o] += steps[r * ld + o]
