"""The losses that kernels call: as `losses`, for the rarer ones; means over the outputs."""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import INTEGER, NUMBER, NUMBERS, routine
from samplewise_backends.numba_cpu.compile.views import at
from samplewise_backends.numba_cpu.kernels.elementary import exp, sigmoid, softplus_tail
from samplewise_backends.numba_cpu.kernels.tables import (
    ABSOLUTE,
    HUBER,
    MULTI_LABEL,
    SQUARED,
)


@routine(INTEGER, INTEGER, NUMBER, NUMBERS, NUMBERS, NUMBERS, NUMBERS)
def loss_called(code, units, parameter, logits, targets, deltas, loss):
    """Write the loss of one row of logits, and its gradient behind `deltas`.

    parameter: the delta of Huber's loss.
    """
    z, y, d = at(logits, 0, units), at(targets, 0, units), at(deltas, 0, units)
    zero, half = z.dtype.type(0), z.dtype.type(0.5)
    total = zero
    for k in range(units):
        e = z[k] - y[k]
        if code == MULTI_LABEL:
            # In this order: the bracket is exactly 0 where the answer is right.
            total += (max(z[k], zero) - y[k] * z[k]) + softplus_tail(z[k])
            d[k] = sigmoid(z[k]) - y[k]
        elif code == SQUARED:
            total += e * e
            d[k] = e + e
        elif code == ABSOLUTE:
            total += abs(e)
            # A NaN stays: it is neither above nor below.
            sign = z.dtype.type(1) if e > zero else z.dtype.type(-1)
            d[k] = e if e != e or e == zero else sign
        elif code == HUBER:
            near = min(max(e, -parameter), parameter)
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
    at(loss, 0, 1)[0] = total * share
