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
def trial_product(trial):
    """Write C <- A B^T."""
    n, zero = SIDE * SIDE, trial.zero
    A, B, C = vector_at(trial.A, n, zero), vector_at(trial.B, n, zero), vector_at(trial.C, n, zero)
    gemm_nt(trial.gemm, SIDE, SIDE, SIDE, A.dtype.type(1), A, SIDE, B, SIDE, zero, C, SIDE)


@routine(TRIAL)
def run_trial(trial):
    """Write C <- exp(A B^T)."""
    call(trial.product, trial)
    C = vector_at(trial.C, SIDE * SIDE, trial.zero)
    for i in range(SIDE * SIDE):
        C[i] = exp(C[i])
