"""One step of one network: all that no block of steps can share.

Within a block, each batch has its own rows of the first layer: they start `shift` elements later. A
step starts from the first layer's outputs, or from the inputs. Dense layers, four activations and
two losses are compiled into the callers; all else is called.
"""

import numpy as np

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, routine
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    integers_at,
    matrix_at,
    part,
    record_at,
    row,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.activations import activate, multiply_by_derivative
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode, Kind, LossCode
from samplewise_backends.numba_cpu.kernels.layers.dense import (
    dense_backward_row,
    dense_backward_row_momentum,
    dense_forward,
    dense_input_gradient,
    dense_update,
)
from samplewise_backends.numba_cpu.kernels.losses import decision, loss_and_gradient
from samplewise_backends.numba_cpu.kernels.records import LAYER, NETWORK


@inlined_kernel
def begin_step(run, step):
    """Take the learning rate and the L2 of a step of the window, where it has its own."""
    hyper = run.network.hyper
    if run.rates_count > 0:
        hyper.rate = vector_at(run.rates, run.rates_count, np.float64(0))[step]
    hyper.step_l2 = 0
    if run.penalties_count > 0:
        hyper.step_l2 = vector_at(run.l2, run.penalties_count, np.float64(0))[step]
        run.network.squares = 0.0


@inlined_kernel
def end_step(run, step):
    """Write the penalty of a step of the window, where it has one, and count the step."""
    count, like = run.penalties_count, np.float64(0)
    if count > 0:
        l2, penalties = vector_at(run.l2, count, like), vector_at(run.penalties, count, like)
        penalties[step] = l2[step] / 2 * run.network.squares
    run.network.step += 1


@inlined_kernel
def rows_of(net, buffer, k):
    """Return the part of A or dZ where the batch's outputs of layer k lie."""
    layer = record_at(net.layers, k, LAYER, net.tiny)
    start = layer.out + (net.shift if k == 0 else 0)
    return part(buffer, start, (net.rows - 1) * layer.ld + layer.units)


@inlined_kernel
def inputs_of(net, A, k):
    """Return the batch's inputs of layer k, and the distance of two rows in them."""
    if k == 0:
        return vector_at(net.X, net.rows * net.inputs, net.tiny), net.inputs
    previous = record_at(net.layers, k - 1, LAYER, net.tiny)
    return rows_of(net, A, k - 1), previous.ld


@inlined_kernel
def activate_part(net, A, first, saved, count, code):
    """Apply an activation to `count` values from `first` on; the derivatives may be saved."""
    if code <= ActivationCode.RELU:
        activate(part(A, first, count), code)
    else:
        values = net.values
        values.code, values.first, values.count, values.saved = code, first, count, saved
        call(net.activate, net)


@inlined_kernel
def derivative_part(net, A, dZ, first, saved, count, code):
    """Multiply `count` gradients from `first` on by the derivatives there."""
    if code <= ActivationCode.RELU:
        multiply_by_derivative(part(dZ, first, count), part(A, first, count), code)
    else:
        values = net.values
        values.code, values.first, values.count, values.saved = code, first, count, saved
        call(net.derivative, net)


@inlined_kernel
def activate_rows(net, A, k):
    """Apply the activation of layer k to its outputs; the derivatives may be saved."""
    layer = record_at(net.layers, k, LAYER, net.tiny)
    shift, units, code = net.shift if k == 0 else 0, layer.units, layer.activation
    for r in range(shift, shift + net.rows * layer.ld, layer.ld):
        activate_part(net, A, layer.out + r, layer.saved + r, units, code)


@inlined_kernel
def derivative_rows(net, A, dZ, k):
    """Multiply dZ of the outputs of layer k by the derivatives there."""
    layer = record_at(net.layers, k, LAYER, net.tiny)
    shift, units, code = net.shift if k == 0 else 0, layer.units, layer.activation
    for r in range(shift, shift + net.rows * layer.ld, layer.ld):
        derivative_part(net, A, dZ, layer.out + r, layer.saved + r, units, code)


@inlined_kernel
def forward_layers(net, A, first):
    """Write the outputs of every layer from `first` on; those of the last are the logits."""
    for k in range(first, net.depth):
        layer = record_at(net.layers, k, LAYER, net.tiny)
        if layer.kind != Kind.DENSE:
            net.layer = k
            call(net.layer_forward, net)
        elif k > 0 or net.ahead == 0:
            a, a_ld = inputs_of(net, A, k)
            dense_forward(net, layer, a, a_ld, rows_of(net, A, k))
        activate_rows(net, A, k)


@inlined_kernel
def loss_rows(net, A, dZ):
    """Write the loss and the decision of each row, and dZ of the logits of the mean loss."""
    k, position, units = net.depth - 1, net.position, net.outputs
    last = record_at(net.layers, k, LAYER, net.tiny)
    first = last.out + (net.shift if k == 0 else 0)
    Y = matrix_at(net.Y, net.samples, units, net.tiny)
    order = integers_at(net.order, position + net.rows)
    losses = vector_at(net.losses, position + net.rows, net.tiny)
    decisions = integers_at(net.decisions, position + net.rows if net.decides else 0)
    weights = vector_at(net.weights, net.samples if net.weighted else 0, net.tiny)
    share = A.dtype.type(1) / A.dtype.type(net.rows)
    for r in range(net.rows):
        start, y = first + r * last.ld, order[position + r]
        dz = part(dZ, start, units)
        if net.decides:
            decisions[position + r] = decision(part(A, start, units))
        if net.loss <= LossCode.CATEGORICAL:
            logits = part(A, start, units)
            losses[position + r] = loss_and_gradient(logits, row(Y, y), dz, net.loss)
        else:
            values = net.values
            values.first, values.count, values.row = start, units, y
            call(net.row_loss, net)
            losses[position + r] = values.loss
        if net.weighted:
            factor = share * weights[y]
            for i in range(units):
                dz[i] *= factor
        elif net.rows > 1:
            for i in range(units):
                dz[i] *= share


@inlined_kernel
def update_part(net, first, count, penalised, gradient):
    """Take one step of any optimizer in `count` parameters; gradient: where theirs starts."""
    updated = net.updated
    updated.first, updated.count = first, count
    updated.penalised, updated.gradient, updated.inputs = penalised, gradient, 0
    call(net.update, net)


@inlined_kernel
def update_of_row(net, first, penalised, dz, x):
    """Take one step of any optimizer in weights whose gradient is dz x^T."""
    updated, inputs = net.updated, x.shape[0]
    updated.first, updated.count = first, dz.shape[0] * inputs
    updated.penalised, updated.gradient, updated.inputs = penalised, 0, inputs
    updated.dz, updated.x = address_of(dz), address_of(x)
    call(net.update, net)


@inlined_kernel
def update_layer(net, layer):
    """Take one step in the parameters of a layer, given its gradients."""
    if layer.trained:
        weight, bias = gradients_at(net, layer)
        update_part(net, layer.weight, layer.weights, layer.penalised, weight)
        update_part(net, layer.bias, layer.biases, 0, bias)


@inlined_kernel
def gradients_at(net, layer):
    """Return where the gradients of a layer's weights and biases start in `gradient`."""
    if net.of_all:
        return layer.weight, layer.bias
    return 0, layer.weights


@inlined_kernel
def ends_below(layer):
    """Return True if neither a layer nor any before it is trained: no gradient is needed there."""
    return not layer.trained and not layer.wanted


@inlined_kernel
def backward_later_layers(net, A, dZ):
    """Step in every layer after the first; write dZ of the first layer's outputs."""
    for k in range(net.depth - 1, 0, -1):
        layer = record_at(net.layers, k, LAYER, net.tiny)
        if ends_below(layer):
            break
        a, a_ld = inputs_of(net, A, k)
        dz, dX = rows_of(net, dZ, k), rows_of(net, dZ, k - 1)
        if k < net.depth - 1:
            derivative_rows(net, A, dZ, k)
        if layer.kind != Kind.DENSE:
            net.layer = k
            call(net.layer_backward, net)
            update_layer(net, layer)
        elif net.rows > 1 or not layer.trained or not layer.wanted:
            if layer.wanted:
                dense_input_gradient(net, layer, dz, dX, a_ld)
            if layer.trained:
                dense_update(net, layer, dz, a, a_ld)
        elif net.hyper.momentum == 0:
            dense_backward_row(net, layer, dz, a, dX)
        else:
            dense_backward_row_momentum(net, layer, dz, a, dX)


@routine(NETWORK)
def later_layers(net):
    """Step in every layer after the first, for a batch; write dZ of the first layer's outputs.

    Every plan of a dense first layer calls it once a step and network. Compiled into each of them,
    it took two thirds of their compile times; a call costs some nanoseconds.
    """
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    forward_layers(net, A, 1)
    loss_rows(net, A, dZ)
    backward_later_layers(net, A, dZ)


@routine(NETWORK)
def forward(net):
    """Write the outputs of every layer from `start` on."""
    forward_layers(net, vector_at(net.A, net.buffered, net.tiny), net.start)


@routine(NETWORK)
def batch_loss(net):
    """Write the losses of the batch, and dZ of the logits of their mean."""
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    loss_rows(net, A, dZ)


@routine(NETWORK)
def forward_from(net):
    """As `forward`, given the first layer's products as X, (rows, units), without its bias."""
    A, first = vector_at(net.A, net.buffered, net.tiny), record_at(net.layers, 0, LAYER, net.tiny)
    Z = matrix_at(net.X, net.rows, first.units, net.tiny)
    bias = part(vector_at(net.parameters, net.size, net.tiny), first.bias, first.units)
    for r in range(net.rows):
        z = part(A, first.out + r * first.ld, first.units)
        for o in range(first.units):
            z[o] = Z[r, o] + bias[o]
    activate_rows(net, A, 0)
    net.start = 1
    call(net.forward, net)
