"""A small kernel made as the others are: it shows whether they can be compiled here, and run."""

from samplewise_backends.numba_cpu.compile.blas import gemm_nt
from samplewise_backends.numba_cpu.compile.jit import INTEGER, NUMBERS, entry_point, routine
from samplewise_backends.numba_cpu.compile.views import at, call, row
from samplewise_backends.numba_cpu.kernels.elementary import exp

SIDE = 2


@routine(INTEGER, NUMBERS, NUMBERS, NUMBERS)
def trial_product(gemm, a, b, c):
    """Write C <- A B^T, of matrices (2, 2)."""
    A, B, C = at(a, 0, SIDE * SIDE), at(b, 0, SIDE * SIDE), at(c, 0, SIDE * SIDE)
    one, zero = A.dtype.type(1), A.dtype.type(0)
    gemm_nt(gemm, SIDE, SIDE, SIDE, one, A, SIDE, B, SIDE, zero, C, SIDE)


@entry_point
def run_trial(gemm, product, A, B, C):
    """Write C <- exp(A B^T), of matrices (2, 2); product: the address of `trial_product`."""
    call(product, gemm, A, B, C)
    for i in range(SIDE):
        z = row(C, i)
        for j in range(SIDE):
            z[j] = exp(z[j])
