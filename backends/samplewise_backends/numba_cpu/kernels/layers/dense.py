"""The dense layer of a batch of rows: forward, the input gradient, and the update in place.

A batch of one row, or a small layer, takes loops; tiles or BLAS take the rest. Where a row of
weights is read for the input gradient, it is updated in the same pass. Here a holds the layer's
inputs, rows `a_ld` apart, and dz the gradients of its outputs.
"""

from samplewise_backends.numba_cpu.compile.blas import gemm_nn, gemm_nt, gemm_tn
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, reordered_kernel
from samplewise_backends.numba_cpu.compile.views import part, vector_at
from samplewise_backends.numba_cpu.kernels.layers.dense_tiles import (
    forward_in_tiles,
    gradient_in_tiles,
    input_gradient_in_tiles,
    plain_step_in_tiles,
    takes_tiles,
)
from samplewise_backends.numba_cpu.kernels.products import TILE, TILE_UNITS, tile

# A call of BLAS costs about 0.1 us, the time of so many multiply-adds in loops.
LOOPS_UP_TO = 4096


@inlined_kernel
def _weights_and_bias(net, layer, vector, size):
    """Return the parts for a layer's weights and bias of a vector laid out like the parameters."""
    flat = vector_at(vector, size, net.tiny)
    weights = part(flat, layer.weight, layer.units * layer.inputs)
    return weights, part(flat, layer.bias, layer.units)


@inlined_kernel
def _by_loops(net, layer):
    return net.rows == 1 or net.rows * layer.inputs * layer.units <= LOOPS_UP_TO


@inlined_kernel
def dense_forward(net, layer, a, a_ld, z):
    """Write Z <- A W^T + b."""
    rows, inputs, units, ld = net.rows, layer.inputs, layer.units, layer.ld
    weights, bias = _weights_and_bias(net, layer, net.parameters, net.size)
    if _by_loops(net, layer):
        for r in range(rows):
            _forward_row(weights, bias, part(a, r * a_ld, inputs), part(z, r * ld, units))
        return
    if takes_tiles(net, layer):
        forward_in_tiles(net, layer, a, a_ld, weights, bias, z)
        return
    one = z.dtype.type(1)
    for r in range(rows):
        for o in range(units):
            z[r * ld + o] = bias[o]
    width = units_at_once(rows, inputs)
    for o in range(0, units, width):
        n = min(width, units - o)
        w, out = part(weights, o * inputs, n * inputs), tile(z, 0, o, rows, n, ld)
        gemm_nt(net.gemm, rows, n, inputs, one, a, a_ld, w, inputs, one, out, ld)


@inlined_kernel
def units_at_once(rows, inputs):
    """Return the number of units in one product, as many as there are or more: see `products`.

    Where no few units bring a product down to a tile, it is whole. Measured without AVX-512 on 200
    rows of 3,000 inputs, 100 units: 4.0 ms, 7.3 ms by 16 units at a time.
    """
    at_once = TILE // (rows * inputs) // TILE_UNITS * TILE_UNITS
    return at_once if at_once > 0 else TILE


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
def dense_input_gradient(net, layer, dz, dX, dX_ld):
    """Write dX = dZ W."""
    rows, inputs, units, ld = net.rows, layer.inputs, layer.units, layer.ld
    weights, _ = _weights_and_bias(net, layer, net.parameters, net.size)
    zero = dX.dtype.type(0)
    if not _by_loops(net, layer):
        one = dX.dtype.type(1)
        if takes_tiles(net, layer):
            input_gradient_in_tiles(net, layer, dz, weights, dX, dX_ld)
        else:
            gemm_nn(net.gemm, rows, inputs, units, one, dz, ld, weights, inputs, zero, dX, dX_ld)
        return
    for r in range(rows):
        out = part(dX, r * dX_ld, inputs)
        for i in range(inputs):
            out[i] = zero
        for o in range(units):
            _add_scaled(out, dz[r * ld + o], part(weights, o * inputs, inputs))


@inlined_kernel
def _add_scaled(out, factor, vector):
    for i in range(out.shape[0]):
        out[i] += factor * vector[i]


@inlined_kernel
def dense_backward_row(net, layer, dz, a, dX):
    """Write dX of one row, and take its step of plain SGD, in one pass over the weights."""
    inputs, rate = layer.inputs, net.hyper.rate
    weights, bias = _weights_and_bias(net, layer, net.parameters, net.size)
    # Not a factor 1 - shrink: its rounding, the same at every step, would add up.
    shrink = rate * net.hyper.l2
    for o in range(layer.units):
        w, d = part(weights, o * inputs, inputs), dz[o]
        step = rate * d
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
def dense_backward_row_momentum(net, layer, dz, a, dX):
    """As `dense_backward_row`, with momentum."""
    inputs, hyper, tiny = layer.inputs, net.hyper, net.tiny
    weights, bias = _weights_and_bias(net, layer, net.parameters, net.size)
    speeds, bias_speed = _weights_and_bias(net, layer, net.slots, net.slots_size)
    rate, mu, l2, zero = hyper.rate, hyper.momentum, hyper.l2, a.dtype.type(0)
    # The shares of gradient and velocity in a step.
    of_g, of_v = (rate, rate * mu) if hyper.nesterov != 0 else (zero, rate)
    for i in range(inputs):
        dX[i] = zero
    for o in range(layer.units):
        w, v, d = part(weights, o * inputs, inputs), part(speeds, o * inputs, inputs), dz[o]
        for i in range(inputs):
            dX[i] += d * w[i]
            g = d * a[i] + l2 * w[i]
            speed = mu * v[i] + g
            speed = zero if abs(speed) < tiny else speed
            v[i] = speed
            w[i] -= of_g * g + of_v * speed
    _momentum(hyper, zero, tiny, bias, bias_speed, dz)


@inlined_kernel
def dense_update(net, layer, dz, a, a_ld):
    """Take one step of SGD in the weights and biases, and leave any numbers in dz.

    dz: with the mean over the batch in it.
    """
    hyper, one, zero = net.hyper, a.dtype.type(1), a.dtype.type(0)
    weights, bias = _weights_and_bias(net, layer, net.parameters, net.size)
    speeds, bias_speed = _weights_and_bias(net, layer, net.slots, net.slots_size)
    gradient, plain = vector_at(net.gradient, net.gradient_size, net.tiny), hyper.momentum == zero
    g = part(gradient, 0, layer.units)
    bias_gradient(net.rows, dz, layer.ld, g)
    if plain:
        rate = hyper.rate
        for o in range(layer.units):
            bias[o] -= rate * g[o]
    else:
        _momentum(hyper, zero, net.tiny, bias, bias_speed, g)
    if plain and not _by_loops(net, layer):
        if hyper.l2 != zero:
            shrink = hyper.rate * hyper.l2
            for i in range(weights.shape[0]):
                weights[i] -= shrink * weights[i]
        if takes_tiles(net, layer):
            plain_step_in_tiles(net, layer, dz, a, a_ld, weights)
        else:
            _add_products(net, layer, -hyper.rate, dz, a, a_ld, one, weights)
    elif plain:
        _plain_rows(net, layer, dz, a, a_ld, weights)
    else:
        _weight_gradient(net, layer, dz, a, a_ld, gradient)
        _momentum(hyper, hyper.l2, net.tiny, weights, speeds, gradient)


@inlined_kernel
def _add_products(net, layer, factor, dz, a, a_ld, beta, out):
    """Write beta out + factor dZ^T A, some units at a time."""
    rows, inputs, units, ld = net.rows, layer.inputs, layer.units, layer.ld
    height = units_at_once(rows, inputs)
    for o in range(0, units, height):
        m = min(height, units - o)
        d, target = tile(dz, 0, o, rows, m, ld), part(out, o * inputs, m * inputs)
        gemm_tn(net.gemm, m, inputs, rows, factor, d, ld, a, a_ld, beta, target, inputs)


@inlined_kernel
def _plain_rows(net, layer, dz, a, a_ld, weights):
    inputs, rate = layer.inputs, net.hyper.rate
    for o in range(layer.units):
        w = part(weights, o * inputs, inputs)
        if net.hyper.l2 != 0:
            shrink = rate * net.hyper.l2
            for i in range(inputs):
                w[i] -= shrink * w[i]
        for r in range(net.rows):
            step = rate * dz[r * layer.ld + o]
            x = part(a, r * a_ld, inputs)
            for i in range(inputs):
                w[i] -= step * x[i]


@inlined_kernel
def _weight_gradient(net, layer, dz, a, a_ld, gradient):
    """Write dZ^T A, the mean gradient of the weights."""
    inputs, one, zero = layer.inputs, a.dtype.type(1), a.dtype.type(0)
    if not _by_loops(net, layer):
        if takes_tiles(net, layer):
            gradient_in_tiles(net, layer, dz, layer.units, a, a_ld, gradient)
        else:
            _add_products(net, layer, one, dz, a, a_ld, zero, gradient)
        return
    for o in range(layer.units):
        g = part(gradient, o * inputs, inputs)
        for i in range(inputs):
            g[i] = zero
        for r in range(net.rows):
            _add_scaled(g, dz[r * layer.ld + o], part(a, r * a_ld, inputs))


@inlined_kernel
def outer_product(dz, a, gradient):
    """Write the gradient of the weights of one row; BLAS takes 2 us longer for 64 x 100."""
    inputs = a.shape[0]
    for o in range(dz.shape[0]):
        g, d = part(gradient, o * inputs, inputs), dz[o]
        for i in range(inputs):
            g[i] = d * a[i]


@inlined_kernel
def _momentum(hyper, l2, tiny, theta, velocity, gradient):
    """Take one step with momentum; a velocity that fades is set to 0 before it becomes subnormal.

    Subnormal numbers were measured to slow a step tenfold on some processors.
    """
    rate, mu, zero = hyper.rate, hyper.momentum, theta.dtype.type(0)
    ahead = hyper.nesterov != 0
    for i in range(theta.shape[0]):
        g = gradient[i] + l2 * theta[i]
        v = mu * velocity[i] + g
        v = zero if abs(v) < tiny else v
        velocity[i] = v
        theta[i] -= rate * (g + mu * v if ahead else v)


@inlined_kernel
def dense_gradient(net, layer, dz, a, a_ld, gradient):
    """Write the mean gradient of weights and biases where the layer's parameters lie."""
    weights = part(gradient, layer.weight, layer.units * layer.inputs)
    _weight_gradient(net, layer, dz, a, a_ld, weights)
    bias_gradient(net.rows, dz, layer.ld, part(gradient, layer.bias, layer.units))


@inlined_kernel
def bias_gradient(rows, dz, ld, g):
    """Write the sum of dZ over the rows."""
    for o in range(g.shape[0]):
        g[o] = dz[o]
    for r in range(1, rows):
        for o in range(g.shape[0]):
            g[o] += dz[r * ld + o]
