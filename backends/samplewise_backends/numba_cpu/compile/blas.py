"""The matrix product of SciPy's BLAS, called from compiled code with offsets and strides.

numba's own `np.dot` cannot add to its output, takes whole contiguous arrays only and hides the
shapes at which BLAS is fast. This calls the same library through the addresses that SciPy
publishes for Cython. Sizes are not checked: they are the kernels' duty.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import scipy.linalg.cython_blas  # noqa: F401 - loads the functions whose addresses are asked for
from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import get_cython_function_address, intrinsic

from samplewise_backends.numba_cpu.compile.jit import kernel

_NAMES = {"float32": "sgemm", "float64": "dgemm"}
_PLAIN, _TRANSPOSED = ord("N"), ord("T")


@cache
def gemm_address(dtype: str) -> int:
    """Return the address of the matrix product of "float32" or "float64".

    It differs in every process, so kernels take it as an argument: a constant would end up in
    the cache of compiled code.
    """
    return int(get_cython_function_address("scipy.linalg.cython_blas", _NAMES[dtype]))


@intrinsic
def _gemm(
    typing: Any,
    address: Any,
    trans_a: Any,
    trans_b: Any,
    m: Any,
    n: Any,
    k: Any,
    alpha: Any,
    a: Any,
    lda: Any,
    b: Any,
    ldb: Any,
    beta: Any,
    c: Any,
    ldc: Any,
) -> Any:
    """C <- alpha op(A) op(B) + beta C in Fortran's order, from the first element of each array."""
    arguments = (address, trans_a, trans_b, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc)

    def code(context: Any, builder: Any, signature: Any, values: Any) -> Any:
        pointer = ir.IntType(8).as_pointer()
        number = context.get_value_type(signature.args[6])

        def by_reference(value: Any, kind: Any) -> Any:
            slot = cgutils.alloca_once(builder, kind)
            builder.store(value, slot)
            return builder.bitcast(slot, pointer)

        def integer(value: Any, bits: int) -> Any:
            kind = ir.IntType(bits)
            return by_reference(builder.trunc(value, kind), kind)

        def data(position: int) -> Any:
            make = context.make_array(signature.args[position])
            return builder.bitcast(make(context, builder, values[position]).data, pointer)

        passed = [integer(values[i], 8) for i in (1, 2)]
        passed += [integer(values[i], 32) for i in (3, 4, 5)]
        passed += [by_reference(values[6], number), data(7), integer(values[8], 32), data(9)]
        passed += [integer(values[10], 32), by_reference(values[11], number), data(12)]
        passed.append(integer(values[13], 32))
        function = ir.FunctionType(ir.VoidType(), [pointer] * len(passed))
        builder.call(builder.inttoptr(values[0], function.as_pointer()), passed)
        return context.get_dummy_value()

    return types.void(*arguments), code


@kernel
def gemm_nt(gemm, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """C <- alpha A B^T + beta C, with A (m, k), B (n, k), C (m, n), row by row."""
    _gemm(gemm, _TRANSPOSED, _PLAIN, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc)


@kernel
def gemm_tn(gemm, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """C <- alpha A^T B + beta C, with A (k, m), B (k, n), C (m, n), row by row."""
    _gemm(gemm, _PLAIN, _TRANSPOSED, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc)


@kernel
def gemm_nn(gemm, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """C <- alpha A B + beta C, with A (m, k), B (k, n), C (m, n), row by row."""
    _gemm(gemm, _PLAIN, _PLAIN, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc)
