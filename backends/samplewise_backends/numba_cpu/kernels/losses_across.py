"""The two cross-entropies of a batch with a column for each row: see `thin`.

Several rows are computed at once, one in each lane. Row by row, a sum waits for its last addition
and a logarithm for its last step: 10 logits of float64 took 39 ns a row with AVX-512, here about 9.
"""

from samplewise_backends.numba_cpu.compile.inlining import select
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel
from samplewise_backends.numba_cpu.compile.vectors import vector_kernel
from samplewise_backends.numba_cpu.compile.views import integers_at, part, vector_at
from samplewise_backends.numba_cpu.kernels.codes import LossCode
from samplewise_backends.numba_cpu.kernels.elementary import exp, log, sigmoid, softplus_tail


@vector_kernel
def categorical_across(v, z, dz, factors, losses, decisions):
    """Write losses, decisions and gradients of logits z (units, columns).

    z: used up.
    dz: (units, columns), the targets; then the gradients times their factors.
    factors, losses, decisions: (columns,), some whole vectors.
    """
    units, columns = z.shape

    def rows(m, state):
        first = m * v.lanes

        def compare(k, state):
            top, best = state
            x = v.load(z, k * columns + first)
            return [select(x > top, x, top), select(x > top, v.all(v.number(k)), best)]

        def exponentiate(k, state):
            total, chosen = state
            at = k * columns + first
            x = v.load(z, at) - top
            e = exp(x)
            v.store(z, at, e)
            return [total + e, chosen + v.load(dz, at) * x]

        def differentiate(k, state):
            at = k * columns + first
            v.store(dz, at, (v.load(z, at) * scale - v.load(dz, at)) * factor)
            return state

        top, best = v.repeat(units, compare, [v.load(z, first), v.all(0.0)])
        total, chosen = v.repeat(units, exponentiate, [v.all(0.0), v.all(0.0)])
        scale, factor = 1.0 / total, v.load(factors, first)
        v.repeat(units, differentiate, [])
        v.store(losses, first, log(total) - chosen)
        v.store(decisions, first, best)
        return state

    v.repeat(columns // v.lanes, rows, [])


@vector_kernel
def binary_across(v, z, dz, factors, losses, decisions):
    """As `categorical_across`, of one logit."""

    def rows(m, state):
        at = m * v.lanes
        x, y = v.load(z, at), v.load(dz, at)
        # In this order: the bracket is exactly 0 where the answer is right, and the rest is tiny.
        v.store(losses, at, (select(x <= 0.0, 0.0, x) - y * x) + softplus_tail(x))
        v.store(decisions, at, select(x > 0.0, v.all(1.0), 0.0))
        v.store(dz, at, (sigmoid(x) - y) * v.load(factors, at))
        return state

    v.repeat(z.shape[1] // v.lanes, rows, [])


@inlined_kernel
def cross_entropy_across(net, z, dz, room):
    """Write losses and decisions of the batch, and the gradients of its mean loss.

    z: (units, columns), logits; used up.
    dz: (units, columns), targets; then gradients.
    room: (3 * columns,), overwritten.
    """
    rows, position, columns = net.rows, net.position, z.shape[1]
    factors, found = part(room, 0, columns), part(room, columns, columns)
    decided = part(room, 2 * columns, columns)
    _write_factors(net, factors)
    if net.loss == LossCode.CATEGORICAL:
        categorical_across(z, dz, factors, found, decided)
    else:
        binary_across(z, dz, factors, found, decided)
    losses = vector_at(net.losses, position + rows, net.tiny)
    for r in range(rows):
        losses[position + r] = found[r]
    if net.decides:
        decisions = integers_at(net.decisions, position + rows)
        for r in range(rows):
            decisions[position + r] = int(decided[r])


@inlined_kernel
def _write_factors(net, factors):
    """Write the share of each row in the mean loss."""
    share = factors.dtype.type(1) / factors.dtype.type(net.rows)
    for r in range(net.rows):
        factors[r] = share
    if net.weighted:
        order = integers_at(net.order, net.position + net.rows)
        weights = vector_at(net.weights, net.samples, net.tiny)
        for r in range(net.rows):
            factors[r] *= weights[order[net.position + r]]
