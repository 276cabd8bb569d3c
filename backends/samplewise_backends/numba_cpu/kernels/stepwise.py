"""The direct plan of rules that are not linear, and of networks with another first layer.

Each step has the gradient of a layer before it moves: that of a dense layer a few units at a time,
so that what the product has just written is moved while it is in the nearest cache. Only a limit of
the gradient's norm needs all of it first.
"""

from __future__ import annotations

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
    dense_below,
    dense_gradient,
    units_at_once,
)
from samplewise_backends.numba_cpu.kernels.products import TILE_UNITS
from samplewise_backends.numba_cpu.kernels.step import (
    forward_all,
    layer_backward,
    loss_rows,
    move_layer,
    move_part,
    rows_of,
    slope_rows,
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
    PENALISED,
    POSITION,
    RATE,
    RULE,
    STAY,
    STEP,
    UNITS,
    WEIGHT,
    WEIGHTS,
)

# Elements of a gradient that are moved at once, unless that is less than 16 units'.
MOVED_AT_ONCE = 32768


@spliced_kernel
def _move_dense(gemm, rows, delta, a, a_ld, theta, space, layer, rule, clock):
    """Take one step in a dense layer, some units at a time."""
    inputs, units, ld, gradient = layer[INPUTS], layer[UNITS], layer[LD], space.gradient
    one, zero = gradient.dtype.type(1), gradient.dtype.type(0)
    height = max(min(MOVED_AT_ONCE // inputs, units_at_once(rows, inputs)) // TILE_UNITS, 1)
    height *= TILE_UNITS
    for o in range(0, units, height):
        m = min(height, units - o)
        of_units, g = part(delta, o, (rows - 1) * ld + m), part(gradient, 0, m * inputs)
        gemm_tn(gemm, m, inputs, rows, one, of_units, ld, a, a_ld, zero, g, inputs)
        first = layer[WEIGHT] + o * inputs
        move_part(space, clock, rule, theta, first, m * inputs, layer[PENALISED], g)
    g = part(gradient, 0, units)
    bias_gradient(rows, delta, ld, g)
    move_part(space, clock, rule, theta, layer[BIAS], units, 0, g)


@spliced_kernel
def _backward(gemm, A, layers, theta, space, rule, clock, moves):
    """Go back through all layers; step in each as soon as its gradient is known, if `moves`.

    Otherwise `space.gradient` takes all of them, laid out like the parameters.
    """
    rows, inputs, values, deltas = A.shape[0], A.shape[1], space.values, space.deltas
    parameters, gradient = theta.parameters, space.gradient
    for k in range(layers.shape[0] - 1, -1, -1):
        layer, below = row(layers, k), row(layers, max(k - 1, 0))
        delta, out = rows_of(deltas, layer, 0, rows), rows_of(deltas, below, 0, rows)
        if k < layers.shape[0] - 1:
            slope_rows(space.routines, deltas, values, layer, 0, rows)
        a = part(A, 0, A.size) if k == 0 else rows_of(values, below, 0, rows)
        a_ld = inputs if k == 0 else below[LD]
        out_ld = below[LD] if k > 0 else 0
        g = part(gradient, 0 if moves else layer[WEIGHT], 1)
        g_bias = part(gradient, layer[WEIGHTS] if moves else layer[BIAS], 1)
        if layer[KIND] != DENSE:
            layer_backward(gemm, rows, a, a_ld, parameters, space, layer, out, out_ld, g, g_bias)
            if moves:
                move_layer(space, clock, rule, theta, layer)
            continue
        if k > 0:
            dense_below(gemm, rows, delta, layer[LD], parameters, layer, out, out_ld)
        if moves:
            _move_dense(gemm, rows, delta, a, a_ld, theta, space, layer, rule, clock)
        else:
            dense_gradient(gemm, rows, delta, layer[LD], a, a_ld, layer, gradient)


@kernel
def _limit(layers, gradient, rule):
    """Limit each entry of the gradient, and then the norm of all of them."""
    largest, most = rule[CLIP_VALUE], rule[CLIP_NORM]
    for i in range(gradient.shape[0]):
        # A NaN is neither above nor below, and stays.
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
def _move_all(layers, theta, space, rule, clock):
    """Step in all layers, whose gradients are laid out like the parameters."""
    for k in range(layers.shape[0]):
        layer = row(layers, k)
        weights, biases = layer[WEIGHTS], layer[BIASES]
        if weights > 0:
            g, g_bias = part(space.gradient, layer[WEIGHT], 1), part(space.gradient, layer[BIAS], 1)
            move_part(space, clock, rule, theta, layer[WEIGHT], weights, layer[PENALISED], g)
            move_part(space, clock, rule, theta, layer[BIAS], biases, 0, g_bias)


@entry_point
def run_by_gradient(gemm, X, Y, order, window, layers, theta, space, gathered, rule, rates, losses):
    """Train on order[start:stop], with window = (start, stop, batch size, loss code).

    rates: float64, of each step, or empty where they do not change. By the rule STAY, the gradient
    of the last batch is left in `space.gradient`, laid out like the parameters.
    Differs from the reference: a batch is matrices, and inner products are summed in another
    order.
    """
    start, stop, batch, loss = window
    clock = row(space.clock, 0)
    for first in range(start, stop, batch):
        rows = min(batch, stop - first)
        if rates.shape[0] > 0:
            rule[RATE] = rates[(first - start) // batch]
        gather(X, order, first, rows, gathered)
        A, where, seen = gathered[:rows], part(order, first, rows), part(losses, first, rows)
        clock[POSITION] = first
        forward_all(gemm, A, layers, theta.parameters, space.values, space.routines, clock)
        loss_rows(layers, 0, rows, Y, where, loss, space, seen)
        stays = rule[RULE] == STAY
        moves = rule[CLIP_NORM] == math.inf and not stays
        _backward(gemm, A, layers, theta, space, rule, clock, moves)
        if not moves and not stays:
            _limit(layers, space.gradient, rule)
            _move_all(layers, theta, space, rule, clock)
        clock[STEP] += 1
