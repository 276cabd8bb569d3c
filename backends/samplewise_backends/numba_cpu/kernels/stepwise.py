"""The direct plan for optimizers that are not linear, and for other first layers than dense ones.

Each step writes the gradient of a layer before it updates the parameters: that of a dense layer a
few units at a time, while the product's output is in the nearest cache; that of a batch of one row
is left to the optimizer as two factors. Only clipping by norm needs the whole gradient first.

The optimizer may write the next row's products of the first layer, as it has the weights at hand.
"""

from samplewise_backends.numba_cpu.compile.blas import gemm_tn
from samplewise_backends.numba_cpu.compile.jit import (
    inlined_kernel,
    kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.vectors import vector_kernel
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    integers_at,
    part,
    record_at,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.codes import Kind, OptimizerCode
from samplewise_backends.numba_cpu.kernels.direct import begin_batch
from samplewise_backends.numba_cpu.kernels.layers.dense import (
    bias_gradient,
    dense_gradient,
    dense_input_gradient,
    units_at_once,
)
from samplewise_backends.numba_cpu.kernels.layers.dense_tiles import gradient_in_tiles, takes_tiles
from samplewise_backends.numba_cpu.kernels.limits import limit_and_update
from samplewise_backends.numba_cpu.kernels.products import TILE, TILE_UNITS, tile
from samplewise_backends.numba_cpu.kernels.records import LAYER, STEPS
from samplewise_backends.numba_cpu.kernels.step import (
    begin_step,
    derivative_rows,
    end_step,
    ends_below,
    inputs_of,
    rows_of,
    update_layer,
    update_of_row,
    update_part,
)
from samplewise_backends.numba_cpu.kernels.tile_calls import units_updated_at_once

# Elements of a gradient per update, but at least those of 16 units.
UPDATED_AT_ONCE = 32768
# Units per product where few units do not bring it down to a tile: BLAS packs all inputs of the
# batch in each. Measured on 200 rows of 3,000 inputs, 100 units, ten steps: 181 ms, 225 ms by 16.
PACKED_AT_ONCE = 128


@inlined_kernel
def _update_dense(net, layer, A, dz, a, a_ld, gradient):
    """Take one step in a dense layer, some units at a time."""
    rows, inputs, units, ld = net.rows, layer.inputs, layer.units, layer.ld
    one, zero = gradient.dtype.type(1), gradient.dtype.type(0)
    most = units_at_once(rows, inputs)
    updated = max(min(UPDATED_AT_ONCE // inputs, most) // TILE_UNITS, 1) * TILE_UNITS
    height = updated if rows == 1 or most < TILE else max(updated, PACKED_AT_ONCE)
    if takes_tiles(net, layer):
        updated = height = units_updated_at_once(inputs)
    bias_gradient(rows, dz, ld, part(gradient, 0, units))
    update_part(net, layer.bias, units, 0, 0)
    for o in range(0, units, height):
        m = min(height, units - o)
        of_units, first = tile(dz, 0, o, rows, m, ld), layer.weight + o * inputs
        if rows == 1:
            _describe_next(net, layer, A, o, m)
            update_of_row(net, first, layer.penalised, of_units, part(a, 0, inputs))
            continue
        g = part(gradient, 0, m * inputs)
        if takes_tiles(net, layer):
            gradient_in_tiles(net, layer, of_units, m, a, a_ld, g)
        else:
            gemm_tn(net.gemm, m, inputs, rows, one, of_units, ld, a, a_ld, zero, g, inputs)
        for p in range(0, m, updated):
            count = min(updated, m - p) * inputs
            update_part(net, first + p * inputs, count, layer.penalised, p * inputs)


@inlined_kernel
def _describe_next(net, layer, A, first, count):
    """Let the optimizer know the next row, for some units of the first layer after their biases."""
    updated, theta = net.updated, vector_at(net.parameters, net.size, net.tiny)
    updated.next_x = net.next_x if layer.index == 0 else 0
    updated.bias = address_of(part(theta, layer.bias + first, count))
    updated.z = address_of(part(A, layer.out + first, count))


@inlined_kernel
def backward(net, A, dZ, gradient):
    """Go back through all layers, and step in each as soon as its gradient is known.

    With `of_all`, write the gradients of all, and take no step. Frozen layers have none.
    """
    for k in range(net.depth - 1, -1, -1):
        layer = record_at(net.layers, k, LAYER, net.tiny)
        if ends_below(layer):
            break
        dz, dX = rows_of(net, dZ, k), rows_of(net, dZ, max(k - 1, 0))
        if k < net.depth - 1:
            derivative_rows(net, A, dZ, k)
        if layer.kind != Kind.DENSE:
            net.layer = k
            call(net.layer_backward, net)
            if not net.of_all:
                update_layer(net, layer)
            continue
        a, a_ld = inputs_of(net, A, k)
        if layer.wanted:
            dense_input_gradient(net, layer, dz, dX, a_ld)
        if not layer.trained:
            continue
        if net.of_all:
            dense_gradient(net, layer, dz, a, a_ld, gradient)
        else:
            _update_dense(net, layer, A, dz, a, a_ld, gradient)


@vector_kernel
def _fetch(v, row):
    """Fetch a row into the second nearest cache."""

    def some(i, state):
        v.prefetch(row, i * v.lanes)
        return state

    v.repeat(row.shape[0] // v.lanes, some, [])
    v.prefetch(row, row.shape[0] - 1)


@kernel
def _next_row(net, source, first):
    """Fetch inputs and targets of the row after `first`; return the address of the inputs.

    Return 0, and fetch nothing, after the last row and where a batch has several rows.
    """
    if source.at_once > 1 or first + 1 == source.stop:
        return 0
    inputs, outputs = source.inputs, net.outputs
    row = integers_at(source.order, source.stop)[first + 1]
    x = part(vector_at(source.X, source.samples * inputs, net.tiny), row * inputs, inputs)
    y = part(vector_at(net.Y, net.samples * outputs, net.tiny), row * outputs, outputs)
    _fetch(x)
    _fetch(y)
    return address_of(x)


@routine(STEPS)
def run_stepwise(run):
    """Train on the batches of `run.rows`.

    With the optimizer NO_STEP, the gradient of the last batch is left in `network.gradient`.
    Differs from the reference: a batch is matrices, and inner products are summed in another
    order.
    """
    net, source = run.network, run.rows
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    gradient = vector_at(net.gradient, net.gradient_size, net.tiny)
    for first in range(source.start, source.stop, source.at_once):
        step = (first - source.start) // source.at_once
        begin_batch(net, source, first)
        begin_step(run, step)
        net.next_x = _next_row(net, source, first)
        call(net.forward, net)
        call(net.batch_loss, net)
        net.ahead = 0
        backward(net, A, dZ, gradient)
        if net.of_all and net.hyper.optimizer != OptimizerCode.NO_STEP:
            limit_and_update(net, gradient)
        end_step(run, step)
