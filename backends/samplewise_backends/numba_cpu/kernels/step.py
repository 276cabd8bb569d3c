"""One step of one network: all that no block of steps can share.

Rows of the first layer are found `shift` elements behind its OUT: within a block, each batch has
its own. A step starts from the first layer's outputs, or from the inputs themselves.
"""

from __future__ import annotations

from samplewise_backends.numba_cpu.jit import entry_point, inlined_kernel, spliced_kernel
from samplewise_backends.numba_cpu.kernels.activations import activate, multiply_by_slope
from samplewise_backends.numba_cpu.kernels.dense import (
    dense_backward_row,
    dense_backward_row_momentum,
    dense_below,
    dense_forward,
    dense_gradient,
    dense_update,
)
from samplewise_backends.numba_cpu.kernels.losses import loss_and_delta
from samplewise_backends.numba_cpu.kernels.tables import ACTIVATION, BIAS, LD, MOMENTUM, OUT, UNITS
from samplewise_backends.numba_cpu.kernels.views import part, row


@spliced_kernel
def _rows_of(buffer, layer, shift, rows):
    """Return the part of values or deltas where the rows of a layer lie."""
    start = layer[OUT] + shift
    return part(buffer, start, (rows - 1) * layer[LD] + layer[UNITS])


@inlined_kernel
def _activate_rows(z, layer, rows):
    for r in range(rows):
        activate(part(z, r * layer[LD], layer[UNITS]), layer[ACTIVATION])


@inlined_kernel
def _slope_rows(delta, a, layer, rows):
    for r in range(rows):
        start, units = r * layer[LD], layer[UNITS]
        multiply_by_slope(part(delta, start, units), part(a, start, units), layer[ACTIVATION])


@spliced_kernel
def forward_behind(gemm, layers, shift, rows, parameters, values):
    """Write the outputs of every layer behind the first; the last one's are the logits."""
    for k in range(1, layers.shape[0]):
        below, layer = row(layers, k - 1), row(layers, k)
        a = _rows_of(values, below, shift if k == 1 else 0, rows)
        z = _rows_of(values, layer, 0, rows)
        dense_forward(gemm, rows, a, below[LD], parameters, layer, z, layer[LD])
        _activate_rows(z, layer, rows)


@spliced_kernel
def loss_rows(layers, shift, rows, Y, order, loss, space, losses):
    """Write the loss of each row, and the last layer's deltas with the mean over the rows."""
    depth = layers.shape[0]
    last = row(layers, depth - 1)
    at = shift if depth == 1 else 0
    z, delta = _rows_of(space.values, last, at, rows), _rows_of(space.deltas, last, at, rows)
    units = last[UNITS]
    share = z.dtype.type(1) / z.dtype.type(rows)
    for r in range(rows):
        start = r * last[LD]
        d = part(delta, start, units)
        losses[r] = loss_and_delta(part(z, start, units), row(Y, order[r]), d, loss)
        if rows > 1:
            for k in range(units):
                d[k] *= share


@spliced_kernel
def backward_behind(gemm, layers, shift, rows, theta, space, rule):
    """Step in every layer behind the first; write the deltas of the first layer's outputs."""
    values, deltas = space.values, space.deltas
    for k in range(layers.shape[0] - 1, 0, -1):
        below, layer = row(layers, k - 1), row(layers, k)
        at = shift if k == 1 else 0
        a, delta = _rows_of(values, below, at, rows), _rows_of(deltas, layer, 0, rows)
        if k < layers.shape[0] - 1:
            _slope_rows(delta, _rows_of(values, layer, 0, rows), layer, rows)
        delta_below = _rows_of(deltas, below, at, rows)
        if rows == 1:
            if rule[MOMENTUM] == rule.dtype.type(0):
                dense_backward_row(delta, a, theta.parameters, layer, rule, delta_below)
            else:
                dense_backward_row_momentum(delta, a, theta, layer, rule, space.tiny, delta_below)
            continue
        dense_below(gemm, rows, delta, layer[LD], theta.parameters, layer, delta_below, below[LD])
        dense_update(gemm, rows, delta, layer[LD], a, below[LD], theta, space, layer, rule)


@entry_point
def forward(gemm, A, layers, parameters, values):
    """Write the outputs of every layer for the rows of A, float[rows, I]."""
    rows, inputs, first = A.shape[0], A.shape[1], row(layers, 0)
    z = _rows_of(values, first, 0, rows)
    dense_forward(gemm, rows, part(A, 0, A.size), inputs, parameters, first, z, first[LD])
    _activate_rows(z, first, rows)
    forward_behind(gemm, layers, 0, rows, parameters, values)


@entry_point
def forward_from(gemm, Z, layers, parameters, values):
    """As `forward`, given the first layer's products Z, float[rows, units], without its bias."""
    rows, first = Z.shape[0], row(layers, 0)
    z, bias = _rows_of(values, first, 0, rows), part(parameters, first[BIAS], first[UNITS])
    for r in range(rows):
        for o in range(first[UNITS]):
            z[r * first[LD] + o] = Z[r, o] + bias[o]
    _activate_rows(z, first, rows)
    forward_behind(gemm, layers, 0, rows, parameters, values)


@spliced_kernel
def whole_step(gemm, A, Y, order, loss, layers, theta, space, rule, losses):
    """Take one step of a whole network on the rows of A, float[rows, I]."""
    rows, inputs, first = A.shape[0], A.shape[1], row(layers, 0)
    z, delta = _rows_of(space.values, first, 0, rows), _rows_of(space.deltas, first, 0, rows)
    forward(gemm, A, layers, theta.parameters, space.values)
    loss_rows(layers, 0, rows, Y, order, loss, space, losses)
    backward_behind(gemm, layers, 0, rows, theta, space, rule)
    if layers.shape[0] > 1:
        _slope_rows(delta, z, first, rows)
    a = part(A, 0, A.size)
    dense_update(gemm, rows, delta, first[LD], a, inputs, theta, space, first, rule)


@entry_point
def mean_gradient(gemm, A, Y, order, loss, layers, parameters, space, gradient, losses):
    """Write the loss of each row of A, and the mean gradient, laid out like the parameters."""
    rows, inputs, values, deltas = A.shape[0], A.shape[1], space.values, space.deltas
    forward(gemm, A, layers, parameters, values)
    loss_rows(layers, 0, rows, Y, order, loss, space, losses)
    for k in range(layers.shape[0] - 1, -1, -1):
        layer = row(layers, k)
        delta = _rows_of(deltas, layer, 0, rows)
        if k < layers.shape[0] - 1:
            _slope_rows(delta, _rows_of(values, layer, 0, rows), layer, rows)
        if k == 0:
            a, ld = part(A, 0, A.size), inputs
        else:
            below = row(layers, k - 1)
            a, ld = _rows_of(values, below, 0, rows), below[LD]
            out = _rows_of(deltas, below, 0, rows)
            dense_below(gemm, rows, delta, layer[LD], parameters, layer, out, below[LD])
        dense_gradient(gemm, rows, delta, layer[LD], a, ld, layer, gradient)
