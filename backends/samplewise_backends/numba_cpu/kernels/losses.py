"""Losses of one row of logits, and their gradients.

The two cross-entropies are compiled into every kernel; the rarer losses, means over the outputs,
are one routine.
"""

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, routine
from samplewise_backends.numba_cpu.compile.views import matrix_at, part, row, vector_at
from samplewise_backends.numba_cpu.kernels.codes import LossCode
from samplewise_backends.numba_cpu.kernels.elementary import exp, log, sigmoid, softplus_tail
from samplewise_backends.numba_cpu.kernels.records import NETWORK


@inlined_kernel
def decision(z):
    """Return the class that one row of logits decides for: of two by one output, or the largest."""
    best = 0
    if z.shape[0] == 1:
        return 1 if z[0] > 0 else 0
    for k in range(1, z.shape[0]):
        if z[k] > z[best]:
            best = k
    return best


@inlined_kernel
def loss_and_gradient(z, y, dz, code):
    """Return the loss of one row of logits, and write dz = p - y."""
    if code == LossCode.BINARY:
        dz[0] = sigmoid(z[0]) - y[0]
        zero = z.dtype.type(0)
        # In this order: the bracket is exactly 0 where the answer is right, and the rest is tiny.
        return (max(z[0], zero) - y[0] * z[0]) + softplus_tail(z[0])
    top = z[0]
    for k in range(1, z.shape[0]):
        top = max(top, z[k])
    total = z.dtype.type(0)
    chosen = total
    for k in range(z.shape[0]):
        dz[k] = exp(z[k] - top)
    for k in range(z.shape[0]):
        total += dz[k]
        chosen += y[k] * (z[k] - top)
    scale = z.dtype.type(1) / total
    for k in range(z.shape[0]):
        dz[k] = dz[k] * scale - y[k]
    return log(total) - chosen


@routine(NETWORK)
def loss_called(net):
    """Write the loss of one row of logits, `net.values`, and its gradient."""
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    first, units, code = net.values.first, net.values.count, net.loss
    z, d = part(A, first, units), part(dZ, first, units)
    y = row(matrix_at(net.Y, net.samples, net.outputs, net.tiny), net.values.row)
    delta, zero, half = net.delta, z.dtype.type(0), z.dtype.type(0.5)
    total = zero
    for k in range(units):
        e = z[k] - y[k]
        if code == LossCode.MULTI_LABEL:
            # In this order: the bracket is exactly 0 where the answer is right.
            total += (max(z[k], zero) - y[k] * z[k]) + softplus_tail(z[k])
            d[k] = sigmoid(z[k]) - y[k]
        elif code == LossCode.SQUARED:
            total += e * e
            d[k] = e + e
        elif code == LossCode.ABSOLUTE:
            total += abs(e)
            # A NaN stays: it is neither above nor below.
            sign = z.dtype.type(1) if e > zero else z.dtype.type(-1)
            d[k] = e if e != e or e == zero else sign
        elif code == LossCode.HUBER:
            near = min(max(e, -delta), delta)
            near = e if e != e else near
            total += near * (e - half * near)
            d[k] = near
        else:
            rate = exp(z[k])
            total += rate - y[k] * z[k]
            d[k] = rate - y[k]
    share = z.dtype.type(1) / z.dtype.type(units)
    for k in range(units):
        d[k] *= share
    net.values.loss = total * share
