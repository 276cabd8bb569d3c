"""A small kernel made as the others are: it shows whether they can be compiled here, and run."""

from samplewise_backends.numba_cpu.compile.blas import gemm_nt
from samplewise_backends.numba_cpu.compile.jit import routine
from samplewise_backends.numba_cpu.compile.record import (
    INTEGER,
    NUMBER,
    ROUTINE,
    reads,
    record,
    writes,
)
from samplewise_backends.numba_cpu.compile.views import call, vector_at
from samplewise_backends.numba_cpu.kernels.elementary import exp

SIDE = 2
# Matrices (2, 2); `product` is `trial_product`.
TRIAL = record(
    "trial",
    gemm=INTEGER,
    zero=NUMBER,
    A=reads(NUMBER),
    B=reads(NUMBER),
    C=writes(NUMBER),
    product=ROUTINE,
)


@routine(TRIAL)
def trial_product(given):
    """Write C <- A B^T."""
    n, zero = SIDE * SIDE, given.zero
    A, B, C = vector_at(given.A, n, zero), vector_at(given.B, n, zero), vector_at(given.C, n, zero)
    gemm_nt(given.gemm, SIDE, SIDE, SIDE, A.dtype.type(1), A, SIDE, B, SIDE, zero, C, SIDE)


@routine(TRIAL)
def trial(given):
    """Write C <- exp(A B^T)."""
    call(given.product, given)
    C = vector_at(given.C, SIDE * SIDE, given.zero)
    for i in range(SIDE * SIDE):
        C[i] = exp(C[i])
