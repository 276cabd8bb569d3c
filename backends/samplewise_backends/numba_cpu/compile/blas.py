"""The matrix product of SciPy's BLAS, called from compiled code with offsets and strides.

numba's own `np.dot` cannot add to its output, takes whole contiguous arrays only and hides the
shapes at which BLAS is fast. Sizes are not checked: they are the kernels' duty. `lowering_blas` has
the instructions that `gemm` becomes in a kernel.
"""

from __future__ import annotations

import ctypes
import importlib.util
from functools import cache
from pathlib import Path
from typing import Any

from samplewise.threads import library_loaded
from samplewise_backends.numba_cpu.compile.jit import kernel

_NAMES = {"float32": "sgemm", "float64": "dgemm"}
_PLAIN, _TRANSPOSED = ord("N"), ord("T")
# Beside or inside the package, by system: where SciPy's wheels have the library.
_PLACES = ("../scipy.libs/*scipy_openblas*", ".dylibs/*scipy_openblas*")


@cache
def gemm_address(dtype: str) -> int:
    """Return the address of the matrix product of "float32" or "float64".

    It differs in every process, so kernels take it as an argument: a constant would end up in
    the cache of compiled code.
    """
    function = getattr(_bundled_library(), f"scipy_{_NAMES[dtype]}_", None)
    if function is not None:
        return int(ctypes.cast(function, ctypes.c_void_p).value or 0)
    # Another build of SciPy, on a BLAS of the system.
    import scipy.linalg.cython_blas
    from numba.extending import get_cython_function_address

    name = scipy.linalg.cython_blas.__name__
    return int(get_cython_function_address(name, _NAMES[dtype]))


@cache
def has_avx2_kernels() -> bool:
    """Return True if OpenBLAS says that its products are those for AVX2.

    It takes them on processors that it does not know, such as Zen 5 in 0.3.31, AVX-512 or not.
    """
    name_of_core = getattr(_bundled_library(), "scipy_openblas_get_corename", None)
    if name_of_core is None:
        return False
    name_of_core.restype = ctypes.c_char_p
    return name_of_core() in (b"Haswell", b"Zen")


@cache
def _bundled_library() -> ctypes.CDLL | None:
    """Return the library that SciPy brings, without importing SciPy: that takes 0.2 s."""
    scipy = importlib.util.find_spec("scipy")
    if scipy is None or scipy.origin is None:
        return None
    folder = Path(scipy.origin).parent
    for path in (path for place in _PLACES for path in sorted(folder.glob(place))):
        try:
            library = ctypes.CDLL(str(path))
        except OSError:
            continue
        library_loaded()
        return library
    return None


def gemm(
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
) -> None:
    """C <- alpha op(A) op(B) + beta C in Fortran's order, from the first element of each array."""
    number = ctypes.c_float if c.dtype.itemsize == 4 else ctypes.c_double
    integers = [ctypes.c_int32(int(value)) for value in (m, n, k, lda, ldb, ldc)]
    rows, columns, inner, next_a, next_b, next_c = map(ctypes.byref, integers)
    letters = ctypes.c_char(trans_a), ctypes.c_char(trans_b)
    factors = number(float(alpha)), number(float(beta))
    arrays = [array.ctypes.data_as(ctypes.c_void_p) for array in (a, b, c)]
    ctypes.CFUNCTYPE(None, *[ctypes.c_void_p] * 13)(int(address))(
        *map(ctypes.byref, letters),
        *(rows, columns, inner, ctypes.byref(factors[0]), arrays[0], next_a),
        *(arrays[1], next_b, ctypes.byref(factors[1]), arrays[2], next_c),
    )


@kernel
def gemm_nt(address, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """C <- alpha A B^T + beta C, with A (m, k), B (n, k), C (m, n), row by row."""
    gemm(address, _TRANSPOSED, _PLAIN, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc)


@kernel
def gemm_tn(address, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """C <- alpha A^T B + beta C, with A (k, m), B (k, n), C (m, n), row by row."""
    gemm(address, _PLAIN, _TRANSPOSED, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc)


@kernel
def gemm_nn(address, m, n, k, alpha, a, lda, b, ldb, beta, c, ldc):
    """C <- alpha A B + beta C, with A (m, k), B (k, n), C (m, n), row by row."""
    gemm(address, _PLAIN, _PLAIN, n, m, k, alpha, b, ldb, a, lda, beta, c, ldc)
