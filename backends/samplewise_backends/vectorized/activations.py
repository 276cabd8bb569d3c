"""Activation functions over matrices, in place."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, ndtr

from samplewise.network.activations import (
    CUSTOM,
    GELU_CUBIC,
    LEAK,
    SELU_ALPHA,
    SELU_SCALE,
)
from samplewise.network.custom import CustomActivation

Matrix = NDArray[Any]
Forward = Callable[[Matrix, Matrix], None]
Backward = Callable[[Matrix, Matrix, Matrix], None]


def _identity(Z: Matrix) -> None:
    """Leave Z as it is."""


def _sigmoid(Z: Matrix) -> None:
    expit(Z, out=Z)


def _tanh(Z: Matrix) -> None:
    np.tanh(Z, out=Z)


def _relu(Z: Matrix) -> None:
    np.maximum(Z, 0, out=Z)


def _identity_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    """Leave dA as it is."""


def _sigmoid_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.subtract(1, A, out=scratch)
    scratch *= A
    dA *= scratch


def _tanh_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.multiply(A, A, out=scratch)
    np.subtract(1, scratch, out=scratch)
    dA *= scratch


def _relu_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.greater(A, 0, out=scratch)
    dA *= scratch


def _leaky_relu(Z: Matrix) -> None:
    # Not np.maximum(Z, LEAK * Z), which makes a matrix each time.
    np.multiply(Z, LEAK, out=Z, where=Z < 0)


def _leaky_relu_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    del scratch
    np.multiply(dA, LEAK, out=dA, where=A <= 0)


def _elu(Z: Matrix) -> None:
    np.expm1(Z, out=Z, where=Z < 0)


def _elu_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    np.minimum(A, 0, out=scratch)
    scratch += 1
    dA *= scratch


def _selu(Z: Matrix) -> None:
    below = Z < 0
    np.expm1(Z, out=Z, where=below)
    np.multiply(Z, SELU_ALPHA, out=Z, where=below)
    Z *= SELU_SCALE


def _selu_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    # At z <= 0 the slope is a + s alpha; above, s.
    np.add(A, SELU_SCALE * SELU_ALPHA, out=scratch)
    np.copyto(scratch, SELU_SCALE, where=A > 0)
    dA *= scratch


def _softplus(Z: Matrix) -> None:
    np.logaddexp(Z, 0, out=Z)


def _softplus_slope(dA: Matrix, A: Matrix, scratch: Matrix) -> None:
    # sigmoid(z) = 1 - exp(-a)
    np.negative(A, out=scratch)
    np.expm1(scratch, out=scratch)
    np.negative(scratch, out=scratch)
    dA *= scratch


def _gelu(Z: Matrix, slope: Matrix) -> None:
    # Phi(z), whose product with z is the value.
    distribution = ndtr(Z)
    np.multiply(Z, Z, out=slope)
    slope *= -0.5
    np.exp(slope, out=slope)
    slope *= 1 / math.sqrt(2 * math.pi)
    slope *= Z
    slope += distribution
    Z *= distribution


def _gelu_tanh(Z: Matrix, slope: Matrix) -> None:
    square = Z * Z
    t = square * GELU_CUBIC
    t += 1
    t *= Z
    t *= math.sqrt(2 / math.pi)
    np.tanh(t, out=t)
    np.multiply(t, t, out=slope)
    np.subtract(1, slope, out=slope)
    square *= 3 * GELU_CUBIC
    square += 1
    slope *= square
    slope *= math.sqrt(2 / math.pi)
    slope *= Z
    t += 1
    slope += t
    slope *= 0.5
    t *= 0.5
    Z *= t


def _silu(Z: Matrix, slope: Matrix) -> None:
    p = expit(Z)
    Z *= p
    # The slope is p plus a times 1 - p.
    np.subtract(1, p, out=slope)
    slope *= Z
    slope += p


def _by_kept_slope(dA: Matrix, A: Matrix, slope: Matrix) -> None:
    del A
    dA *= slope


def _alone(f: Callable[[Matrix], None]) -> Forward:
    """Return f for the table: its slope can be told from its value, so it keeps none."""

    def forward(Z: Matrix, slope: Matrix) -> None:
        del slope
        f(Z)

    return forward


# name -> (Z becomes A, dA becomes dZ). Both are given A's buffer and one more of the same shape, in
# which the first may leave the slope for the second; where it does not, the second may use it.
ACTIVATIONS: dict[str, tuple[Forward, Backward]] = {
    "identity": (_alone(_identity), _identity_slope),
    "sigmoid": (_alone(_sigmoid), _sigmoid_slope),
    "tanh": (_alone(_tanh), _tanh_slope),
    "relu": (_alone(_relu), _relu_slope),
    "leaky_relu": (_alone(_leaky_relu), _leaky_relu_slope),
    "elu": (_alone(_elu), _elu_slope),
    "selu": (_alone(_selu), _selu_slope),
    "gelu": (_gelu, _by_kept_slope),
    "gelu_tanh": (_gelu_tanh, _by_kept_slope),
    "silu": (_silu, _by_kept_slope),
    "softplus": (_alone(_softplus), _softplus_slope),
}


def activation_named(name: str) -> tuple[Forward, Backward]:
    """Return the functions of an activation: of the table, or of the user's own."""
    if name in ACTIVATIONS:
        return ACTIVATIONS[name]
    return _own(CUSTOM[name]), _by_kept_slope


def _own(activation: CustomActivation) -> Forward:
    def forward(Z: Matrix, slope: Matrix) -> None:
        Z[...], slope[...] = activation.of(Z)

    return forward
