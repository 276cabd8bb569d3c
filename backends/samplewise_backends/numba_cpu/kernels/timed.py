"""Products repeated in one call, so that the planner can time them."""

from __future__ import annotations

from samplewise_backends.numba_cpu.compile.jit import entry_point
from samplewise_backends.numba_cpu.kernels.products import DUAL, take


@entry_point
def repeat_product(address, product, kind, times, gemm, X, G, W, z, ld):
    """Take one product `times` times.

    address: of `first_product`; X: float[B, d], read-only; G: float[B, n]; W: float[R, d], or
    float[n, R] for DUAL; z: flat.
    """
    for _ in range(times):
        if product == DUAL:
            take(address, product, kind, gemm, G, W, z, ld)
        else:
            take(address, product, kind, gemm, X, W, z, ld)
