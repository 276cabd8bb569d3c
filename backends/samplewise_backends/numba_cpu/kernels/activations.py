"""Activations of a vector, in place, and their derivatives.

Sigmoid, tanh and ReLU are compiled into every kernel; the rarer functions are routines. Those whose
derivative does not follow from their value save it.
"""

import math

from samplewise.network.activations import GELU_CUBIC, LEAK, SELU_ALPHA, SELU_SCALE
from samplewise_backends.numba_cpu.compile.jit import inlined_kernel, kernel, routine
from samplewise_backends.numba_cpu.compile.views import part, vector_at
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode
from samplewise_backends.numba_cpu.kernels.elementary import exp, expm1, sigmoid, softplus, tanh
from samplewise_backends.numba_cpu.kernels.records import NETWORK

_ROOT_HALF = math.sqrt(0.5)
_DENSITY_AT_0 = 1 / math.sqrt(2 * math.pi)
_ROOT_8_BY_PI = math.sqrt(8 / math.pi)


@inlined_kernel
def activate(z, code):
    """Replace each z of a vector by f(z)."""
    if code == ActivationCode.SIGMOID:
        for i in range(z.shape[0]):
            z[i] = sigmoid(z[i])
    elif code == ActivationCode.TANH:
        for i in range(z.shape[0]):
            z[i] = tanh(z[i])
    elif code == ActivationCode.RELU:
        zero = z.dtype.type(0)
        for i in range(z.shape[0]):
            # Not max(z, 0): that drops a NaN, which must reach the loss and stop the run.
            z[i] = zero if z[i] <= zero else z[i]


@inlined_kernel
def multiply_by_derivative(dz, a, code):
    """Multiply each dz by f'(z), from a = f(z)."""
    if code == ActivationCode.SIGMOID:
        for i in range(a.shape[0]):
            dz[i] *= a[i] - a[i] * a[i]
    elif code == ActivationCode.TANH:
        one = a.dtype.type(1)
        for i in range(a.shape[0]):
            dz[i] *= one - a[i] * a[i]
    elif code == ActivationCode.RELU:
        zero = a.dtype.type(0)
        for i in range(a.shape[0]):
            dz[i] = dz[i] if a[i] > zero else zero


@routine(NETWORK)
def activate_called(net):
    """Replace each z of `net.values` by f(z); gelu, gelu_tanh and silu save their derivatives."""
    A, count, code = vector_at(net.A, net.buffered, net.tiny), net.values.count, net.values.code
    z, derivative = part(A, net.values.first, count), part(A, net.values.saved, count)
    if code == ActivationCode.LEAKY_RELU:
        _leaky_relu(z)
    elif code == ActivationCode.ELU:
        _elu(z)
    elif code == ActivationCode.SELU:
        _selu(z)
    elif code == ActivationCode.GELU:
        _gelu(z, derivative)
    elif code == ActivationCode.GELU_TANH:
        _gelu_tanh(z, derivative)
    elif code == ActivationCode.SILU:
        _silu(z, derivative)
    else:
        for i in range(count):
            z[i] = softplus(z[i])


@routine(NETWORK)
def derivative_called(net):
    """Multiply each dz of `net.values` by f'(z), from a = f(z) or from the derivative saved."""
    A, dZ = vector_at(net.A, net.buffered, net.tiny), vector_at(net.dZ, net.buffered, net.tiny)
    first, count, code = net.values.first, net.values.count, net.values.code
    dz, a, derivative = (
        part(dZ, first, count),
        part(A, first, count),
        part(A, net.values.saved, count),
    )
    one, zero = a.dtype.type(1), a.dtype.type(0)
    if code == ActivationCode.LEAKY_RELU:
        leak = a.dtype.type(LEAK)
        for i in range(count):
            dz[i] *= one if a[i] > zero else leak
    elif code == ActivationCode.ELU:
        for i in range(count):
            dz[i] *= one if a[i] > zero else a[i] + one
    elif code == ActivationCode.SELU:
        scale, both = a.dtype.type(SELU_SCALE), a.dtype.type(SELU_SCALE * SELU_ALPHA)
        for i in range(count):
            dz[i] *= scale if a[i] > zero else a[i] + both
    elif code == ActivationCode.SOFTPLUS:
        for i in range(count):
            dz[i] *= -expm1(-a[i])
    else:
        for i in range(count):
            dz[i] *= derivative[i]


@kernel
def _leaky_relu(z):
    leak, zero = z.dtype.type(LEAK), z.dtype.type(0)
    for i in range(z.shape[0]):
        z[i] = leak * z[i] if z[i] <= zero else z[i]


@kernel
def _elu(z):
    zero = z.dtype.type(0)
    for i in range(z.shape[0]):
        negative = expm1(z[i])
        z[i] = negative if z[i] <= zero else z[i]


@kernel
def _selu(z):
    zero, scale = z.dtype.type(0), z.dtype.type(SELU_SCALE)
    alpha = z.dtype.type(SELU_ALPHA)
    for i in range(z.shape[0]):
        negative = alpha * expm1(z[i])
        z[i] = scale * (negative if z[i] <= zero else z[i])


@kernel
def _gelu(z, derivative):
    """Write z Phi(z) and Phi(z) + z phi(z), with Phi from erfc: exact where it is tiny."""
    half, root = z.dtype.type(0.5), z.dtype.type(_ROOT_HALF)
    density = z.dtype.type(_DENSITY_AT_0)
    for i in range(z.shape[0]):
        phi = half * math.erfc(-z[i] * root)
        derivative[i] = phi + z[i] * (density * exp(-half * z[i] * z[i]))
        z[i] *= phi


@kernel
def _gelu_tanh(z, derivative):
    """Write z p and p + z p (1 - p) u', with p = sigmoid(u): 1 + tanh(u / 2) loses its digits."""
    one, three = z.dtype.type(1), z.dtype.type(3)
    cubic, root = z.dtype.type(GELU_CUBIC), z.dtype.type(_ROOT_8_BY_PI)
    for i in range(z.shape[0]):
        square = cubic * z[i] * z[i]
        p = sigmoid(root * (z[i] + square * z[i]))
        a = z[i] * p
        derivative[i] = p + a * (one - p) * (root * (one + three * square))
        z[i] = a


@kernel
def _silu(z, derivative):
    one = z.dtype.type(1)
    for i in range(z.shape[0]):
        p = sigmoid(z[i])
        a = z[i] * p
        derivative[i] = p + a * (one - p)
        z[i] = a
