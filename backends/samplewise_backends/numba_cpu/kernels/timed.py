"""Products repeated in one call, so that the planner can time them."""

from __future__ import annotations

from samplewise_backends.numba_cpu.jit import entry_point
from samplewise_backends.numba_cpu.kernels.products import (
    dual_product,
    gram_block,
    update_product,
    values_product,
)

VALUES, UPDATE, DUAL, GRAM = range(4)


@entry_point
def repeat_product(product, kind, times, gemm, X, G, W, z, ld):
    """Take one product `times` times.

    X: float[B, d], read-only; G: float[B, n]; W: float[R, d], or float[n, R] for DUAL; z: flat.
    """
    for _ in range(times):
        if product == VALUES:
            values_product(kind, gemm, X, W, z, ld)
        elif product == UPDATE:
            update_product(kind, gemm, z, ld, X, W)
        elif product == DUAL:
            dual_product(kind, gemm, G, W, z, ld)
        else:
            gram_block(gemm, X, z, ld)
