"""The direct plan: one step after the other, as the reference does."""

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
from samplewise_backends.numba_cpu.kernels.layers.dense import dense_forward, dense_update
from samplewise_backends.numba_cpu.kernels.records import LAYER, STEPS
from samplewise_backends.numba_cpu.kernels.step import activate_rows, derivative_rows, rows_of


@inlined_kernel
def rows_from(matrix, first, rows):
    """Return some consecutive rows of a C-contiguous matrix."""
    return matrix_at(address_of(row(matrix, first)), rows, matrix.shape[1], matrix)


@kernel
def gather(X, inputs, order, start, rows, out, pitch):
    """Copy the rows order[start : start + rows] of X, `inputs` long, to rows `pitch` apart."""
    for r in range(rows):
        x, a = part(X, order[start + r] * inputs, inputs), part(out, r * pitch, inputs)
        for i in range(inputs):
            a[i] = x[i]


@inlined_kernel
def ordered_rows(source, first, rows, like):
    """Return `rows` rows from position `first` on, (rows, inputs): as they lie, or gathered."""
    X = matrix_at(source.X, source.samples, source.inputs, like)
    order = integers_at(source.order, source.stop)
    if source.in_order:
        return rows_from(X, order[first], rows)
    gathered = matrix_at(source.gathered, source.at_once, source.inputs, like)
    inputs = source.inputs
    gather(X, inputs, order, first, rows, gathered, inputs)
    return rows_from(gathered, 0, rows)


@inlined_kernel
def begin_batch(net, source, first):
    """Gather the batch that starts at position `first`."""
    inputs, order = source.inputs, integers_at(source.order, source.stop)
    X = vector_at(source.X, source.samples * inputs, net.tiny)
    gathered = vector_at(source.gathered, source.at_once * inputs, net.tiny)
    net.rows, net.position = min(source.at_once, source.stop - first), first
    gather(X, inputs, order, first, net.rows, gathered, inputs)


@inlined_kernel
def _whole_step(net):
    """Take one step of a network whose first layer is dense."""
    layer, inputs = record_at(net.layers, 0, LAYER, net.tiny), net.inputs
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    X = vector_at(net.X, net.rows * inputs, net.tiny)
    dense_forward(net, layer, X, inputs, rows_of(net, A, 0))
    activate_rows(net, A, 0)
    call(net.later_layers, net)
    if not layer.trained:
        return
    if net.depth > 1:
        derivative_rows(net, A, dZ, 0)
    dense_update(net, layer, rows_of(net, dZ, 0), X, inputs)


@routine(STEPS)
def run_direct(run):
    """Train on the batches of `run.rows`.

    Differs from the reference: a batch is matrices, and inner products are summed in another
    order.
    """
    net, source = run.network, run.rows
    for first in range(source.start, source.stop, source.at_once):
        begin_batch(net, source, first)
        _whole_step(net)
