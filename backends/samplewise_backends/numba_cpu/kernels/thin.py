"""The direct plan for networks of dense layers and batches of a few rows: see `tiles`.

Each layer's outputs lie twice in A: (units, columns) at `across`, for the products of the next
layer and of its gradient, and as rows at `out`, for the next layer's update; of the last layer only
for losses that have no form `across`. A row of the batch is a column, and there may be more columns
than rows: those compute anything.
"""

from samplewise_backends.numba_cpu.compile.jit import (
    inlined_kernel,
    kernel,
    reordered_kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.vectors import lanes_of
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
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode, LossCode
from samplewise_backends.numba_cpu.kernels.limits import limit_and_update
from samplewise_backends.numba_cpu.kernels.losses_across import cross_entropy_across
from samplewise_backends.numba_cpu.kernels.products import values_by_loops
from samplewise_backends.numba_cpu.kernels.records import LAYER, THIN, TOGETHER
from samplewise_backends.numba_cpu.kernels.step import (
    activate_part,
    begin_step,
    derivative_part,
    end_step,
    ends_below,
    update_part,
)
from samplewise_backends.numba_cpu.kernels.stepped_tiles import step_in_whole_tiles
from samplewise_backends.numba_cpu.kernels.thin_rows import (
    begin_batch,
    some_columns,
    some_rows,
)
from samplewise_backends.numba_cpu.kernels.tile_calls import (
    describe_tiles,
    numbers_apart,
    transpose_rows,
    units_updated_at_once,
)


@inlined_kernel
def _across(net, buffer, k, columns):
    """Return the outputs of layer k, or their gradients, (units, columns)."""
    layer = record_at(net.layers, k, LAYER, net.tiny)
    place = address_of(part(buffer, layer.across, 1))
    return matrix_at(place, layer.units, columns, net.tiny)


@inlined_kernel
def _forward(run, net, A, columns):
    """Write the outputs of every layer; those of the last are the logits."""
    x = matrix_at(run.columns, run.rows.inputs, columns, net.tiny)
    for k in range(net.depth):
        z, layer = _across(net, A, k, columns), record_at(net.layers, k, LAYER, net.tiny)
        if k > 0:
            _add_products(run, net, layer, z, x, 0)
        elif run.by_loops:
            _first_by_loops(net, layer, A, z)
        else:
            _first_in_tiles(run, net, layer, z, x)
        if layer.activation != ActivationCode.RELU:
            count = layer.units * columns
            activate_part(net, A, layer.across, layer.saved, count, layer.activation)
        if k < net.depth - 1:
            _write_rows(run, net, A, k, columns)
        x = z


@inlined_kernel
def _first_in_tiles(run, net, layer, z, x):
    """Write the sums of the first layer, some inputs at a time, and take ReLU."""
    columns, at_once = x.shape[1], run.inputs_at_once
    for i in range(0, layer.inputs, at_once):
        count = min(at_once, layer.inputs - i)
        if at_once < layer.inputs:
            some_columns(run, net, columns, i, count)
            x = matrix_at(run.columns, count, columns, net.tiny)
        _add_products(run, net, layer, z, x, i)


@kernel
def _first_by_loops(net, layer, A, z):
    """Write the sums of the first layer, from the rows as they are, and take ReLU."""
    theta = vector_at(net.parameters, net.size, net.tiny)
    W = matrix_at(address_of(part(theta, layer.weight, 1)), layer.units, layer.inputs, net.tiny)
    X = matrix_at(net.X, net.rows, net.inputs, net.tiny)
    values_by_loops(W, X, part(z, 0, z.shape[0] * z.shape[1]), z.shape[1])
    for o in range(layer.units):
        sums, bias = row(z, o), theta[layer.bias + o]
        for r in range(net.rows):
            sums[r] += bias
    if layer.activation == ActivationCode.RELU:
        count = layer.units * z.shape[1]
        activate_part(net, A, layer.across, layer.saved, count, layer.activation)


@inlined_kernel
def _add_products(run, net, layer, z, x, first):
    """Add the products of some inputs to the outputs of a layer, from input `first` on."""
    parameters, (count, columns) = vector_at(net.parameters, net.size, net.tiny), x.shape
    weights = part(parameters, layer.weight + first, layer.weights - first)
    describe_tiles(run, z, weights, layer.inputs, 1, x, columns)
    run.tiles.start = address_of(part(parameters, layer.bias, layer.units))
    run.tiles.start_unit, run.tiles.resumed = 1, int(first > 0)
    ends = first + count == layer.inputs
    run.tiles.rectified = int(ends and layer.activation == ActivationCode.RELU)
    call(run.multiply, run.tiles)


@inlined_kernel
def _write_rows(run, net, buffer, k, columns):
    """Write the outputs of a layer, or their gradients, as rows too."""
    layer = record_at(net.layers, k, LAYER, net.tiny)
    across = part(buffer, layer.across, layer.units * columns)
    rows = part(buffer, layer.out, columns * layer.ld)
    counted = integers_at(run.counted, layer.units)
    transpose_rows(run, across, columns, counted, rows, layer.ld, layer.units, columns)


@inlined_kernel
def _write_loss(run, net, A, dZ, columns):
    """Write losses and decisions of the batch, and dZ of the logits of its mean loss."""
    k = net.depth - 1
    last = record_at(net.layers, k, LAYER, net.tiny)
    across, units = _across(net, dZ, k, columns), last.units
    if net.loss <= LossCode.CATEGORICAL:
        Y = vector_at(net.Y, net.samples * units, net.tiny)
        chosen = integers_at(run.chosen, columns)
        transpose_rows(run, Y, units, chosen, across, columns, columns, units)
        z, room = _across(net, A, k, columns), part(A, last.out, 3 * columns)
        cross_entropy_across(net, z, across, room)
    else:
        _write_rows(run, net, A, k, columns)
        call(net.batch_loss, net)
        rows, counted = part(dZ, last.out, columns * last.ld), integers_at(run.counted, columns)
        transpose_rows(run, rows, last.ld, counted, across, columns, columns, units)


@inlined_kernel
def _backward(run, net, A, dZ, columns):
    """Go back through all layers, and step in each that is trained."""
    for k in range(net.depth - 1, -1, -1):
        layer, dz = record_at(net.layers, k, LAYER, net.tiny), _across(net, dZ, k, columns)
        if ends_below(layer):
            break
        # The derivative of ReLU is in the product that wrote dz.
        if k < net.depth - 1 and layer.activation != ActivationCode.RELU:
            count = layer.units * columns
            derivative_part(net, A, dZ, layer.across, layer.saved, count, layer.activation)
        if layer.wanted:
            _write_input_gradient(run, net, A, dZ, k, dz)
        if layer.trained and net.of_all:
            _write_gradient(run, net, layer, dz, _inputs_of(net, A, k))
        elif layer.trained:
            if k == 0 and run.inputs_at_once < layer.inputs:
                _step_by_inputs(run, net, layer, dz)
            else:
                _step_in_weights(run, net, layer, dz, _inputs_of(net, A, k))
            _step_in_bias(net, layer, dz)
    if net.of_all:
        limit_and_update(net, vector_at(net.gradient, net.size, net.tiny))


@inlined_kernel
def _inputs_of(net, A, k):
    """Return the inputs of layer k as rows, (rows, any)."""
    if k == 0:
        return matrix_at(net.X, net.rows, net.inputs, net.tiny)
    previous = record_at(net.layers, k - 1, LAYER, net.tiny)
    return matrix_at(address_of(part(A, previous.out, 1)), net.rows, previous.ld, net.tiny)


@inlined_kernel
def _write_gradient(run, net, layer, dz, x):
    """Write the gradient of a layer's parameters where these lie.

    The last vector of a product reaches into the biases, which are as long as a vector or longer
    with what fills their line: they are written afterwards.
    """
    gradient = vector_at(net.gradient, net.gradient_size, net.tiny)
    weights = part(gradient, layer.weight, layer.weights)
    g = matrix_at(address_of(weights), layer.units, layer.inputs, net.tiny)
    describe_tiles(run, g, dz, dz.shape[1], 1, x, layer.inputs)
    call(run.multiply, run.tiles)
    _row_sums(dz, net.rows, part(gradient, layer.bias, layer.units))


@inlined_kernel
def _write_input_gradient(run, net, A, dZ, k, dz):
    """Write the gradient of the inputs of layer k; where they are ReLU's outputs, of its inputs."""
    parameters, columns = vector_at(net.parameters, net.size, net.tiny), dz.shape[1]
    layer = record_at(net.layers, k, LAYER, net.tiny)
    previous = record_at(net.layers, k - 1, LAYER, net.tiny)
    weights = part(parameters, layer.weight, layer.weights)
    describe_tiles(run, _across(net, dZ, k - 1, columns), weights, 1, layer.inputs, dz, columns)
    if previous.activation == ActivationCode.RELU:
        run.tiles.mask, run.tiles.masked = address_of(_across(net, A, k - 1, columns)), 1
    call(run.multiply, run.tiles)


@inlined_kernel
def _step_in_weights(run, net, layer, dz, x):
    """Take one step of any optimizer in a layer's weights, some units at a time."""
    columns, inputs = dz.shape[1], layer.inputs
    height = units_updated_at_once(inputs)
    for o in range(step_in_whole_tiles(run, layer, dz, x), layer.units, height):
        units = min(height, layer.units - o)
        g = matrix_at(net.gradient, units, inputs, net.tiny)
        describe_tiles(run, g, part(dz, o * columns, units * columns), columns, 1, x, inputs)
        call(run.multiply, run.tiles)
        update_part(net, layer.weight + o * inputs, units * inputs, layer.penalised, 0)


@inlined_kernel
def _step_by_inputs(run, net, layer, dz):
    """As `_step_in_weights`, in the first layer's weights of some inputs at a time."""
    columns, inputs = dz.shape[1], layer.inputs
    for i in range(0, inputs, run.inputs_at_once):
        count = min(run.inputs_at_once, inputs - i)
        x, height = some_rows(run, net, i, count), units_updated_at_once(count)
        for o in range(0, layer.units, height):
            units = min(height, layer.units - o)
            g = matrix_at(net.gradient, units, count, net.tiny)
            describe_tiles(run, g, part(dz, o * columns, units * columns), columns, 1, x, count)
            call(run.multiply, run.tiles)
            for u in range(units):
                first = layer.weight + (o + u) * inputs + i
                update_part(net, first, count, layer.penalised, u * count)


@inlined_kernel
def _step_in_bias(net, layer, dz):
    """Take one step of any optimizer in a layer's biases."""
    _row_sums(dz, net.rows, vector_at(net.gradient, layer.units, net.tiny))
    update_part(net, layer.bias, layer.units, 0, 0)


@reordered_kernel
def _row_sums(dz, rows, out):
    for o in range(out.shape[0]):
        total = dz.dtype.type(0)
        for r in range(rows):
            total += dz[o, r]
        out[o] = total


@routine(TOGETHER)
def run_thin(together):
    """Train each network on the batches of `rows`, whose rows are gathered once for all.

    Differs from the reference: a batch is matrices, and inner products are summed in another
    order.
    """
    like, lanes = together.tiny, lanes_of(together.tiny)
    shared = record_at(together.runs, 0, THIN, like)
    batch, source = shared.network, shared.rows
    for first in range(source.start, source.stop, source.at_once):
        step = (first - source.start) // source.at_once
        batch.rows, batch.position = min(source.at_once, source.stop - first), first
        columns = (batch.rows + lanes - 1) // lanes * lanes
        # Inputs of one column would crowd the nearest cache.
        columns += lanes if columns % (numbers_apart(like) // 2) == 0 else 0
        begin_batch(shared, batch, columns, lanes)
        for m in range(together.members):
            run = record_at(together.runs, m, THIN, like)
            net = run.network
            net.rows, net.position, net.X, net.inputs = batch.rows, first, batch.X, batch.inputs
            A, dZ = vector_at(net.A, net.buffered, like), vector_at(net.dZ, net.buffered, like)
            begin_step(run, step)
            _forward(run, net, A, columns)
            _write_loss(run, net, A, dZ, columns)
            _backward(run, net, A, dZ, columns)
            end_step(run, step)
