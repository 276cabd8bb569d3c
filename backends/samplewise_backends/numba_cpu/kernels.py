"""Kernels of the direct path: one step after the other, as the reference does.

A network is a table of layers over one flat vector of parameters, so a new architecture costs no
new compile. Arguments shared by the kernels:

    parameters: float[P], flat vector, read or updated
    X: float[n, I], Y: float[n, O], order: int64[n], read only
    layers: int64[depth, 6], a row a layer with the columns named below
    values: float[B * sum of units], outputs of every layer of B rows, written; layer k's block
        starts at B * layers[k, FIRST]
    deltas: like values, holds d loss / d Z, written
    losses: float[n], losses[i] is written for the i-th sample of the order

Nothing here is checked: shapes, dtypes and indices are the engine's duty. Nothing is allocated.
"""

from __future__ import annotations

import numpy as np

from samplewise_backends.numba_cpu.jit import kernel, reordered_kernel

# Columns of `layers`.
INPUTS, UNITS, ACTIVATION, WEIGHT, BIAS, FIRST = range(6)
IDENTITY, SIGMOID, TANH, RELU = range(4)
BINARY, CATEGORICAL = range(2)


@kernel
def _sigmoid(z):
    """1 / (1 + exp(-z)), by the branch of the sign, so that exp never overflows."""
    if z >= 0:
        return 1 / (1 + np.exp(-z))
    e = np.exp(z)
    return e / (1 + e)


@kernel
def activate(z, code):
    """Replace each z of a vector by f(z)."""
    if code == SIGMOID:
        for i in range(z.shape[0]):
            z[i] = _sigmoid(z[i])
    elif code == TANH:
        for i in range(z.shape[0]):
            z[i] = np.tanh(z[i])
    elif code == RELU:
        for i in range(z.shape[0]):
            # Not max(z, 0): that drops a NaN, which must reach the loss and stop the run.
            z[i] = 0 if z[i] <= 0 else z[i]


@kernel
def multiply_by_slope(delta, a, code):
    """Multiply each delta by f'(z), told from a = f(z)."""
    if code == SIGMOID:
        for i in range(a.shape[0]):
            delta[i] *= a[i] * (1 - a[i])
    elif code == TANH:
        for i in range(a.shape[0]):
            delta[i] *= 1 - a[i] * a[i]
    elif code == RELU:
        for i in range(a.shape[0]):
            delta[i] *= a[i] > 0


@kernel
def loss_and_delta(z, y, delta, code):
    """Return the loss of one row of logits, and write delta = p - y."""
    if code == BINARY:
        delta[0] = _sigmoid(z[0]) - y[0]
        # In this order: the bracket is exactly 0 where the answer is right, and the rest is tiny.
        return (max(z[0], 0) - y[0] * z[0]) + np.log1p(np.exp(-abs(z[0])))
    top = z[0]
    for k in range(1, z.shape[0]):
        top = max(top, z[k])
    total = z[0] - z[0]
    chosen = total
    for k in range(z.shape[0]):
        delta[k] = np.exp(z[k] - top)
        total += delta[k]
        chosen += y[k] * (z[k] - top)
    for k in range(z.shape[0]):
        delta[k] = delta[k] / total - y[k]
    return np.log(total) - chosen


@reordered_kernel
def _update_then_forward(W, bias, pending, x_before, x, z):
    """W <- W - pending x_before^T, then z <- W x + bias, in one pass over W.

    The first layer's input does not depend on the weights, so its update can wait until the next
    step reads the weights anyway: W crosses the cache once a step, not twice.
    """
    for o in range(W.shape[0]):
        total = bias[o]
        for i in range(W.shape[1]):
            W[o, i] -= pending[o] * x_before[i]
            total += W[o, i] * x[i]
        z[o] = total


@reordered_kernel
def _update(W, pending, x_before):
    """W <- W - pending x_before^T, with the rounding of `_update_then_forward`."""
    for o in range(W.shape[0]):
        for i in range(W.shape[1]):
            W[o, i] -= pending[o] * x_before[i]


@reordered_kernel
def _forward_row(W, bias, x, z):
    """z <- W x + bias."""
    for o in range(W.shape[0]):
        total = bias[o]
        for i in range(W.shape[1]):
            total += W[o, i] * x[i]
        z[o] = total


@kernel
def _backward_row(W, delta, a_below, delta_below, rate):
    """delta_below <- W^T delta, then W <- W - rate delta a_below^T, row by row of W."""
    for i in range(W.shape[1]):
        delta_below[i] = 0
    for o in range(W.shape[0]):
        step = rate * delta[o]
        for i in range(W.shape[1]):
            delta_below[i] += delta[o] * W[o, i]
            W[o, i] -= step * a_below[i]


@kernel
def _weight(parameters, layer):
    size = layer[UNITS] * layer[INPUTS]
    flat = parameters[layer[WEIGHT] : layer[WEIGHT] + size]
    return flat.reshape((layer[UNITS], layer[INPUTS]))


@kernel
def _bias(parameters, layer):
    return parameters[layer[BIAS] : layer[BIAS] + layer[UNITS]]


@kernel
def _row(buffer, layer):
    """Return layer k's part of a buffer of one row."""
    return buffer[layer[FIRST] : layer[FIRST] + layer[UNITS]]


@kernel
def _block(buffer, layer, rows):
    """Return layer k's part of a buffer of `rows` rows, as a matrix."""
    start = rows * layer[FIRST]
    return buffer[start : start + rows * layer[UNITS]].reshape((rows, layer[UNITS]))


@kernel
def run_samples(parameters, X, Y, order, window, rate, layers, losses, values, deltas):
    """Train with batch size 1 on order[start:stop], with window = (start, stop, loss code).

    Differs from the reference: the first layer's update is applied when the next step reads the
    weights, the same numbers at another time; inner products are summed in another order.
    """
    start, stop, loss = window
    depth = layers.shape[0]
    W0, b0 = _weight(parameters, layers[0]), _bias(parameters, layers[0])
    pending = _row(deltas, layers[0])
    for o in range(pending.shape[0]):
        pending[o] = 0
    before = order[start]
    for t in range(start, stop):
        row = order[t]
        a = _row(values, layers[0])
        _update_then_forward(W0, b0, pending, X[before], X[row], a)
        activate(a, layers[0, ACTIVATION])
        for k in range(1, depth):
            z = _row(values, layers[k])
            _forward_row(_weight(parameters, layers[k]), _bias(parameters, layers[k]), a, z)
            activate(z, layers[k, ACTIVATION])
            a = z
        losses[t] = loss_and_delta(a, Y[row], _row(deltas, layers[depth - 1]), loss)
        for k in range(depth - 1, -1, -1):
            delta = _row(deltas, layers[k])
            multiply_by_slope(delta, _row(values, layers[k]), layers[k, ACTIVATION])
            bias = _bias(parameters, layers[k])
            for o in range(delta.shape[0]):
                bias[o] -= rate * delta[o]
            if k > 0:
                below = layers[k - 1]
                W = _weight(parameters, layers[k])
                _backward_row(W, delta, _row(values, below), _row(deltas, below), rate)
        for o in range(pending.shape[0]):
            pending[o] *= rate
        before = row
    _update(W0, pending, X[before])


@kernel
def forward(parameters, A, layers, values):
    """Write the outputs of every layer for the rows of A, float[B, I]."""
    rows = A.shape[0]
    _forward_block(A, parameters, layers[0], values)
    for k in range(1, layers.shape[0]):
        _forward_block(_block(values, layers[k - 1], rows), parameters, layers[k], values)


@kernel
def _forward_block(A, parameters, layer, values):
    rows = A.shape[0]
    Z = _block(values, layer, rows)
    np.dot(A, _weight(parameters, layer).T, Z)
    bias = _bias(parameters, layer)
    for r in range(rows):
        for o in range(Z.shape[1]):
            Z[r, o] += bias[o]
    activate(Z.reshape(Z.size), layer[ACTIVATION])


@kernel
def add_gradient(parameters, A, layers, values, deltas, gradient):
    """Write the summed gradient of the rows of A, given the outputs and the last layer's deltas."""
    rows = A.shape[0]
    for k in range(layers.shape[0] - 1, -1, -1):
        delta = _block(deltas, layers[k], rows)
        a = _block(values, layers[k], rows)
        multiply_by_slope(delta.reshape(delta.size), a.reshape(a.size), layers[k, ACTIVATION])
        bias = _bias(gradient, layers[k])
        for o in range(bias.shape[0]):
            bias[o] = 0
            for r in range(rows):
                bias[o] += delta[r, o]
        if k == 0:
            np.dot(delta.T, A, _weight(gradient, layers[0]))
        else:
            np.dot(delta.T, _block(values, layers[k - 1], rows), _weight(gradient, layers[k]))
            np.dot(delta, _weight(parameters, layers[k]), _block(deltas, layers[k - 1], rows))


@kernel
def batch_gradient(parameters, A, Y, loss, layers, losses, values, deltas, gradient):
    """Write the loss of each row of a batch, and their summed gradient."""
    rows = A.shape[0]
    last = layers[layers.shape[0] - 1]
    forward(parameters, A, layers, values)
    Z, delta = _block(values, last, rows), _block(deltas, last, rows)
    for r in range(rows):
        losses[r] = loss_and_delta(Z[r], Y[r], delta[r], loss)
    add_gradient(parameters, A, layers, values, deltas, gradient)


@kernel
def run_batches(
    parameters, X, Y, order, window, rate, layers, losses, values, deltas, gathered, gradient
):
    """Train by mini-batch on order[start:stop], with window = (start, stop, batch size, loss code).

    gathered: (float[B, I], float[B, O]), the rows of one batch; gradient: float[P], written.
    Differs from the reference: a batch is matrices, summed in the order of the BLAS.
    """
    start, stop, batch_size, loss = window
    A, targets = gathered
    for first in range(start, stop, batch_size):
        rows = min(batch_size, stop - first)
        for r in range(rows):
            row = order[first + r]
            for i in range(A.shape[1]):
                A[r, i] = X[row, i]
            for o in range(targets.shape[1]):
                targets[r, o] = Y[row, o]
        batch_gradient(
            parameters,
            A[:rows],
            targets[:rows],
            loss,
            layers,
            losses[first : first + rows],
            values,
            deltas,
            gradient,
        )
        mean_rate = rate / rows
        for p in range(parameters.shape[0]):
            parameters[p] -= mean_rate * gradient[p]
