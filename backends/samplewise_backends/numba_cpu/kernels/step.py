"""One step of one network: all that no block of steps can share.

Rows of the first layer start `shift` elements after its OUT: within a block, each batch has
its own. A step starts from the first layer's outputs, or from the inputs. Dense layers,
four activations and two losses are compiled into the callers; all else is called.
"""

from samplewise_backends.numba_cpu.compile.jit import entry_point, inlined_kernel, spliced_kernel
from samplewise_backends.numba_cpu.compile.views import call, part, row
from samplewise_backends.numba_cpu.kernels.activations import activate, multiply_by_derivative
from samplewise_backends.numba_cpu.kernels.layers.dense import (
    dense_backward_row,
    dense_backward_row_momentum,
    dense_forward,
    dense_input_gradient,
    dense_update,
)
from samplewise_backends.numba_cpu.kernels.losses import loss_and_gradient
from samplewise_backends.numba_cpu.kernels.tables import (
    ACTIVATE,
    ACTIVATION,
    BACKWARD,
    BIAS,
    BIASES,
    CATEGORICAL,
    DENSE,
    DERIVATIVE,
    FORWARD,
    KIND,
    LD,
    LOSS,
    MOMENTUM,
    OUT,
    PENALISED,
    RELU,
    SAVED,
    SCRATCH,
    UNITS,
    UPDATE,
    WEIGHT,
    WEIGHTS,
)


@spliced_kernel
def rows_of(buffer, layer, shift, rows):
    """Return the part of A or dZ where the rows of a layer lie."""
    start = layer[OUT] + shift
    return part(buffer, start, (rows - 1) * layer[LD] + layer[UNITS])


@inlined_kernel
def activate_part(routines, A, first, saved, units, code):
    """Apply an activation to `units` values from `first` on; the derivatives may be saved."""
    z = part(A, first, units)
    if code <= RELU:
        activate(z, code)
    else:
        call(routines[ACTIVATE], code, units, z, part(A, saved, units))


@inlined_kernel
def derivative_part(routines, dz, A, first, saved, units, code):
    """Multiply dz by the derivatives at these values."""
    a = part(A, first, units)
    if code <= RELU:
        multiply_by_derivative(dz, a, code)
    else:
        call(routines[DERIVATIVE], code, units, dz, a, part(A, saved, units))


@inlined_kernel
def activate_rows(routines, A, layer, shift, rows):
    """Apply a layer's activation to its outputs; the derivatives may be saved."""
    out, saved = layer[OUT] + shift, layer[SAVED] + shift
    for r in range(0, rows * layer[LD], layer[LD]):
        activate_part(routines, A, out + r, saved + r, layer[UNITS], layer[ACTIVATION])


@inlined_kernel
def derivative_rows(routines, dZ, A, layer, shift, rows):
    """Multiply dZ of a layer's outputs by the derivatives there."""
    out, saved, units = layer[OUT] + shift, layer[SAVED] + shift, layer[UNITS]
    for r in range(0, rows * layer[LD], layer[LD]):
        dz = part(dZ, out + r, units)
        derivative_part(routines, dz, A, out + r, saved + r, units, layer[ACTIVATION])


@inlined_kernel
def _layer_forward(gemm, routines, clock, rows, a, a_ld, parameters, layer, A, shift):
    """Write the outputs of one layer, from its inputs a."""
    z = rows_of(A, layer, shift, rows)
    if layer[KIND] == DENSE:
        dense_forward(gemm, rows, a, a_ld, parameters, layer, z, layer[LD])
    else:
        saved, scratch = part(A, layer[SAVED], 1), part(A, layer[SCRATCH], 1)
        call(routines[FORWARD], gemm, rows, layer, clock, a, a_ld, parameters, z, saved, scratch)
    activate_rows(routines, A, layer, shift, rows)


@spliced_kernel
def forward_later_layers(gemm, layers, shift, rows, parameters, A, routines, clock):
    """Write the outputs of every layer after the first; those of the last are the logits."""
    for k in range(1, layers.shape[0]):
        previous, layer = row(layers, k - 1), row(layers, k)
        a = rows_of(A, previous, shift if k == 1 else 0, rows)
        _layer_forward(gemm, routines, clock, rows, a, previous[LD], parameters, layer, A, 0)


@spliced_kernel
def loss_rows(layers, shift, rows, Y, order, loss, space, losses):
    """Write the loss of each row, and dZ of the logits of their mean."""
    depth = layers.shape[0]
    last = row(layers, depth - 1)
    at = shift if depth == 1 else 0
    z, dz = rows_of(space.A, last, at, rows), rows_of(space.dZ, last, at, rows)
    units = last[UNITS]
    share = z.dtype.type(1) / z.dtype.type(rows)
    weighted = space.weights.shape[0] > 0
    for r in range(rows):
        start = r * last[LD]
        d, logits, y = part(dz, start, units), part(z, start, units), row(Y, order[r])
        if loss <= CATEGORICAL:
            losses[r] = loss_and_gradient(logits, y, d, loss)
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
def layer_backward(gemm, rows, a, a_ld, parameters, space, layer, dX, dX_ld, g_w, g_b):
    """Write the gradients of a layer that is not dense, and dX."""
    A = space.A
    z, saved = part(A, layer[OUT], 1), part(A, layer[SAVED], 1)
    dz, scratch = part(space.dZ, layer[OUT], 1), part(A, layer[SCRATCH], 1)
    routine = space.routines[BACKWARD]
    call(
        routine, gemm, rows, layer, a, a_ld, parameters, z, saved, dz, dX, dX_ld, g_w, g_b, scratch
    )


@inlined_kernel
def update_part(space, clock, hyper, theta, first, count, penalised, gradient):
    """Take one step of any optimizer in `count` parameters from `first` on."""
    parameters = theta.parameters
    # Without optimizer state, its address is not read.
    state = part(theta.velocity, first, count)
    w, slot, routine = part(parameters, first, count), parameters.shape[0], space.routines[UPDATE]
    call(routine, hyper, space.tiny, clock, count, penalised, w, state, slot, gradient)


@inlined_kernel
def update_layer(space, clock, hyper, theta, layer):
    """Take one step in the parameters of a layer, whose gradients lie side by side."""
    weights, biases, gradient = layer[WEIGHTS], layer[BIASES], space.gradient
    if weights > 0:
        g = part(gradient, 0, weights)
        update_part(space, clock, hyper, theta, layer[WEIGHT], weights, layer[PENALISED], g)
        g = part(gradient, weights, biases)
        update_part(space, clock, hyper, theta, layer[BIAS], biases, 0, g)


@spliced_kernel
def backward_later_layers(gemm, layers, shift, rows, theta, space, hyper, clock):
    """Step in every layer after the first; write dZ of the first layer's outputs."""
    A, dZ, routines = space.A, space.dZ, space.routines
    for k in range(layers.shape[0] - 1, 0, -1):
        previous, layer = row(layers, k - 1), row(layers, k)
        at = shift if k == 1 else 0
        a, dz = rows_of(A, previous, at, rows), rows_of(dZ, layer, 0, rows)
        if k < layers.shape[0] - 1:
            derivative_rows(routines, dZ, A, layer, 0, rows)
        dX = rows_of(dZ, previous, at, rows)
        if layer[KIND] != DENSE:
            g, g_bias = part(space.gradient, 0, 1), part(space.gradient, layer[WEIGHTS], 1)
            parameters = theta.parameters
            layer_backward(
                gemm, rows, a, previous[LD], parameters, space, layer, dX, previous[LD], g, g_bias
            )
            update_layer(space, clock, hyper, theta, layer)
            continue
        if rows == 1:
            if hyper[MOMENTUM] == hyper.dtype.type(0):
                dense_backward_row(dz, a, theta.parameters, layer, hyper, dX)
            else:
                dense_backward_row_momentum(dz, a, theta, layer, hyper, space.tiny, dX)
            continue
        dense_input_gradient(gemm, rows, dz, layer[LD], theta.parameters, layer, dX, previous[LD])
        dense_update(gemm, rows, dz, layer[LD], a, previous[LD], theta, space, layer, hyper)


@spliced_kernel
def forward_all(gemm, X, layers, parameters, A, routines, clock):
    """Write the outputs of every layer for the rows of X, float[rows, I]."""
    rows, inputs = X.shape[0], X.shape[1]
    for k in range(layers.shape[0]):
        # The first layer too in this loop: a layer is much code, and each place costs its compile.
        previous, layer = row(layers, max(k - 1, 0)), row(layers, k)
        a = part(X, 0, X.size) if k == 0 else rows_of(A, previous, 0, rows)
        a_ld = inputs if k == 0 else previous[LD]
        _layer_forward(gemm, routines, clock, rows, a, a_ld, parameters, layer, A, 0)


@entry_point
def forward(gemm, X, layers, parameters, A, routines):
    """Write the outputs of every layer for the rows of X, in prediction."""
    # No layer reads a clock in prediction.
    forward_all(gemm, X, layers, parameters, A, routines, routines)


@entry_point
def forward_from(gemm, Z, layers, parameters, A, routines):
    """As `forward`, given the first layer's products Z, float[rows, units], without its bias."""
    rows, first = Z.shape[0], row(layers, 0)
    z, bias = rows_of(A, first, 0, rows), part(parameters, first[BIAS], first[UNITS])
    for r in range(rows):
        for o in range(first[UNITS]):
            z[r * first[LD] + o] = Z[r, o] + bias[o]
    activate_rows(routines, A, first, 0, rows)
    forward_later_layers(gemm, layers, 0, rows, parameters, A, routines, routines)
