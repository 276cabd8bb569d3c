"""A block of consecutive steps: the recurrence between its matrix products.

The first layer's inputs do not depend on its weights, so the products X_B W^T of a whole block
can be taken at once, and each step's effect on the later rows added from the Gram matrix of the
inputs. With momentum, Nesterov or L2 the first layer's weights W and velocity V follow

    (W, V) <- M (W, V) + b g x^T,        M of shape (2, 2)

with g = dZ of the step (`exact.recurrence`). So with P = X_B W^T and Q = X_B V^T at the block's
start, the j-th step in it sees

    z_t = (M^j)_00 P_t + (M^j)_01 Q_t + bias + sum over earlier rows s of (M^(lag-1) b)_0 G_ts g_s

where lag counts batches. The same holds inside a sub-block of 16 rows. After it, one small product
brings P and Q of the rows still to come forward. Benesty and Duhamel 1992 did this for LMS filters;
the application to the first layer of a network is ours.

Shared here: `block`, a record that `records` describes, and its `form`: PLAIN, WITH_L2 (and no
momentum) or WITH_MOMENTUM, the same for all networks of a call. A holds P.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, routine
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    matrix_at,
    part,
    record_at,
    row,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.records import BLOCK, NETWORK, SEGMENT
from samplewise_backends.numba_cpu.kernels.step import activate_part, derivative_part
from samplewise_backends.numba_cpu.kernels.tile_calls import add_tiles

SUB_BLOCK = 16
PLAIN, WITH_L2, WITH_MOMENTUM = range(3)


@inlined_kernel
def rows_of_block(block, address):
    """Return one of the block's vectors: a row of `ld` numbers for each row of the block."""
    return vector_at(address, block.rows.at_once * block.ld, block.tiny)


@inlined_kernel
def power_of(block, k, entry):
    """Return an entry of M^k, a vector of all units."""
    rows = block.batches + 1
    powers = matrix_at(block.powers, 4 * rows, block.ld, block.tiny)
    return row(powers, entry * rows + k)


@inlined_kernel
def lag_of(block, k, component):
    """Return a component of M^k b, a vector of all units."""
    lags = matrix_at(block.lags, 2 * block.batches, block.ld, block.tiny)
    return row(lags, component * block.batches + k)


@inlined_kernel
def _add(z, vector):
    for o in range(z.shape[0]):
        z[o] += vector[o]


@inlined_kernel
def _scale(z, factors):
    """Let weights decay without momentum: then Q may hold anything, NaN for one."""
    for o in range(z.shape[0]):
        z[o] *= factors[o]


@inlined_kernel
def _add_row(z, weight, step):
    for o in range(z.shape[0]):
        z[o] += weight * step[o]


@inlined_kernel
def _add_four_rows(z, w, steps, ld):
    w0, w1, w2, w3 = w[0], w[1], w[2], w[3]
    s0, s1 = part(steps, 0, ld), part(steps, ld, ld)
    s2, s3 = part(steps, 2 * ld, ld), part(steps, 3 * ld, ld)
    for o in range(z.shape[0]):
        z[o] += w0 * s0[o] + w1 * s1[o] + w2 * s2[o] + w3 * s3[o]


@inlined_kernel
def _add_lagged_row(z, weight, lag, step):
    for o in range(z.shape[0]):
        z[o] += weight * lag[o] * step[o]


@inlined_kernel
def _correct_plain(z, weights, steps, first, last, ld):
    """Add to one row the effect of the steps of rows first to last."""
    s = first
    while s + 4 <= last:
        _add_four_rows(z, part(weights, s, 4), part(steps, s * ld, 4 * ld), ld)
        s += 4
    while s < last:
        _add_row(z, weights[s], part(steps, s * ld, ld))
        s += 1


@kernel
def _correct(block, z, q, weights, steps, first, last):
    """As `_correct_plain`, and let weights and velocity decay since the row `first`."""
    ld, batch = block.ld, block.batch
    done = (last - first) // batch
    alpha, beta = power_of(block, done, 0), power_of(block, done, 1)
    if block.form == WITH_MOMENTUM:
        for o in range(ld):
            z[o] = alpha[o] * z[o] + beta[o] * q[o]
    else:
        _scale(z, alpha)
    for s in range(first, last):
        lag = lag_of(block, done - 1 - (s - first) // batch, 0)
        _add_lagged_row(z, weights[s], lag, part(steps, s * ld, ld))


@kernel
def decayed(block, g, rows, component, out):
    """Write each row of g as it enters the state after the last of `rows` rows."""
    batch, ld = block.batch, block.ld
    batches = (rows + batch - 1) // batch
    for r in range(rows):
        lag = lag_of(block, batches - 1 - r // batch, component)
        for o in range(ld):
            out[r * ld + o] = lag[o] * g[r * ld + o]


@kernel
def _mix(block, p, q, k):
    """(p, q) <- M^k (p, q) for every unit of a row."""
    a, b = power_of(block, k, 0), power_of(block, k, 1)
    if block.form != WITH_MOMENTUM:
        _scale(p, a)
        return
    c, d = power_of(block, k, 2), power_of(block, k, 3)
    for o in range(p.shape[0]):
        before = p[o]
        p[o] = a[o] * before + b[o] * q[o]
        q[o] = c[o] * before + d[o] * q[o]


@inlined_kernel
def _add_product(block, rows, G, e, count):
    """Add G E to some of the block's rows, with `count` rows in E."""
    ld, like = block.ld, block.tiny
    out = matrix_at(address_of(rows), rows.shape[0] // ld, ld, like)
    added = matrix_at(address_of(e), count, ld, like)
    add_tiles(block.product, out, G, block.gram_ld, 1, added, ld)


@inlined_kernel
def _bring_forward(block, A, gram, first, last):
    """Add the effect of the sub-block first to last to the rows from `last` on."""
    count, rest = last - first, block.count - last
    ld, gram_ld = block.ld, block.gram_ld
    G = part(gram, last * gram_ld + first, (rest - 1) * gram_ld + count)
    e = part(rows_of_block(block, block.steps), first * ld, count * ld)
    p = part(A, last * ld, rest * ld)
    if block.form == PLAIN:
        _add_product(block, p, G, e, count)
        return
    q = part(rows_of_block(block, block.Q), last * ld, rest * ld)
    scratch = rows_of_block(block, block.scratch)
    batches = (count + block.batch - 1) // block.batch
    for r in range(rest):
        _mix(block, part(p, r * ld, ld), part(q, r * ld, ld), batches)
    decayed(block, e, count, 0, scratch)
    _add_product(block, p, G, scratch, count)
    if block.form == WITH_MOMENTUM:
        decayed(block, e, count, 1, scratch)
        _add_product(block, q, G, scratch, count)


@kernel
def _update_biases(block, g, rows, bias, velocity, biases):
    ld = block.ld
    rate, mu, of_g, of_v = row(biases, 0), row(biases, 1), row(biases, 2), row(biases, 3)
    for r in range(1, rows):
        _add(part(g, 0, ld), part(g, r * ld, ld))
    if block.form != WITH_MOMENTUM:
        for o in range(ld):
            bias[o] -= rate[o] * g[o]
        return
    zero, tiny = g.dtype.type(0), block.tiny
    for o in range(ld):
        v = mu[o] * velocity[o] + g[o]
        v = zero if abs(v) < tiny else v
        velocity[o] = v
        bias[o] -= rate[o] * (of_g[o] * g[o] + of_v[o] * v)


@inlined_kernel
def _step_biases(g, bias, rate, steps):
    """Keep the steps of one row and take them in the biases: both kernels below, for plain SGD."""
    for o in range(g.shape[0]):
        step = -rate[o] * g[o]
        steps[o] = step
        bias[o] += step


@kernel
def _keep_steps(block, g, rows, rate, steps):
    """Keep the step of each row in the weights, before dZ is summed for the bias."""
    ld, plain = block.ld, block.form == PLAIN
    for r in range(rows):
        for o in range(ld):
            step = g[r * ld + o]
            steps[r * ld + o] = -rate[o] * step if plain else step


@inlined_kernel
def _first_values(block, net, A, gram, first, t, count):
    """Write the first layers' outputs for the rows t to t + count of a block."""
    ld, steps, Q = block.ld, rows_of_block(block, block.steps), rows_of_block(block, block.Q)
    bias = vector_at(block.bias, ld, block.tiny)
    for r in range(t, t + count):
        z, weights = part(A, r * ld, ld), part(gram, r * block.gram_ld, t)
        if block.form == PLAIN:
            _correct_plain(z, weights, steps, first, t, ld)
        else:
            _correct(block, z, part(Q, r * ld, ld), weights, steps, first, t)
        _add(z, bias)
        for i in range(block.runs):
            run = record_at(block.segments, i, SEGMENT, block.tiny)
            u, units = r * ld + run.first, run.last - run.first
            activate_part(net, A, u, run.saved + u, units, run.activation)


@inlined_kernel
def _step_every_network(block, t, count):
    """Take one step in the later layers of every network."""
    for m in range(block.members):
        net = record_at(block.networks, m, NETWORK, block.tiny)
        net.position, net.rows, net.shift = block.position + t, count, t * block.ld
        call(net.later_layers, net)


@inlined_kernel
def _first_steps(block, net, A, dZ, t, count):
    """Keep the steps of a batch in the first layers' weights, and take those in their biases."""
    ld, like = block.ld, block.tiny
    g = part(dZ, t * ld, count * ld)
    steps = part(rows_of_block(block, block.steps), t * ld, count * ld)
    for r in range(t, t + count):
        for i in range(block.runs):
            run = record_at(block.segments, i, SEGMENT, like)
            u, units = r * ld + run.first, run.last - run.first
            derivative_part(net, A, dZ, u, run.saved + u, units, run.activation)
    bias, biases = vector_at(block.bias, ld, like), matrix_at(block.biases, 4, ld, like)
    if count == 1 and block.form == PLAIN:
        _step_biases(g, bias, row(biases, 0), steps)
    else:
        velocity = vector_at(block.bias_velocity, ld, like)
        _keep_steps(block, g, count, row(biases, 0), steps)
        _update_biases(block, g, count, bias, velocity, biases)


@routine(BLOCK)
def run_block(block):
    """Run the steps of the block at work, given its products P (and Q)."""
    # Any network: all have the same buffers, and the first layers are not theirs alone.
    net = record_at(block.networks, 0, NETWORK, block.tiny)
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    rows, batch = block.count, block.batch
    gram = vector_at(block.gram, rows * block.gram_ld, block.tiny)
    sub = max(SUB_BLOCK // batch, 1) * batch
    for first in range(0, rows, sub):
        last = min(first + sub, rows)
        for t in range(first, last, batch):
            count = min(batch, last - t)
            _first_values(block, net, A, gram, first, t, count)
            _step_every_network(block, t, count)
            _first_steps(block, net, A, dZ, t, count)
        if last < rows:
            _bring_forward(block, A, gram, first, last)
