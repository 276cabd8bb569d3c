"""The direct plan for several equal networks of dense layers, a network in each lane, row by row.

Beside one another lie the same parameter of all networks, the same output and its gradient, and the
same number of the row: each in `columns` numbers, which fill a line of the cache. So what a step
costs beside its multiply-adds is shared, and none adds up a vector's lanes. A column without a
network has only zeros for parameters and rates, and keeps them. First layers are trained.
"""

import numpy as np

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, routine
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
from samplewise_backends.numba_cpu.kernels.codes import LossCode
from samplewise_backends.numba_cpu.kernels.columns import (
    FACTORS,
    input_gradients,
    momentum_step,
    momentum_step_and_outputs,
    outputs,
    plain_step,
    plain_step_and_outputs,
    spread,
)
from samplewise_backends.numba_cpu.kernels.losses import decision
from samplewise_backends.numba_cpu.kernels.losses_across import binary_across, categorical_across
from samplewise_backends.numba_cpu.kernels.records import ABREAST, LAYER
from samplewise_backends.numba_cpu.kernels.step import activate_part, derivative_part


@inlined_kernel
def _outputs_of(run, buffer, layer):
    """Return the outputs of a layer, or their gradients, (units, columns)."""
    net = run.network
    place = address_of(part(vector_at(buffer, net.buffered, net.tiny), layer.across, 1))
    return matrix_at(place, layer.units, run.columns, net.tiny)


@inlined_kernel
def _row_at(run, step):
    """Return the place of a step's row, (inputs, columns): that of the step before stays."""
    place = vector_at(run.x, 2 * run.network.inputs * run.columns, run.network.tiny)
    size = run.network.inputs * run.columns
    start = address_of(part(place, step % 2 * size, size))
    return matrix_at(start, run.network.inputs, run.columns, run.network.tiny)


@inlined_kernel
def _inputs_of(run, step, k):
    """Return the inputs of a layer, (inputs, columns)."""
    if k == 0:
        return _row_at(run, step)
    net = run.network
    return _outputs_of(run, net.A, record_at(net.layers, k - 1, LAYER, net.tiny))


@inlined_kernel
def _parameters_at(run, vectors, first, count):
    """Return `count` parameters of all networks, or their velocities, from `first` on."""
    net = run.network
    return part(vector_at(vectors, net.size, net.tiny), first * run.columns, count * run.columns)


@inlined_kernel
def _of_step(run, table, step):
    """Return a step's row of a table, (steps, columns)."""
    return row(matrix_at(table, run.steps, run.columns, run.network.tiny), step)


@inlined_kernel
def _write_outputs(run, step, k):
    """Write the outputs of a layer before its activation."""
    net = run.network
    layer = record_at(net.layers, k, LAYER, net.tiny)
    weights = _parameters_at(run, net.parameters, layer.weight, layer.weights)
    bias = _parameters_at(run, net.parameters, layer.bias, layer.units)
    outputs(weights, bias, _inputs_of(run, step, k), _outputs_of(run, net.A, layer))


@inlined_kernel
def _forward(run, step, A):
    """Write the outputs of every layer, given those of the first before its activation."""
    net = run.network
    for k in range(net.depth):
        if k > 0:
            _write_outputs(run, step, k)
        layer = record_at(net.layers, k, LAYER, net.tiny)
        count = layer.units * run.columns
        activate_part(net, A, layer.across, layer.saved, count, layer.activation)


@inlined_kernel
def _write_loss(run, step, y):
    """Write losses and decisions of a row, and dZ of the logits."""
    net = run.network
    last = record_at(net.layers, net.depth - 1, LAYER, net.tiny)
    z, dz = _outputs_of(run, net.A, last), _outputs_of(run, net.dZ, last)
    spread(row(matrix_at(net.Y, net.samples, last.units, net.tiny), y), dz)
    factors, losses = _of_step(run, run.shares, step), _of_step(run, net.losses, step)
    decisions = _of_step(run, run.decisions, step)
    if net.loss == LossCode.CATEGORICAL:
        categorical_across(z, dz, factors, losses, decisions)
    elif net.loss == LossCode.BINARY:
        binary_across(z, dz, factors, losses, decisions)
    else:
        _write_other_loss(run, last, y, factors, losses, decisions)


@inlined_kernel
def _write_other_loss(run, last, y, factors, losses, decisions):
    """As `_write_loss`, of the losses of `loss_called`, a network after the other."""
    net, values, units = run.network, run.network.values, last.units
    z, dz = _outputs_of(run, net.A, last), _outputs_of(run, net.dZ, last)
    logits = part(vector_at(net.A, net.buffered, net.tiny), last.out, units)
    gradients = part(vector_at(net.dZ, net.buffered, net.tiny), last.out, units)
    for c in range(run.columns):
        for o in range(units):
            logits[o] = z[o, c]
        values.first, values.count, values.row = last.out, units, y
        call(net.row_loss, net)
        losses[c], decisions[c] = values.loss, decision(logits)
        for o in range(units):
            dz[o, c] = factors[c] * gradients[o]


@inlined_kernel
def _backward(run, step, A, dZ):
    """Go back through all layers, and step in each that is trained."""
    net, columns = run.network, run.columns
    for k in range(net.depth - 1, -1, -1):
        layer = record_at(net.layers, k, LAYER, net.tiny)
        if k < net.depth - 1:
            count = layer.units * columns
            derivative_part(net, A, dZ, layer.across, layer.saved, count, layer.activation)
        dz, x = _outputs_of(run, net.dZ, layer), _inputs_of(run, step, k)
        if layer.wanted:
            weights = _parameters_at(run, net.parameters, layer.weight, layer.weights)
            previous = record_at(net.layers, k - 1, LAYER, net.tiny)
            input_gradients(weights, dz, _outputs_of(run, net.dZ, previous))
        if layer.trained:
            _step_in_bias(run, step, layer, dz)
            _step_in_weights(run, step, k, dz, x)


@inlined_kernel
def _step_in_bias(run, step, layer, dz):
    """Take a step in the biases of a layer: weights of an input that is 1."""
    net, columns = run.network, run.columns
    theta = _parameters_at(run, net.parameters, layer.bias, layer.units)
    ones = matrix_at(run.ones, 1, columns, net.tiny)
    room = vector_at(run.room, layer.units * columns, net.tiny)
    rate, zeros = _of_step(run, run.rates, step), _of_step(run, run.zeros, step)
    if net.slots_size == 0:
        plain_step(theta, dz, ones, room, rate, zeros)
    else:
        V = _parameters_at(run, net.slots, layer.bias, layer.units)
        factors = matrix_at(run.factors, FACTORS, columns, net.tiny)
        momentum_step(theta, dz, ones, room, rate, zeros, V, factors, net.tiny)


@inlined_kernel
def _step_in_weights(run, step, k, dz, x):
    """Take a step in the weights of a layer; of the first one, write the next row's outputs.

    Penalties shrink all weights that are trained.
    """
    net, columns = run.network, run.columns
    layer = record_at(net.layers, k, LAYER, net.tiny)
    theta = _parameters_at(run, net.parameters, layer.weight, layer.weights)
    bias = _parameters_at(run, net.parameters, layer.bias, layer.units)
    squares = vector_at(run.room, layer.units * columns, net.tiny)
    rate, l2 = _of_step(run, run.rates, step), _of_step(run, run.l2, step)
    following, z = _row_at(run, step + 1), _outputs_of(run, net.A, layer)
    if net.slots_size == 0:
        if k == 0:
            plain_step_and_outputs(theta, dz, x, squares, bias, following, z, rate, l2)
        else:
            plain_step(theta, dz, x, squares, rate, l2)
    else:
        V = _parameters_at(run, net.slots, layer.weight, layer.weights)
        factors = matrix_at(run.factors, FACTORS, columns, net.tiny)
        if k == 0:
            momentum_step_and_outputs(
                theta, dz, x, squares, bias, following, z, rate, l2, V, factors, net.tiny
            )
        else:
            momentum_step(theta, dz, x, squares, rate, l2, V, factors, net.tiny)
    _add_up(squares, row(matrix_at(run.squares, run.steps, columns, np.float64(0)), step))


@kernel
def _add_up(squares, total):
    columns = total.shape[0]
    for o in range(squares.shape[0] // columns):
        for c in range(columns):
            total[c] += squares[o * columns + c]


@routine(ABREAST)
def run_abreast(run):
    """Train on the rows of `run.rows`, one a step.

    Differs from the reference: inner products are summed in another order.
    """
    net, source = run.network, run.rows
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    X = matrix_at(source.X, source.samples, source.inputs, net.tiny)
    order = integers_at(source.order, source.stop)
    spread(row(X, order[source.start]), _row_at(run, 0))
    _write_outputs(run, 0, 0)
    for position in range(source.start, source.stop):
        step, following = position - source.start, min(position + 1, source.stop - 1)
        spread(row(X, order[following]), _row_at(run, step + 1))
        _forward(run, step, A)
        _write_loss(run, step, order[position])
        _backward(run, step, A, dZ)
