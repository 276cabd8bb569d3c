"""The direct plan for optimizers that are not linear, and for other first layers than dense ones.

Each step writes the gradient of a layer before it updates the parameters: that of a dense layer a
few units at a time, while the product's output is in the nearest cache. Only clipping by norm needs
the whole gradient first.
"""

import math

from samplewise_backends.numba_cpu.compile.blas import gemm_tn
from samplewise_backends.numba_cpu.compile.jit import (
    entry_point,
    kernel,
    reordered_kernel,
    spliced_kernel,
)
from samplewise_backends.numba_cpu.compile.views import part, row
from samplewise_backends.numba_cpu.kernels.direct import gather
from samplewise_backends.numba_cpu.kernels.layers.dense import (
    bias_gradient,
    dense_gradient,
    dense_input_gradient,
    units_at_once,
)
from samplewise_backends.numba_cpu.kernels.products import TILE_UNITS
from samplewise_backends.numba_cpu.kernels.step import (
    derivative_rows,
    forward_all,
    layer_backward,
    loss_rows,
    rows_of,
    update_layer,
    update_part,
)
from samplewise_backends.numba_cpu.kernels.tables import (
    BIAS,
    BIASES,
    CLIP_NORM,
    CLIP_VALUE,
    DENSE,
    INPUTS,
    KIND,
    LD,
    NO_STEP,
    OPTIMIZER,
    PENALISED,
    POSITION,
    RATE,
    STEP,
    UNITS,
    WEIGHT,
    WEIGHTS,
)

# Elements of a gradient per update, but at least those of 16 units.
UPDATED_AT_ONCE = 32768


@spliced_kernel
def _update_dense(gemm, rows, dz, a, a_ld, theta, space, layer, hyper, clock):
    """Take one step in a dense layer, some units at a time."""
    inputs, units, ld, gradient = layer[INPUTS], layer[UNITS], layer[LD], space.gradient
    one, zero = gradient.dtype.type(1), gradient.dtype.type(0)
    height = max(min(UPDATED_AT_ONCE // inputs, units_at_once(rows, inputs)) // TILE_UNITS, 1)
    height *= TILE_UNITS
    for o in range(0, units, height):
        m = min(height, units - o)
        of_units, g = part(dz, o, (rows - 1) * ld + m), part(gradient, 0, m * inputs)
        gemm_tn(gemm, m, inputs, rows, one, of_units, ld, a, a_ld, zero, g, inputs)
        first = layer[WEIGHT] + o * inputs
        update_part(space, clock, hyper, theta, first, m * inputs, layer[PENALISED], g)
    g = part(gradient, 0, units)
    bias_gradient(rows, dz, ld, g)
    update_part(space, clock, hyper, theta, layer[BIAS], units, 0, g)


@spliced_kernel
def _backward(gemm, X, layers, theta, space, hyper, clock, updates):
    """Go back through all layers; if `updates`, step in each as soon as its gradient is known.

    Otherwise write all gradients to `space.gradient`, laid out like the parameters.
    """
    rows, inputs, A, dZ = X.shape[0], X.shape[1], space.A, space.dZ
    parameters, gradient = theta.parameters, space.gradient
    for k in range(layers.shape[0] - 1, -1, -1):
        layer, previous = row(layers, k), row(layers, max(k - 1, 0))
        dz, dX = rows_of(dZ, layer, 0, rows), rows_of(dZ, previous, 0, rows)
        if k < layers.shape[0] - 1:
            derivative_rows(space.routines, dZ, A, layer, 0, rows)
        a = part(X, 0, X.size) if k == 0 else rows_of(A, previous, 0, rows)
        a_ld = inputs if k == 0 else previous[LD]
        dX_ld = previous[LD] if k > 0 else 0
        g = part(gradient, 0 if updates else layer[WEIGHT], 1)
        g_bias = part(gradient, layer[WEIGHTS] if updates else layer[BIAS], 1)
        if layer[KIND] != DENSE:
            layer_backward(gemm, rows, a, a_ld, parameters, space, layer, dX, dX_ld, g, g_bias)
            if updates:
                update_layer(space, clock, hyper, theta, layer)
            continue
        if k > 0:
            dense_input_gradient(gemm, rows, dz, layer[LD], parameters, layer, dX, dX_ld)
        if updates:
            _update_dense(gemm, rows, dz, a, a_ld, theta, space, layer, hyper, clock)
        else:
            dense_gradient(gemm, rows, dz, layer[LD], a, a_ld, layer, gradient)


@kernel
def _limit(layers, gradient, hyper):
    """Clip each entry of the gradient, then its norm."""
    largest, most = hyper[CLIP_VALUE], hyper[CLIP_NORM]
    for i in range(gradient.shape[0]):
        # A NaN is neither above nor previous, and stays.
        if abs(gradient[i]) > largest:
            gradient[i] = math.copysign(largest, gradient[i])
    total = gradient.dtype.type(0)
    for k in range(layers.shape[0]):
        total += _square_sum(part(gradient, layers[k, WEIGHT], layers[k, WEIGHTS]))
        total += _square_sum(part(gradient, layers[k, BIAS], layers[k, BIASES]))
    norm = math.sqrt(total)
    if norm <= most:
        return
    factor = most / norm
    for i in range(gradient.shape[0]):
        gradient[i] *= factor


@reordered_kernel
def _square_sum(g):
    total = g.dtype.type(0)
    for i in range(g.shape[0]):
        total += g[i] * g[i]
    return total


@kernel
def _update_all(layers, theta, space, hyper, clock):
    """Step in all layers, given gradients laid out like the parameters."""
    for k in range(layers.shape[0]):
        layer = row(layers, k)
        weights, biases = layer[WEIGHTS], layer[BIASES]
        if weights > 0:
            g, g_bias = part(space.gradient, layer[WEIGHT], 1), part(space.gradient, layer[BIAS], 1)
            update_part(space, clock, hyper, theta, layer[WEIGHT], weights, layer[PENALISED], g)
            update_part(space, clock, hyper, theta, layer[BIAS], biases, 0, g_bias)


@entry_point
def run_stepwise(gemm, X, Y, order, window, layers, theta, space, gathered, hyper, rates, losses):
    """Train on order[start:stop], with window = (start, stop, batch size, loss code).

    rates: float64, of each step, or empty where they do not change. With the optimizer NO_STEP, the
    gradient of the last batch is left in `space.gradient`, laid out like the parameters.
    Differs from the reference: a batch is matrices, and inner products are summed in another
    order.
    """
    start, stop, batch, loss = window
    clock = row(space.clock, 0)
    for first in range(start, stop, batch):
        rows = min(batch, stop - first)
        if rates.shape[0] > 0:
            hyper[RATE] = rates[(first - start) // batch]
        gather(X, order, first, rows, gathered)
        X_B, where, seen = gathered[:rows], part(order, first, rows), part(losses, first, rows)
        clock[POSITION] = first
        forward_all(gemm, X_B, layers, theta.parameters, space.A, space.routines, clock)
        loss_rows(layers, 0, rows, Y, where, loss, space, seen)
        steps = hyper[OPTIMIZER] != NO_STEP
        updates = steps and hyper[CLIP_NORM] == math.inf
        _backward(gemm, X_B, layers, theta, space, hyper, clock, updates)
        if steps and not updates:
            _limit(layers, space.gradient, hyper)
            _update_all(layers, theta, space, hyper, clock)
        clock[STEP] += 1
