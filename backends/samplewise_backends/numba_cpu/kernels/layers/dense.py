"""The dense layer of a batch of rows: forward, the input gradient, and the update in place.

A batch of one row, or a small layer, takes loops; BLAS takes the rest. Where a row of weights is
read for the input gradient, it is updated in the same pass.
"""

from samplewise_backends.numba_cpu.compile.blas import gemm_nn, gemm_nt, gemm_tn
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, reordered_kernel
from samplewise_backends.numba_cpu.compile.views import part
from samplewise_backends.numba_cpu.kernels.products import TILE, TILE_UNITS
from samplewise_backends.numba_cpu.kernels.tables import (
    BIAS,
    INPUTS,
    L2,
    MOMENTUM,
    NESTEROV,
    RATE,
    UNITS,
    WEIGHT,
)

# A call of BLAS costs about 0.1 us, the time of so many multiply-adds in loops.
LOOPS_UP_TO = 4096


@inlined_kernel
def _by_loops(rows, layer):
    return rows == 1 or rows * layer[INPUTS] * layer[UNITS] <= LOOPS_UP_TO


@inlined_kernel
def dense_forward(gemm, rows, a, a_ld, parameters, layer, z, z_ld):
    """Write Z <- A W^T + b for `rows` rows; A starts at a, Z at z."""
    inputs, units = layer[INPUTS], layer[UNITS]
    weights = part(parameters, layer[WEIGHT], units * inputs)
    bias = part(parameters, layer[BIAS], units)
    if _by_loops(rows, layer):
        for r in range(rows):
            _forward_row(weights, bias, part(a, r * a_ld, inputs), part(z, r * z_ld, units))
        return
    one = z.dtype.type(1)
    for r in range(rows):
        for o in range(units):
            z[r * z_ld + o] = bias[o]
    width = units_at_once(rows, inputs)
    for o in range(0, units, width):
        n = min(width, units - o)
        w, out = part(weights, o * inputs, 1), part(z, o, 1)
        gemm_nt(gemm, rows, n, inputs, one, a, a_ld, w, inputs, one, out, z_ld)


@inlined_kernel
def units_at_once(rows, inputs):
    """Return the number of units in one product: see `products`."""
    return max(TILE // (rows * inputs) // TILE_UNITS, 1) * TILE_UNITS


@reordered_kernel
def _forward_row(weights, bias, a, z):
    inputs = a.shape[0]
    for o in range(bias.shape[0]):
        w = part(weights, o * inputs, inputs)
        total = bias[o]
        for i in range(inputs):
            total += w[i] * a[i]
        z[o] = total


@inlined_kernel
def dense_input_gradient(gemm, rows, dz, dZ_ld, parameters, layer, dX, dX_ld):
    """Write dX = dZ W."""
    inputs, units = layer[INPUTS], layer[UNITS]
    weights = part(parameters, layer[WEIGHT], units * inputs)
    zero = dX.dtype.type(0)
    if not _by_loops(rows, layer):
        one = dX.dtype.type(1)
        gemm_nn(gemm, rows, inputs, units, one, dz, dZ_ld, weights, inputs, zero, dX, dX_ld)
        return
    for r in range(rows):
        out = part(dX, r * dX_ld, inputs)
        for i in range(inputs):
            out[i] = zero
        for o in range(units):
            _add_scaled(out, dz[r * dZ_ld + o], part(weights, o * inputs, inputs))


@inlined_kernel
def _add_scaled(out, factor, vector):
    for i in range(out.shape[0]):
        out[i] += factor * vector[i]


@inlined_kernel
def dense_backward_row(dz, a, parameters, layer, hyper, dX):
    """Write dX of one row, and take its step of plain SGD, in one pass over the weights."""
    inputs, units = layer[INPUTS], layer[UNITS]
    weights = part(parameters, layer[WEIGHT], units * inputs)
    bias = part(parameters, layer[BIAS], units)
    # Not a factor 1 - shrink: its rounding, the same at every step, would add up.
    shrink = hyper[RATE] * hyper[L2]
    for o in range(units):
        w, d = part(weights, o * inputs, inputs), dz[o]
        step = hyper[RATE] * d
        if o == 0:
            for i in range(inputs):
                dX[i] = d * w[i]
                w[i] -= step * a[i] + shrink * w[i]
        else:
            for i in range(inputs):
                dX[i] += d * w[i]
                w[i] -= step * a[i] + shrink * w[i]
        bias[o] -= step


@inlined_kernel
def dense_backward_row_momentum(dz, a, theta, layer, hyper, tiny, dX):
    """As `dense_backward_row`, with momentum."""
    inputs, units = layer[INPUTS], layer[UNITS]
    first, size = layer[WEIGHT], units * inputs
    parameters, velocity = theta.parameters, theta.velocity
    weights, speeds = part(parameters, first, size), part(velocity, first, size)
    rate, mu, l2, zero = hyper[RATE], hyper[MOMENTUM], hyper[L2], a.dtype.type(0)
    # The shares of gradient and velocity in a step.
    of_g, of_v = (rate, rate * mu) if hyper[NESTEROV] != zero else (zero, rate)
    for i in range(inputs):
        dX[i] = zero
    for o in range(units):
        w, v, d = part(weights, o * inputs, inputs), part(speeds, o * inputs, inputs), dz[o]
        for i in range(inputs):
            dX[i] += d * w[i]
            g = d * a[i] + l2 * w[i]
            speed = mu * v[i] + g
            speed = zero if abs(speed) < tiny else speed
            v[i] = speed
            w[i] -= of_g * g + of_v * speed
    bias, speeds = part(parameters, layer[BIAS], units), part(velocity, layer[BIAS], units)
    _momentum(bias, speeds, dz, hyper, zero, tiny)


@inlined_kernel
def dense_update(gemm, rows, dz, dZ_ld, a, a_ld, theta, space, layer, hyper):
    """Take one step of SGD in the weights and biases of a layer.

    dz: of the layer, with the mean over the batch in it; a: the layer's inputs; hyper: a row of
    the table of hyperparameters.
    """
    parameters, velocity, tiny = theta.parameters, theta.velocity, space.tiny
    inputs, units = layer[INPUTS], layer[UNITS]
    first, size = layer[WEIGHT], units * inputs
    weights, gradient = part(parameters, first, size), part(space.gradient, 0, size)
    one, zero = a.dtype.type(1), a.dtype.type(0)
    plain = hyper[MOMENTUM] == zero
    if plain and not _by_loops(rows, layer):
        if hyper[L2] != zero:
            shrink = hyper[RATE] * hyper[L2]
            for i in range(size):
                weights[i] -= shrink * weights[i]
        _add_products(gemm, rows, -hyper[RATE], dz, dZ_ld, a, a_ld, one, weights, layer)
    elif plain:
        _plain_rows(rows, dz, dZ_ld, a, a_ld, weights, units, hyper)
    else:
        _weight_gradient(gemm, rows, dz, dZ_ld, a, a_ld, gradient, layer)
        _momentum(weights, part(velocity, first, size), gradient, hyper, hyper[L2], tiny)
    _update_bias(rows, dz, dZ_ld, parameters, velocity, gradient, layer, hyper, tiny)


@inlined_kernel
def _add_products(gemm, rows, factor, dz, dZ_ld, a, a_ld, beta, out, layer):
    """Write beta out + factor dZ^T A, some units at a time."""
    inputs, units = layer[INPUTS], layer[UNITS]
    height = units_at_once(rows, inputs)
    for o in range(0, units, height):
        m = min(height, units - o)
        d, target = part(dz, o, 1), part(out, o * inputs, m * inputs)
        gemm_tn(gemm, m, inputs, rows, factor, d, dZ_ld, a, a_ld, beta, target, inputs)


@inlined_kernel
def _plain_rows(rows, dz, dZ_ld, a, a_ld, weights, units, hyper):
    inputs = weights.shape[0] // units
    rate = hyper[RATE]
    for o in range(units):
        w = part(weights, o * inputs, inputs)
        if hyper[L2] != 0:
            shrink = rate * hyper[L2]
            for i in range(inputs):
                w[i] -= shrink * w[i]
        for r in range(rows):
            step = rate * dz[r * dZ_ld + o]
            x = part(a, r * a_ld, inputs)
            for i in range(inputs):
                w[i] -= step * x[i]


@inlined_kernel
def _weight_gradient(gemm, rows, dz, dZ_ld, a, a_ld, gradient, layer):
    """Write dZ^T A, the mean gradient of the weights."""
    inputs, units = layer[INPUTS], layer[UNITS]
    zero = a.dtype.type(0)
    if not _by_loops(rows, layer):
        one = a.dtype.type(1)
        _add_products(gemm, rows, one, dz, dZ_ld, a, a_ld, zero, gradient, layer)
        return
    for o in range(units):
        g = part(gradient, o * inputs, inputs)
        for i in range(inputs):
            g[i] = zero
        for r in range(rows):
            _add_scaled(g, dz[r * dZ_ld + o], part(a, r * a_ld, inputs))


@inlined_kernel
def _momentum(theta, velocity, gradient, hyper, l2, tiny):
    """Take one step with momentum; a velocity that fades is set to 0 before it becomes subnormal.

    Subnormal numbers were measured to slow a step tenfold on some processors.
    """
    rate, mu, zero = hyper[RATE], hyper[MOMENTUM], theta.dtype.type(0)
    ahead = hyper[NESTEROV] != zero
    for i in range(theta.shape[0]):
        g = gradient[i] + l2 * theta[i]
        v = mu * velocity[i] + g
        v = zero if abs(v) < tiny else v
        velocity[i] = v
        theta[i] -= rate * (g + mu * v if ahead else v)


@inlined_kernel
def dense_gradient(gemm, rows, dz, dZ_ld, a, a_ld, layer, gradient):
    """Write the mean gradient of weights and biases where the layer's parameters lie."""
    size = layer[UNITS] * layer[INPUTS]
    weights = part(gradient, layer[WEIGHT], size)
    _weight_gradient(gemm, rows, dz, dZ_ld, a, a_ld, weights, layer)
    bias_gradient(rows, dz, dZ_ld, part(gradient, layer[BIAS], layer[UNITS]))


@inlined_kernel
def bias_gradient(rows, dz, dZ_ld, g):
    """Write the sum of dZ over the rows."""
    for o in range(g.shape[0]):
        g[o] = dz[o]
    for r in range(1, rows):
        for o in range(g.shape[0]):
            g[o] += dz[r * dZ_ld + o]


@inlined_kernel
def _update_bias(rows, dz, dZ_ld, parameters, velocity, gradient, layer, hyper, tiny):
    units, first = layer[UNITS], layer[BIAS]
    bias, g = part(parameters, first, units), part(gradient, 0, units)
    bias_gradient(rows, dz, dZ_ld, g)
    zero = g.dtype.type(0)
    if hyper[MOMENTUM] == zero:
        for o in range(units):
            bias[o] -= hyper[RATE] * g[o]
    else:
        _momentum(bias, part(velocity, first, units), g, hyper, zero, tiny)
