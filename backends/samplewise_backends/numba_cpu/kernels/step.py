"""One step of one network: all that no block of steps can share.

Rows of the first layer are found `shift` elements behind its OUT: within a block, each batch has
its own. A step starts from the first layer's outputs, or from the inputs themselves. Dense layers,
four activations and two losses are compiled into the callers; all else is called.
"""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import entry_point, inlined_kernel, spliced_kernel
from samplewise_backends.numba_cpu.compile.views import call, part, row
from samplewise_backends.numba_cpu.kernels.activations import activate, multiply_by_slope
from samplewise_backends.numba_cpu.kernels.layers.dense import (
    dense_backward_row,
    dense_backward_row_momentum,
    dense_below,
    dense_forward,
    dense_update,
)
from samplewise_backends.numba_cpu.kernels.losses import loss_and_delta
from samplewise_backends.numba_cpu.kernels.tables import (
    ACTIVATE,
    ACTIVATION,
    BACKWARD,
    BIAS,
    BIASES,
    CATEGORICAL,
    DENSE,
    FORWARD,
    KEPT,
    KIND,
    LD,
    LOSS,
    MOMENTUM,
    MOVE,
    OUT,
    PENALISED,
    RELU,
    SCRATCH,
    SLOPE,
    UNITS,
    WEIGHT,
    WEIGHTS,
)


@spliced_kernel
def rows_of(buffer, layer, shift, rows):
    """Return the part of values or deltas where the rows of a layer lie."""
    start = layer[OUT] + shift
    return part(buffer, start, (rows - 1) * layer[LD] + layer[UNITS])


@inlined_kernel
def activate_part(routines, values, first, kept, units, code):
    """Replace `units` values from `first` on by their function; the slopes may be kept."""
    z = part(values, first, units)
    if code <= RELU:
        activate(z, code)
    else:
        call(routines[ACTIVATE], code, units, z, part(values, kept, units))


@inlined_kernel
def slope_part(routines, delta, values, first, kept, units, code):
    """Multiply the deltas of these values by the slope."""
    a = part(values, first, units)
    if code <= RELU:
        multiply_by_slope(delta, a, code)
    else:
        call(routines[SLOPE], code, units, delta, a, part(values, kept, units))


@inlined_kernel
def activate_rows(routines, values, layer, shift, rows):
    """Apply a layer's activation to its outputs; the slopes may be kept."""
    out, kept = layer[OUT] + shift, layer[KEPT] + shift
    for r in range(0, rows * layer[LD], layer[LD]):
        activate_part(routines, values, out + r, kept + r, layer[UNITS], layer[ACTIVATION])


@inlined_kernel
def slope_rows(routines, deltas, values, layer, shift, rows):
    """Multiply the deltas of a layer's outputs by the slopes there."""
    out, kept, units = layer[OUT] + shift, layer[KEPT] + shift, layer[UNITS]
    for r in range(0, rows * layer[LD], layer[LD]):
        delta = part(deltas, out + r, units)
        slope_part(routines, delta, values, out + r, kept + r, units, layer[ACTIVATION])


@inlined_kernel
def _layer_forward(gemm, routines, clock, rows, a, a_ld, parameters, layer, values, shift):
    """Write the outputs of one layer, from its inputs behind a."""
    z = rows_of(values, layer, shift, rows)
    if layer[KIND] == DENSE:
        dense_forward(gemm, rows, a, a_ld, parameters, layer, z, layer[LD])
    else:
        kept, scratch = part(values, layer[KEPT], 1), part(values, layer[SCRATCH], 1)
        call(routines[FORWARD], gemm, rows, layer, clock, a, a_ld, parameters, z, kept, scratch)
    activate_rows(routines, values, layer, shift, rows)


@spliced_kernel
def forward_behind(gemm, layers, shift, rows, parameters, values, routines, clock):
    """Write the outputs of every layer behind the first; the last one's are the logits."""
    for k in range(1, layers.shape[0]):
        below, layer = row(layers, k - 1), row(layers, k)
        a = rows_of(values, below, shift if k == 1 else 0, rows)
        _layer_forward(gemm, routines, clock, rows, a, below[LD], parameters, layer, values, 0)


@spliced_kernel
def loss_rows(layers, shift, rows, Y, order, loss, space, losses):
    """Write the loss of each row, and the last layer's deltas with the mean over the rows."""
    depth = layers.shape[0]
    last = row(layers, depth - 1)
    at = shift if depth == 1 else 0
    z, delta = rows_of(space.values, last, at, rows), rows_of(space.deltas, last, at, rows)
    units = last[UNITS]
    share = z.dtype.type(1) / z.dtype.type(rows)
    weighted = space.weights.shape[0] > 0
    for r in range(rows):
        start = r * last[LD]
        d, logits, y = part(delta, start, units), part(z, start, units), row(Y, order[r])
        if loss <= CATEGORICAL:
            losses[r] = loss_and_delta(logits, y, d, loss)
        else:
            address, out = space.routines[LOSS], part(losses, r, 1)
            call(address, loss, units, space.loss_parameter, logits, y, d, out)
        if weighted:
            factor = share * space.weights[order[r]]
            for k in range(units):
                d[k] *= factor
        elif rows > 1:
            for k in range(units):
                d[k] *= share


@inlined_kernel
def layer_backward(gemm, rows, a, a_ld, parameters, space, layer, below, below_ld, g_w, g_b):
    """Write the gradients of a layer that is not dense, and the deltas below it."""
    values = space.values
    z, kept = part(values, layer[OUT], 1), part(values, layer[KEPT], 1)
    delta, scratch = part(space.deltas, layer[OUT], 1), part(values, layer[SCRATCH], 1)
    routine = space.routines[BACKWARD]
    call(
        routine,
        gemm,
        rows,
        layer,
        a,
        a_ld,
        parameters,
        z,
        kept,
        delta,
        below,
        below_ld,
        g_w,
        g_b,
        scratch,
    )


@inlined_kernel
def move_part(space, clock, rule, theta, first, count, penalised, gradient):
    """Take one step of any rule in `count` parameters from `first` on."""
    parameters = theta.parameters
    # Where there is no state, what is behind the address is not read.
    state = part(theta.velocity, first, count)
    own, slot, routine = part(parameters, first, count), parameters.shape[0], space.routines[MOVE]
    call(routine, rule, space.tiny, clock, count, penalised, own, state, slot, gradient)


@inlined_kernel
def move_layer(space, clock, rule, theta, layer):
    """Take one step in the parameters of a layer, whose gradients lie side by side."""
    weights, biases, gradient = layer[WEIGHTS], layer[BIASES], space.gradient
    if weights > 0:
        g = part(gradient, 0, weights)
        move_part(space, clock, rule, theta, layer[WEIGHT], weights, layer[PENALISED], g)
        g = part(gradient, weights, biases)
        move_part(space, clock, rule, theta, layer[BIAS], biases, 0, g)


@spliced_kernel
def backward_behind(gemm, layers, shift, rows, theta, space, rule, clock):
    """Step in every layer behind the first; write the deltas of the first layer's outputs."""
    values, deltas, routines = space.values, space.deltas, space.routines
    for k in range(layers.shape[0] - 1, 0, -1):
        below, layer = row(layers, k - 1), row(layers, k)
        at = shift if k == 1 else 0
        a, delta = rows_of(values, below, at, rows), rows_of(deltas, layer, 0, rows)
        if k < layers.shape[0] - 1:
            slope_rows(routines, deltas, values, layer, 0, rows)
        delta_below = rows_of(deltas, below, at, rows)
        if layer[KIND] != DENSE:
            g, g_bias = part(space.gradient, 0, 1), part(space.gradient, layer[WEIGHTS], 1)
            parameters = theta.parameters
            layer_backward(
                gemm,
                rows,
                a,
                below[LD],
                parameters,
                space,
                layer,
                delta_below,
                below[LD],
                g,
                g_bias,
            )
            move_layer(space, clock, rule, theta, layer)
            continue
        if rows == 1:
            if rule[MOMENTUM] == rule.dtype.type(0):
                dense_backward_row(delta, a, theta.parameters, layer, rule, delta_below)
            else:
                dense_backward_row_momentum(delta, a, theta, layer, rule, space.tiny, delta_below)
            continue
        dense_below(gemm, rows, delta, layer[LD], theta.parameters, layer, delta_below, below[LD])
        dense_update(gemm, rows, delta, layer[LD], a, below[LD], theta, space, layer, rule)


@spliced_kernel
def forward_all(gemm, A, layers, parameters, values, routines, clock):
    """Write the outputs of every layer for the rows of A, float[rows, I]."""
    rows, inputs = A.shape[0], A.shape[1]
    for k in range(layers.shape[0]):
        # The first layer too in this loop: a layer is much code, and each place costs its compile.
        below, layer = row(layers, max(k - 1, 0)), row(layers, k)
        a = part(A, 0, A.size) if k == 0 else rows_of(values, below, 0, rows)
        a_ld = inputs if k == 0 else below[LD]
        _layer_forward(gemm, routines, clock, rows, a, a_ld, parameters, layer, values, 0)


@entry_point
def forward(gemm, A, layers, parameters, values, routines):
    """Write the outputs of every layer for the rows of A, in prediction."""
    # No layer reads a clock in prediction.
    forward_all(gemm, A, layers, parameters, values, routines, routines)


@entry_point
def forward_from(gemm, Z, layers, parameters, values, routines):
    """As `forward`, given the first layer's products Z, float[rows, units], without its bias."""
    rows, first = Z.shape[0], row(layers, 0)
    z, bias = rows_of(values, first, 0, rows), part(parameters, first[BIAS], first[UNITS])
    for r in range(rows):
        for o in range(first[UNITS]):
            z[r * first[LD] + o] = Z[r, o] + bias[o]
    activate_rows(routines, values, first, 0, rows)
    forward_behind(gemm, layers, 0, rows, parameters, values, routines, routines)
