"""Dense layers of several networks at once, a network in each column: see `abreast`.

Matrices are (numbers, columns), and weights (units * inputs, columns), some whole vectors each.
"""

from samplewise_backends.numba_cpu.compile.inlining import magnitude, select
from samplewise_backends.numba_cpu.compile.vectors import vector_kernel

# Sums that a loop over a unit's weights keeps: one would wait for its last addition.
SUMS = 4
# Rows of `factors`, (4, columns): mu; 1 where the rate multiplies the gradient on its way into
# the velocity, else 0; the factors of g and v in a step.
MOMENTUM, IN_VELOCITY, OF_GRADIENT, OF_VELOCITY = range(4)
FACTORS = 4


def _sums_over(v, count, term, starts):
    """Return the sums of some vectors over i < count, from `starts` on.

    term: called with i and sums so far, returns them with its own vectors added.
    """
    each, whole = len(starts), count // SUMS * SUMS

    def several(turn, sums):
        parts = (sums[k : k + each] for k in range(0, len(sums), each))
        return [one for k, part in enumerate(parts) for one in term(turn * SUMS + k, part)]

    zeros = [v.all(0.0)] * each * (SUMS - 1)
    sums = v.repeat(count // SUMS, several, [*starts, *zeros])
    totals = [(a + b) + (c + d) for a, b, c, d in (sums[k::each] for k in range(each))]
    return v.repeat(count - whole, lambda i, sums: term(whole + i, sums), totals)


@vector_kernel
def spread(v, numbers, out):
    """Write each number into a row of out, (numbers, columns)."""
    count, columns = out.shape

    def one(i, state):
        def some(m, state):
            v.store(out, i * columns + m * v.lanes, v.all(numbers[i]))
            return state

        return v.repeat(columns // v.lanes, some, state)

    v.repeat(count, one, [])


def _each_unit(v, of, unit):
    """Call `unit(o, first)` for each unit of `of`, (units, columns), and vector of its columns."""
    units, columns = of.shape

    def some(m, state):
        def one(o, state):
            unit(o, m * v.lanes)
            return state

        return v.repeat(units, one, state)

    v.repeat(columns // v.lanes, some, [])


@vector_kernel
def outputs(v, W, bias, x, z):
    """Write z <- W x + bias; x (inputs, columns), z (units, columns)."""
    inputs, columns = x.shape

    def unit(o, first):
        def term(i, sums):
            weight = v.load(W, (o * inputs + i) * columns + first)
            return [sums[0] + weight * v.load(x, i * columns + first)]

        at = o * columns + first
        v.store(z, at, _sums_over(v, inputs, term, [v.load(bias, at)])[0])

    _each_unit(v, z, unit)


@vector_kernel
def input_gradients(v, W, dz, dx):
    """Write dx <- W^T dz."""
    inputs, columns = dx.shape

    def single(i, first):
        def term(o, sums):
            weight = v.load(W, (o * inputs + i) * columns + first)
            return [sums[0] + weight * v.load(dz, o * columns + first)]

        total = v.repeat(dz.shape[0], term, [v.all(0.0)])[0]
        v.store(dx, i * columns + first, total)

    _each_unit(v, dx, single)


def _plain(v, rate, l2):
    """Return a step of plain SGD: from columns to the function of a weight and its gradient."""

    def of_columns(first):
        eta, decay = v.load(rate, first), v.load(l2, first)
        return lambda _, w, g: w - eta * (g + decay * w)

    return of_columns


def _with_momentum(v, rate, l2, V, factors, tiny):
    """As `_plain`, with momentum in any of its forms."""
    columns = factors.shape[1]

    def of_columns(first):
        rates, decay = v.load(rate, first), v.load(l2, first)
        mu, inside, of_g, of_v = [v.load(factors, k * columns + first) for k in range(FACTORS)]
        taken, eta = select(inside > 0.0, rates, 1.0), select(inside > 0.0, 1.0, rates)

        def stepped(at, w, g):
            g = taken * (g + decay * w)
            speed = mu * v.load(V, at) + g
            speed = select(magnitude(speed) < tiny, 0.0, speed)
            v.store(V, at, speed)
            return w - eta * (of_g * g + of_v * speed)

        return stepped

    return of_columns


def _step(v, W, dz, x, squares, step, bias=None, following=None, z=None):
    """Take a step in weights; write the sum of each unit's squares before it.

    x and the following row: (inputs, columns); dz, bias, z, squares: (units, columns).
    step: called with the first of a vector's columns, returns a function of the place of a vector
        of weights, them and their gradient, which returns the new weights.

    With z, write z <- W x + bias of the following row too, while the weights are at hand: of small
    networks, most time is that of reading and writing the first layer's.
    """
    inputs, columns = x.shape

    def unit(o, first):
        place = o * columns + first
        slope, stepped = v.load(dz, place), step(first)

        def term(i, sums):
            at, of_input = (o * inputs + i) * columns + first, i * columns + first
            w = v.load(W, at)
            new = stepped(at, w, slope * v.load(x, of_input))
            v.store(W, at, new)
            ahead = [one + new * v.load(following, of_input) for one in sums[1:]]
            return [sums[0] + w * w, *ahead]

        starts = [v.all(0.0)] if z is None else [v.all(0.0), v.load(bias, place)]
        total, *ahead = _sums_over(v, inputs, term, starts)
        v.store(squares, place, total)
        for output in ahead:
            v.store(z, place, output)

    _each_unit(v, dz, unit)


@vector_kernel
def plain_step(v, W, dz, x, squares, rate, l2):
    """Take a step of plain SGD in weights; write the sum of each unit's squares before it."""
    _step(v, W, dz, x, squares, _plain(v, rate, l2))


@vector_kernel
def momentum_step(v, W, dz, x, squares, rate, l2, V, factors, tiny):
    """As `plain_step`, with momentum."""
    _step(v, W, dz, x, squares, _with_momentum(v, rate, l2, V, factors, tiny))


@vector_kernel
def plain_step_and_outputs(v, W, dz, x, squares, bias, following, z, rate, l2):
    """As `plain_step`, and write z <- W x + bias of the following row."""
    _step(v, W, dz, x, squares, _plain(v, rate, l2), bias, following, z)


@vector_kernel
def momentum_step_and_outputs(v, W, dz, x, squares, bias, following, z, rate, l2, V, factors, tiny):
    """As `plain_step_and_outputs`, with momentum."""
    step = _with_momentum(v, rate, l2, V, factors, tiny)
    _step(v, W, dz, x, squares, step, bias, following, z)
