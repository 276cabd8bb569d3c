"""Activation functions over matrices, in place."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np

from samplewise.network.activations import CUSTOM, GELU_CUBIC, LEAK, SELU_ALPHA, SELU_SCALE
from samplewise.network.custom import CustomActivation
from samplewise_backends.vectorized.arrays import Matrix

Forward = Callable[[Matrix, Matrix], None]
Backward = Callable[[Matrix, Matrix, Matrix], None]
_ROOT_8_BY_PI = math.sqrt(8 / math.pi)
# The exponential of this is finite, and so large that adding 1 does not change it.
_LARGEST = 709.0
# As arrays: NumPy would make one of Python's 1 at each call.
_ONE = {np.dtype(name): np.ones((), name) for name in ("float64", "float32")}


def sigmoid(Z: Matrix, out: Matrix) -> None:
    """Write 1 / (1 + exp(-z)), without SciPy, whose import takes 0.2 s; `out` may be Z.

    Far below 0 the exponential overflows to infinity, which gives 0 as it should: programs call it
    where NumPy does not warn of that.
    """
    if Z.size == 1:
        # The one output of a step of one row: NumPy's calls would take ten times as long.
        e = math.exp(min(-Z.item(), _LARGEST))
        out.fill(1 / (1 + e))
        return
    np.negative(Z, out)
    np.exp(out, out)
    np.add(out, _ONE[out.dtype], out)
    np.reciprocal(out, out)


def _unchanged(out: Matrix, other: Matrix, scratch: Matrix | None = None) -> None:
    """Leave Z, or dA, as it is."""


def _sigmoid(Z: Matrix, derivative: Matrix) -> None:
    sigmoid(Z, Z)


def _tanh(Z: Matrix, derivative: Matrix) -> None:
    np.tanh(Z, out=Z)


def _relu(Z: Matrix, derivative: Matrix) -> None:
    np.maximum(Z, 0, out=Z)


def _sigmoid_backward(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.subtract(1, A, out=scratch)
    scratch *= A
    dA *= scratch


def _tanh_backward(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.multiply(A, A, out=scratch)
    np.subtract(1, scratch, out=scratch)
    dA *= scratch


def _relu_backward(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.greater(A, 0, out=scratch)
    dA *= scratch


def _leaky_relu(Z: Matrix, derivative: Matrix) -> None:
    # Not np.maximum(Z, LEAK * Z), which makes a matrix each time.
    np.multiply(Z, LEAK, out=Z, where=Z < 0)


def _leaky_relu_backward(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.multiply(dA, LEAK, out=dA, where=A <= 0)


def _elu(Z: Matrix, derivative: Matrix) -> None:
    np.expm1(Z, out=Z, where=Z < 0)


def _elu_backward(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.minimum(A, 0, out=scratch)
    scratch += 1
    dA *= scratch


def _selu(Z: Matrix, derivative: Matrix) -> None:
    negative = Z < 0
    np.expm1(Z, out=Z, where=negative)
    np.multiply(Z, SELU_ALPHA, out=Z, where=negative)
    Z *= SELU_SCALE


def _selu_backward(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    # At z <= 0 the derivative is a + s alpha; above, s.
    np.add(A, SELU_SCALE * SELU_ALPHA, out=scratch)
    np.copyto(scratch, SELU_SCALE, where=A > 0)
    dA *= scratch


def _softplus(Z: Matrix, derivative: Matrix) -> None:
    np.logaddexp(Z, 0, out=Z)


def _softplus_backward(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    # sigmoid(z) = 1 - exp(-a)
    np.negative(A, out=scratch)
    np.expm1(scratch, out=scratch)
    np.negative(scratch, out=scratch)
    dA *= scratch


def _gelu(Z: Matrix, derivative: Matrix) -> None:
    # Not at the top: importing it takes 0.2 s, which every other network would pay.
    from scipy.special import ndtr

    # Phi(z), whose product with z is the value.
    distribution = ndtr(Z)
    np.multiply(Z, Z, out=derivative)
    derivative *= -0.5
    np.exp(derivative, out=derivative)
    derivative *= 1 / math.sqrt(2 * math.pi)
    derivative *= Z
    derivative += distribution
    Z *= distribution


def _gelu_tanh(Z: Matrix, derivative: Matrix) -> None:
    # sigmoid(u), not (1 + tanh(u / 2)) / 2, which has no digits left where it is tiny.
    np.multiply(Z, Z, out=derivative)
    p = derivative * GELU_CUBIC
    p += 1
    p *= Z
    p *= _ROOT_8_BY_PI
    sigmoid(p, p)
    Z *= p
    # The derivative is p plus a times 1 - p times that of u.
    derivative *= 3 * GELU_CUBIC
    derivative += 1
    derivative *= _ROOT_8_BY_PI
    # Before the product with a, which would overflow for large z.
    derivative *= 1 - p
    derivative *= Z
    derivative += p


def _silu(Z: Matrix, derivative: Matrix) -> None:
    p = np.empty_like(Z)
    sigmoid(Z, p)
    Z *= p
    # The derivative is p plus a times 1 - p.
    np.subtract(1, p, out=derivative)
    derivative *= Z
    derivative += p


def _by_saved_derivative(dA: Matrix, A: Matrix, derivative: Matrix) -> None:
    dA *= derivative


# name -> (Z becomes A, dA becomes dZ). Both take A's buffer and one more of the same shape: the
# first may save the derivative there for the second, which may use it as scratch otherwise.
ACTIVATIONS: dict[str, tuple[Forward, Backward]] = {
    "identity": (_unchanged, _unchanged),
    "sigmoid": (_sigmoid, _sigmoid_backward),
    "tanh": (_tanh, _tanh_backward),
    "relu": (_relu, _relu_backward),
    "leaky_relu": (_leaky_relu, _leaky_relu_backward),
    "elu": (_elu, _elu_backward),
    "selu": (_selu, _selu_backward),
    "gelu": (_gelu, _by_saved_derivative),
    "gelu_tanh": (_gelu_tanh, _by_saved_derivative),
    "silu": (_silu, _by_saved_derivative),
    "softplus": (_softplus, _softplus_backward),
}


def activation_named(name: str) -> tuple[Forward, Backward]:
    """Return the functions of an activation: of the table, or custom."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    return _custom(CUSTOM[name]), _by_saved_derivative


def _custom(activation: CustomActivation) -> Forward:
    def forward(Z: Matrix, derivative: Matrix) -> None:
        Z[...], derivative[...] = activation.of(Z)

    return forward
