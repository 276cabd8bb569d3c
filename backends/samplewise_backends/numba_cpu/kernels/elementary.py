"""Exponential, logarithm and functions of them, as arithmetic that vectorises.

One float in, one of the same dtype out, without branch or call: a loop over an array becomes packed
instructions, where a call to libm stays a call an element.

Accuracy: within 4 ULP everywhere, on processors with and without fused multiply-add; infinities and
NaN as IEEE 754 has them. Results of `exp`, `sigmoid`, `softplus` and `softplus_tail` below the
smallest normal number are 0: a subnormal number makes every product that it enters slow.

The coefficients are our own, by the Remez exchange algorithm in 50 digits, then rounded; in
brackets the greatest relative error of the function that they serve:

    expm1: Q in expm1(r) = r + r^2 Q(r), |r| <= 0.34661;
        float64 degree 9 (3.4e-17), float32 degree 4 (1.4e-8)
    log: A in log(m) = 2 s + s^3 A(s^2), s = (m - 1) / (m + 1), |s| <= 0.1716;
        float64 degree 6 (1.2e-18), float32 degree 2 (8.1e-10)
    log1p: the same for log(1 + e), s = e / (2 + e), 0 <= e <= 1;
        float64 degree 9 (1.3e-18), float32 degree 4 (1.1e-10)
"""

from __future__ import annotations

from typing import Any, NamedTuple

from samplewise_backends.numba_cpu.compile.inlining import (
    bits,
    from_bits,
    inlined,
    magnitude,
    select,
    with_sign,
)


class _Format(NamedTuple):
    """A float format, and its constants in the formulas."""

    mantissa: int  # bits of the stored mantissa
    bias: int  # of the exponent
    root_half: int  # the bits of sqrt(1/2)
    log_2: tuple[float, float]  # in two parts; the first times any exponent is exact
    finite: tuple[float, float]  # the arguments for which exp is neither subnormal nor infinite
    expm1: tuple[float, ...]
    log: tuple[float, ...]
    log1p: tuple[float, ...]


_SINGLE = _Format(
    mantissa=23,
    bias=127,
    root_half=0x3F3504F3,
    log_2=(0.693145751953125, 1.428606765330187e-06),
    finite=(-87.33654022216797, 88.72283172607422),
    expm1=(0.49999997, 0.16666539, 0.041667756, 0.0083671175, 0.0013835509),
    log=(0.66666776, 0.39977583, 0.2987083),
    log1p=(0.66666675, 0.3999895, 0.28615218, 0.21443719, 0.24246344),
)
_DOUBLE = _Format(
    mantissa=52,
    bias=1023,
    root_half=0x3FE6A09E667F3BCD,
    log_2=(0.6931471806019545, -4.2009150726810846e-11),
    finite=(-708.3964185322641, 709.782712893384),
    expm1=(
        0.5000000000000006,
        0.16666666666666588,
        0.04166666666657675,
        0.008333333333389557,
        0.0013888888931566355,
        0.00019841269718993444,
        2.480150527194038e-05,
        2.7557407554507497e-06,
        2.7626038652968876e-07,
        2.5053771443853477e-08,
    ),
    log=(
        0.6666666666666734,
        0.39999999999416685,
        0.2857142874202637,
        0.22222198603672827,
        0.1818356302169982,
        0.15314077761311595,
        0.14795732195721356,
    ),
    log1p=(
        0.6666666666666631,
        0.40000000000155905,
        0.28571428548011885,
        0.22222223960602752,
        0.1818174422241439,
        0.15386554086622398,
        0.13301043868238052,
        0.12105578427783142,
        0.08342119391269728,
        0.1701519078301181,
    ),
)
_LOG2_E = 1.4426950408889634
_elementary = inlined(_SINGLE, _DOUBLE)


def _polynomial(coefficients: tuple[float, ...], x: Any) -> Any:
    """Return sum_i c_i x^i, summed in pairs: half the latency of Horner's order."""
    terms: list[Any] = list(coefficients)
    while len(terms) > 1:
        odd = terms[len(terms) // 2 * 2 :]
        terms = [low + high * x for low, high in zip(terms[::2], terms[1::2], strict=False)] + odd
        x = x * x
    return terms[0]


def _reduced(z: Any, f: _Format) -> tuple[Any, Any, Any]:
    """Return r, (expm1(r) - r) / r^2, and the integer n of z = n log(2) + r as an exponent's bits.

    In two parts, so that the users' sums with r need not wait for the polynomial. Nonsense, without
    a trap, where exp(z) is not a normal number.
    """
    # Adding this rounds to an integer and leaves it in the low bits.
    rounder = 1.5 * 2.0**f.mantissa
    shifted = z * _LOG2_E + rounder
    n = shifted - rounder
    r = (z - n * f.log_2[0]) - n * f.log_2[1]
    return r, _polynomial(f.expm1, r), bits(shifted) << f.mantissa


def _power_of_2(n: Any, f: _Format) -> Any:
    return from_bits(n + (f.bias << f.mantissa))


def _log_of_ratio(s: Any, coefficients: tuple[float, ...]) -> Any:
    """Return the two terms of log((1 + s) / (1 - s)), the greater first."""
    u = s * s
    return s + s, (s * u) * _polynomial(coefficients, u)


@_elementary
def exp(z: Any, f: _Format) -> Any:
    """Return e^z."""
    r, q, n = _reduced(z, f)
    # Not a product: 2^1024 is not a float64, but 2^1024 * 0.9 is.
    result = from_bits(bits((1.0 + r) + (r * r) * q) + n)
    lowest, highest = f.finite
    result = select(z < lowest, 0.0, result)
    return select(z <= highest, result, z + float("inf"))


@_elementary
def sigmoid(z: Any, f: _Format) -> Any:
    """Return 1 / (1 + exp(-z)), in [0, 1]."""
    r, q, n = _reduced(-z, f)
    scale = _power_of_2(n, f)
    result = 1.0 / (((1.0 + scale) + scale * r) + (scale * (r * r)) * q)
    # Above 40, 1 + exp(-z) is 1.
    return select(z < f.finite[0], 0.0, select(z > 40.0, 1.0, result))


@_elementary
def tanh(z: Any, f: _Format) -> Any:
    """Return the hyperbolic tangent, in [-1, 1]; as exact near 0 as elsewhere."""
    size = magnitude(z)
    r, q, n = _reduced(size + size, f)
    scale = _power_of_2(n, f)
    expm1 = ((scale - 1.0) + scale * r) + (scale * (r * r)) * q
    # Above 20, 1 - tanh(z) is less than half a unit of the last place.
    return with_sign(select(size > 20.0, 1.0, expm1 / (expm1 + 2.0)), z)


@_elementary
def expm1(z: Any, f: _Format) -> Any:
    """Return e^z - 1, as exact near 0 as elsewhere."""
    r, q, n = _reduced(z, f)
    scale = _power_of_2(n, f)
    result = ((scale - 1.0) + scale * r) + (scale * (r * r)) * q
    lowest, highest = f.finite
    result = select(z < lowest, -1.0, result)
    # 2^1024 is not a float64, nor 2^128 a float32.
    return select(z <= highest - 1.0, result, z + float("inf"))


@_elementary
def softplus_tail(z: Any, f: _Format) -> Any:
    """Return log(1 + exp(-|z|)), in [0, log(2)]: softplus is max(z, 0) plus this."""
    return _softplus_tail(z, f)


def _softplus_tail(z: Any, f: _Format) -> Any:
    exponent = -magnitude(z)
    r, q, n = _reduced(exponent, f)
    scale = _power_of_2(n, f)
    e = (scale + scale * r) + (scale * (r * r)) * q
    large, small = _log_of_ratio(e / (e + 2.0), f.log1p)
    return select(exponent < f.finite[0], 0.0, large + small)


@_elementary
def softplus(z: Any, f: _Format) -> Any:
    """Return log(1 + exp(z)), never negative."""
    tail = _softplus_tail(z, f)
    return select(z > 0.0, z + tail, tail)


@_elementary
def log(x: Any, f: _Format) -> Any:
    """Return the natural logarithm: -inf at 0, NaN below."""
    one = f.bias << f.mantissa
    # Subnormal numbers have no exponent of their own.
    subnormal, lift = x < 2.0 ** (1 - f.bias), f.mantissa + 2
    pattern = bits(select(subnormal, x * 2.0**lift, x))
    # The exponent, still biased, of the power of 2 nearest in ratio: m is in [sqrt(1/2), sqrt(2)).
    exponent = (pattern + (one - f.root_half)) & ((2 * f.bias + 1) << f.mantissa)
    m = from_bits(pattern - exponent + one)
    # 2^mantissa with an integer in its low bits is that integer once 2^mantissa is subtracted.
    integer = from_bits((exponent >> f.mantissa) + ((f.bias + f.mantissa) << f.mantissa))
    n = integer - (2.0**f.mantissa + f.bias)
    n = select(subnormal, n - lift, n)
    large, small = _log_of_ratio((m - 1.0) / (m + 1.0), f.log)
    result = n * f.log_2[0] + (large + (small + n * f.log_2[1]))
    result = select(x > 0.0, result, float("-inf"))
    result = select(x < 0.0, float("nan"), result)
    return select(x < float("inf"), result, x)
