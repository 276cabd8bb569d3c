"""The activations that kernels call: as `activations`, for the rarer functions.

Those whose slope cannot be told from their value leave it in `kept`.
"""

from __future__ import annotations

import math

from samplewise.network.activations import GELU_CUBIC, LEAK, SELU_ALPHA, SELU_SCALE
from samplewise_backends.numba_cpu.compile.jit import INTEGER, NUMBERS, kernel, routine
from samplewise_backends.numba_cpu.compile.views import at
from samplewise_backends.numba_cpu.kernels.elementary import exp, expm1, sigmoid, softplus, tanh
from samplewise_backends.numba_cpu.kernels.tables import (
    ELU,
    GELU,
    GELU_TANH,
    LEAKY_RELU,
    SELU,
    SILU,
    SOFTPLUS,
)

_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_ROOT_2_BY_PI = math.sqrt(2 / math.pi)


@routine(INTEGER, INTEGER, NUMBERS, NUMBERS)
def activate_called(code, count, values, slopes):
    """Replace each z by f(z)."""
    z, slope = at(values, 0, count), at(slopes, 0, count)
    if code == LEAKY_RELU:
        _leaky_relu(z)
    elif code == ELU:
        _elu(z)
    elif code == SELU:
        _selu(z)
    elif code == GELU:
        _gelu(z, slope)
    elif code == GELU_TANH:
        _gelu_tanh(z, slope)
    elif code == SILU:
        _silu(z, slope)
    else:
        for i in range(count):
            z[i] = softplus(z[i])


@routine(INTEGER, INTEGER, NUMBERS, NUMBERS, NUMBERS)
def slope_called(code, count, deltas, values, slopes):
    """Multiply each delta by f'(z), told from a = f(z) or from what f left."""
    delta, a, slope = at(deltas, 0, count), at(values, 0, count), at(slopes, 0, count)
    one, zero = a.dtype.type(1), a.dtype.type(0)
    if code == LEAKY_RELU:
        leak = a.dtype.type(LEAK)
        for i in range(count):
            delta[i] *= one if a[i] > zero else leak
    elif code == ELU:
        for i in range(count):
            delta[i] *= one if a[i] > zero else a[i] + one
    elif code == SELU:
        scale, both = a.dtype.type(SELU_SCALE), a.dtype.type(SELU_SCALE * SELU_ALPHA)
        for i in range(count):
            delta[i] *= scale if a[i] > zero else a[i] + both
    elif code == SOFTPLUS:
        for i in range(count):
            delta[i] *= -expm1(-a[i])
    else:
        for i in range(count):
            delta[i] *= slope[i]


@kernel
def _leaky_relu(z):
    leak, zero = z.dtype.type(LEAK), z.dtype.type(0)
    for i in range(z.shape[0]):
        z[i] = leak * z[i] if z[i] <= zero else z[i]


@kernel
def _elu(z):
    zero = z.dtype.type(0)
    for i in range(z.shape[0]):
        below = expm1(z[i])
        z[i] = below if z[i] <= zero else z[i]


@kernel
def _selu(z):
    zero, scale = z.dtype.type(0), z.dtype.type(SELU_SCALE)
    alpha = z.dtype.type(SELU_ALPHA)
    for i in range(z.shape[0]):
        below = alpha * expm1(z[i])
        z[i] = scale * (below if z[i] <= zero else z[i])


@kernel
def _gelu(z, slope):
    """Write z Phi(z) and Phi(z) + z phi(z), with Phi from erfc: exact where it is tiny."""
    half, root = z.dtype.type(0.5), z.dtype.type(_ROOT_HALF)
    density = z.dtype.type(_DENSITY_AT_0)
    for i in range(z.shape[0]):
        phi = half * math.erfc(-z[i] * root)
        slope[i] = phi + z[i] * (density * exp(-half * z[i] * z[i]))
        z[i] *= phi


@kernel
def _gelu_tanh(z, slope):
    one, half, three = z.dtype.type(1), z.dtype.type(0.5), z.dtype.type(3)
    cubic, root = z.dtype.type(GELU_CUBIC), z.dtype.type(_ROOT_2_BY_PI)
    for i in range(z.shape[0]):
        square = cubic * z[i] * z[i]
        t = tanh(root * (z[i] + square * z[i]))
        slope_of_u = root * (one + three * square)
        slope[i] = half * ((one + t) + z[i] * (one - t * t) * slope_of_u)
        z[i] = half * z[i] * (one + t)


@kernel
def _silu(z, slope):
    one = z.dtype.type(1)
    for i in range(z.shape[0]):
        p = sigmoid(z[i])
        a = z[i] * p
        slope[i] = p + a * (one - p)
        z[i] = a
