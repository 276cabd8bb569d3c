"""Losses of one row of logits, and their gradient p - y."""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel
from samplewise_backends.numba_cpu.kernels.elementary import exp, log, sigmoid, softplus_tail
from samplewise_backends.numba_cpu.kernels.tables import BINARY


@inlined_kernel
def loss_and_delta(z, y, delta, code):
    """Return the loss of one row of logits, and write delta = p - y."""
    if code == BINARY:
        delta[0] = sigmoid(z[0]) - y[0]
        zero = z.dtype.type(0)
        # In this order: the bracket is exactly 0 where the answer is right, and the rest is tiny.
        return (max(z[0], zero) - y[0] * z[0]) + softplus_tail(z[0])
    top = z[0]
    for k in range(1, z.shape[0]):
        top = max(top, z[k])
    total = z.dtype.type(0)
    chosen = total
    for k in range(z.shape[0]):
        delta[k] = exp(z[k] - top)
    for k in range(z.shape[0]):
        total += delta[k]
        chosen += y[k] * (z[k] - top)
    scale = z.dtype.type(1) / total
    for k in range(z.shape[0]):
        delta[k] = delta[k] * scale - y[k]
    return log(total) - chosen
