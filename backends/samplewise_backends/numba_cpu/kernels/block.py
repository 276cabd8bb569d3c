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

Arguments shared here (`ld` is a multiple of 16 and at least R, the units of all first layers; the
bundles are described in `tables`):

    space.A, space.dZ: the first layers' rows lie at their front, (B, ld); A holds P
    gram: float[B, B] from its start, rows `gram_ld` apart; its lower triangle is read
    batch: rows of a step
    form: PLAIN, WITH_L2 (and no momentum) or WITH_MOMENTUM, the same for all networks of a call
"""

from samplewise_backends.numba_cpu.compile.blas import gemm_nn
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, spliced_kernel
from samplewise_backends.numba_cpu.compile.views import part, row
from samplewise_backends.numba_cpu.kernels.later_layers import step_later_layers
from samplewise_backends.numba_cpu.kernels.step import activate_part, derivative_part
from samplewise_backends.numba_cpu.kernels.tables import BIAS, DEPTH, POSITION, START

SUB_BLOCK = 16
PLAIN, WITH_L2, WITH_MOMENTUM = range(3)
# Columns of `segments`: units FROM to TO share an activation, with derivatives saved at SAVED_AT.
FROM, TO, CODE, SAVED_AT = range(4)


@inlined_kernel
def _add(z, vector):
    for o in range(z.shape[0]):
        z[o] += vector[o]


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
def _correct(z, q, weights, steps, first, last, batch, powers, lags):
    """As `_correct_plain`, and let weights and velocity decay since the row `first`."""
    ld, done = z.shape[0], (last - first) // batch
    alpha, beta = powers[0, done], powers[1, done]
    for o in range(ld):
        z[o] = alpha[o] * z[o] + beta[o] * q[o]
    for s in range(first, last):
        lag = lags[0, done - 1 - (s - first) // batch]
        _add_lagged_row(z, weights[s], lag, part(steps, s * ld, ld))


@kernel
def decayed(g, rows, batch, ld, lags, component, out):
    """Write each row of g as it enters the state after the last of `rows` rows."""
    batches = (rows + batch - 1) // batch
    for r in range(rows):
        lag = lags[component, batches - 1 - r // batch]
        for o in range(ld):
            out[r * ld + o] = lag[o] * g[r * ld + o]


@kernel
def mix(p, q, k, powers):
    """(p, q) <- M^k (p, q) for every unit of a row."""
    a, b, c, d = powers[0, k], powers[1, k], powers[2, k], powers[3, k]
    for o in range(p.shape[0]):
        before = p[o]
        p[o] = a[o] * before + b[o] * q[o]
        q[o] = c[o] * before + d[o] * q[o]


@spliced_kernel
def _bring_forward(gemm, first, last, rows, batch, form, ld, A, block, gram, gram_ld, terms):
    """Add the effect of the sub-block first to last to the rows from `last` on."""
    count, rest = last - first, rows - last
    one = A.dtype.type(1)
    G, e = part(gram, last * gram_ld + first, count), part(block.steps, first * ld, count * ld)
    p, q = part(A, last * ld, rest * ld), part(block.Q, last * ld, rest * ld)
    scratch, lags = block.scratch, terms.lags
    if form == PLAIN:
        gemm_nn(gemm, rest, ld, count, one, G, gram_ld, e, ld, one, p, ld)
        return
    batches = (count + batch - 1) // batch
    for r in range(rest):
        mix(part(p, r * ld, ld), part(q, r * ld, ld), batches, terms.powers)
    decayed(e, count, batch, ld, lags, 0, scratch)
    gemm_nn(gemm, rest, ld, count, one, G, gram_ld, scratch, ld, one, p, ld)
    if form == WITH_MOMENTUM:
        decayed(e, count, batch, ld, lags, 1, scratch)
        gemm_nn(gemm, rest, ld, count, one, G, gram_ld, scratch, ld, one, q, ld)


@kernel
def _update_biases(g, rows, ld, form, bias, velocity, biases, tiny):
    rate, mu, of_g, of_v = biases[0], biases[1], biases[2], biases[3]
    for r in range(1, rows):
        _add(part(g, 0, ld), part(g, r * ld, ld))
    if form != WITH_MOMENTUM:
        for o in range(ld):
            bias[o] -= rate[o] * g[o]
        return
    zero = g.dtype.type(0)
    for o in range(ld):
        v = mu[o] * velocity[o] + g[o]
        v = zero if abs(v) < tiny else v
        velocity[o] = v
        bias[o] -= rate[o] * (of_g[o] * g[o] + of_v[o] * v)


@inlined_kernel
def _step_biases(g, bias, biases, steps):
    """Keep the steps of one row and take them in the biases: both kernels below, for plain SGD."""
    rate = row(biases, 0)
    for o in range(g.shape[0]):
        step = -rate[o] * g[o]
        steps[o] = step
        bias[o] += step


@kernel
def _keep_steps(g, rows, ld, form, biases, steps):
    """Keep the step of each row in the weights, before dZ is summed for the bias."""
    rate = biases[0]
    for r in range(rows):
        for o in range(ld):
            step = g[r * ld + o]
            steps[r * ld + o] = -rate[o] * step if form == PLAIN else step


@spliced_kernel
def _first_values(
    t, count, first, batch, form, ld, stack, space, block, gram, gram_ld, bias, terms
):
    """Write the first layers' outputs for the rows t to t + count of a block."""
    segments, A = stack.segments, space.A
    for r in range(t, t + count):
        z, weights = part(A, r * ld, ld), part(gram, r * gram_ld, t)
        if form == PLAIN:
            _correct_plain(z, weights, block.steps, first, t, ld)
        else:
            q = part(block.Q, r * ld, ld)
            _correct(z, q, weights, block.steps, first, t, batch, terms.powers, terms.lags)
        _add(z, bias)
        for i in range(segments.shape[0]):
            u, units = r * ld + segments[i, FROM], segments[i, TO] - segments[i, FROM]
            derivatives = segments[i, SAVED_AT] + u
            activate_part(space.routines, A, u, derivatives, units, segments[i, CODE])


@spliced_kernel
def _step_every_network(
    gemm, t, at, count, Y, order, loss, ld, stack, theta, space, terms, losses, losses_ld
):
    """Take one step in the later layers of every network."""
    layers, networks = stack.layers, stack.networks
    where = part(order, t, count)
    for m in range(networks.shape[0]):
        start, clock = networks[m, START], row(space.clock, m)
        clock[POSITION] = at
        table = layers[start : start + networks[m, DEPTH]]
        seen, h = part(losses, m * losses_ld + t, count), row(terms.hyperparameters, m)
        step_later_layers(gemm, t * ld, count, table, Y, where, loss, theta, space, h, seen, clock)


@spliced_kernel
def _first_steps(t, count, form, ld, stack, space, block, bias, bias_velocity, terms):
    """Keep the steps of a batch in the first layers' weights, and take those in their biases."""
    segments = stack.segments
    g, steps = part(space.dZ, t * ld, count * ld), part(block.steps, t * ld, count * ld)
    for r in range(count):
        for i in range(segments.shape[0]):
            u, units = r * ld + segments[i, FROM], segments[i, TO] - segments[i, FROM]
            first, derivatives = t * ld + u, segments[i, SAVED_AT] + t * ld + u
            code, dz = segments[i, CODE], part(g, u, units)
            derivative_part(space.routines, dz, space.A, first, derivatives, units, code)
    if count == 1 and form == PLAIN:
        _step_biases(g, bias, terms.biases, steps)
    else:
        _keep_steps(g, count, ld, form, terms.biases, steps)
        _update_biases(g, count, ld, form, bias, bias_velocity, terms.biases, space.tiny)


@spliced_kernel
def run_block(
    gemm,
    Y,
    order,
    position,
    window,
    stack,
    theta,
    space,
    block,
    gram,
    gram_ld,
    terms,
    losses,
    losses_ld,
):
    """Run the steps of one block, given its products P (and Q).

    order: its rows; position: of the first one in the epoch; window: as in `blocked`;
    losses: from the block's first row of the first network on, networks `losses_ld` apart.
    """
    batch, loss, form, ld = window[2], window[4], window[5], window[8]
    rows, first_bias = order.shape[0], stack.layers[stack.networks[0, START], BIAS]
    bias = part(theta.parameters, first_bias, ld)
    bias_velocity = part(theta.velocity, first_bias, ld) if form == WITH_MOMENTUM else bias
    A, sub = space.A, max(SUB_BLOCK // batch, 1) * batch
    for first in range(0, rows, sub):
        last = min(first + sub, rows)
        for t in range(first, last, batch):
            count = min(batch, last - t)
            _first_values(
                t, count, first, batch, form, ld, stack, space, block, gram, gram_ld, bias, terms
            )
            at = position + t
            _step_every_network(
                gemm,
                t,
                at,
                count,
                Y,
                order,
                loss,
                ld,
                stack,
                theta,
                space,
                terms,
                losses,
                losses_ld,
            )
            _first_steps(t, count, form, ld, stack, space, block, bias, bias_velocity, terms)
        if last < rows:
            _bring_forward(gemm, first, last, rows, batch, form, ld, A, block, gram, gram_ld, terms)
