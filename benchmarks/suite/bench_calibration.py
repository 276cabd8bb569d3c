"""The best rates of this core, so that figures from another machine can be read."""

from __future__ import annotations

from suite.problems import DTYPES

SHAPES = {
    "square 512": (512, 512, 512),
    "784-10, batch 32": (32, 784, 10),
    "784-60, batch 32": (32, 784, 60),
    "784-10, batch 1": (1, 784, 10),
}


class MatrixProduct:
    """Rate of NumPy's matrix product on one thread."""

    params = (tuple(SHAPES), DTYPES)
    param_names = ("shape", "dtype")
    version = "1"
    unit = "GFLOP/s"

    def track_gflops(self, shape, dtype):
        from samplewise_bench.calibration import Product, calibrate

        product = Product(*SHAPES[shape])
        return calibrate(dtype, [product]).gflops[product]


class Exponential:
    """Rate of NumPy's exp."""

    params = DTYPES
    param_names = ("dtype",)
    version = "1"
    unit = "elements/us"

    def track_exp(self, dtype):
        from samplewise_bench.calibration import calibrate

        return calibrate(dtype).exp_per_us
