"""Activations of a vector, in place, and their slopes."""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import inlined_kernel
from samplewise_backends.numba_cpu.kernels.elementary import sigmoid, tanh
from samplewise_backends.numba_cpu.kernels.tables import RELU, SIGMOID, TANH


@inlined_kernel
def activate(z, code):
    """Replace each z of a vector by f(z)."""
    if code == SIGMOID:
        for i in range(z.shape[0]):
            z[i] = sigmoid(z[i])
    elif code == TANH:
        for i in range(z.shape[0]):
            z[i] = tanh(z[i])
    elif code == RELU:
        zero = z.dtype.type(0)
        for i in range(z.shape[0]):
            # Not max(z, 0): that drops a NaN, which must reach the loss and stop the run.
            z[i] = zero if z[i] <= zero else z[i]


@inlined_kernel
def multiply_by_slope(delta, a, code):
    """Multiply each delta by f'(z), told from a = f(z)."""
    if code == SIGMOID:
        for i in range(a.shape[0]):
            delta[i] *= a[i] - a[i] * a[i]
    elif code == TANH:
        one = a.dtype.type(1)
        for i in range(a.shape[0]):
            delta[i] *= one - a[i] * a[i]
    elif code == RELU:
        zero = a.dtype.type(0)
        for i in range(a.shape[0]):
            delta[i] = delta[i] if a[i] > zero else zero
