"""The best rates of one core, so that timings from different machines can be compared."""

from __future__ import annotations

import time
import timeit
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import aligned_zeros

SAMPLES = 7
# One sample runs at least this long: far above the clock's resolution and the cost of a call.
SAMPLE_S = 0.004
EXP_ELEMENTS = 4096


@dataclass(frozen=True)
class Product:
    """A matrix product (rows, inner) x (inner, columns)."""

    rows: int
    inner: int
    columns: int

    @property
    def flops(self) -> int:
        """Floating-point operations, two a multiply-add."""
        return 2 * self.rows * self.inner * self.columns

    def __str__(self) -> str:
        return f"{self.rows}x{self.inner}x{self.columns}"


SQUARE = Product(512, 512, 512)
"""Large enough for the full rate, small enough for the second-level cache."""


@dataclass(frozen=True)
class Calibration:
    """Rates of one core.

    Args:
        gflops: NumPy's matrix product in 10^9 operations a second, by its shape; `SQUARE` is
            always there.
        exp_per_us: NumPy's exp over 4096 elements, in elements a microsecond.
    """

    dtype: str
    gflops: dict[Product, float]
    exp_per_us: float

    def floor_ms(self, flops: int) -> float:
        """Return the milliseconds that `flops` would take at the rate of the square product."""
        return flops / (self.gflops[SQUARE] * 1e6)

    def to_json(self) -> dict[str, Any]:
        """Return the rates as JSON values."""
        gflops = {str(product): rate for product, rate in self.gflops.items()}
        return {"gflops": gflops, "exp_per_us": self.exp_per_us}


def calibrate(dtype: str, products: Sequence[Product] = ()) -> Calibration:
    """Measure this core; threads are the caller's to limit (`conditions.one_core`)."""
    rates = {each: _gflops(each, dtype) for each in (SQUARE, *products)}
    x = np.linspace(-8, 8, EXP_ELEMENTS).astype(dtype)
    out = np.empty_like(x)
    exp_s = seconds_a_call(lambda: np.exp(x, out=out))
    return Calibration(dtype, rates, EXP_ELEMENTS / exp_s / 1e6)


def _gflops(product: Product, dtype: str) -> float:
    rng = np.random.default_rng(0)

    def filled(*shape: int) -> NDArray[Any]:
        matrix = aligned_zeros(shape, dtype)
        matrix[...] = rng.standard_normal(shape)
        return matrix

    # Transposed, as the weights of a layer are: Z = X W^T.
    A, W = filled(product.rows, product.inner), filled(product.columns, product.inner)
    Z = np.empty((product.rows, product.columns), dtype)
    return product.flops / seconds_a_call(lambda: np.matmul(A, W.T, out=Z)) / 1e9


def seconds_a_call(call: Callable[[], Any]) -> float:
    """Return the least wall time of one warm call over `SAMPLES`: the rate of an idle core."""
    timer = timeit.Timer(call, timer=time.perf_counter)
    timer.timeit(1)
    calls = max(int(SAMPLE_S / max(timer.timeit(1), 1e-9)), 1)
    return min(timer.repeat(SAMPLES, calls)) / calls
