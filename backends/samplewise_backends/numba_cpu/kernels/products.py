"""The first layer's products, at the speed of the core.

    values:   Z <- X W^T          a block of rows against all units
    update:   W <- W + E^T X      the summed steps of a block
    dual:     Z <- G S            rows of the Gram matrix against coefficients

and the Gram matrix of a block, always in tiles.

BLAS libraries are fast at some shapes and slow at others, and which ones differs between
processors. OpenBLAS on AVX-512 runs products of up to 10^6 multiply-adds without packing, at 112
GF/s where larger ones of the same width reach 47 to 90 (float32, 784 inputs, 4 to 256 units). On a
processor that it does not know, it takes its kernels for AVX2: at 104 GF/s where tiles reach 250. A
few units at a time run at a tenth of the core's rate. So each product comes whole, by BLAS; in
tiles whose sums stay in registers, see `tiled`; or as loops. The calibration says which is best.

Matrices in a flat array start at its first element, with the row stride `ld`.
"""

from samplewise_backends.numba_cpu.compile.blas import gemm_nn, gemm_nt, gemm_tn
from samplewise_backends.numba_cpu.compile.jit import (
    inlined_kernel,
    kernel,
    reordered_kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.vectors import is_wide, lanes_of
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    matrix_at,
    part,
    row,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.records import PRODUCT
from samplewise_backends.numba_cpu.kernels.tiled import (
    dual_in_tiles,
    gram_in_tiles,
    update_in_tiles,
    values_in_tiles,
)

VALUES, UPDATE, DUAL, GRAM = range(4)
# THIN and ABREAST are of the direct plan alone: see `thin` and `abreast`.
WHOLE, TILED, LOOPS, THIN, ABREAST = range(5)
# Multiply-adds that OpenBLAS may take without packing, and a height that suits it. Its own limit,
# interface/gemm.c: m * n * k <= 100^3.
TILE, TILE_UNITS = 1_000_000, 16


@inlined_kernel
def tile(array, r, i, rows, columns, ld):
    """Return a part of a matrix as a flat vector: `rows` x `columns` from (r, i) on."""
    return part(array, r * ld + i, (rows - 1) * ld + columns)


@kernel
def _values_product(given, X, W, z):
    """Write Z <- X W^T, with X (B, d), W (R, d) and Z (B, R) from z on."""
    rows, units, inner = X.shape[0], W.shape[0], X.shape[1]
    one, zero = z.dtype.type(1), z.dtype.type(0)
    if given.way == LOOPS:
        values_by_loops(X, W, z, given.ld)
    elif given.way == TILED:
        values_in_tiles(given, X, W, z, given.zero, 0)
    else:
        gemm_nt(given.gemm, rows, units, inner, one, X, inner, W, inner, zero, z, given.ld)


@kernel
def _update_product(given, e, X, W):
    """Add to W <- W + E^T X, with E (B, R) from e on, X (B, d) and W (R, d)."""
    rows, units, inputs = X.shape[0], W.shape[0], X.shape[1]
    one, ld = e.dtype.type(1), given.ld
    if given.way == WHOLE:
        gemm_tn(given.gemm, units, inputs, rows, one, e, ld, X, inputs, one, W, inputs)
    elif given.way == TILED and inputs >= lanes_of(given.tiny):
        update_in_tiles(given, e, X, W)
    else:
        _update_loops(e, ld, X, W)


@kernel
def _dual_product(given, G, S, z):
    """Add to Z <- Z + G S, with G (B, n), S (n, R) and Z (B, R) from z on."""
    rows, inner, units = G.shape[0], S.shape[0], S.shape[1]
    one = z.dtype.type(1)
    if given.way == TILED:
        dual_in_tiles(given, G, S, z)
    else:
        gemm_nn(given.gemm, rows, units, inner, one, G, inner, S, units, one, z, given.ld)


@reordered_kernel
def values_by_loops(X, W, z, ld):
    """Write Z <- X W^T, with X (B, d), W (R, d or more) and Z (B, R) from z on.

    Four units at a time, and two rows: eight sums that fit the registers of AVX2; or four rows, of
    whose sums AVX-512 has room for 16, so that none waits for another. Of 10 rows and 32 units, 784
    inputs, float32, on a Zen 5: 3.0 us by two rows, 2.4 us by four.
    """
    rows, units = X.shape[0], W.shape[0]
    fours = rows // 4 * 4 if is_wide(z) else 0
    for o in range(0, units - units % 4, 4):
        w0, w1, w2, w3 = row(W, o), row(W, o + 1), row(W, o + 2), row(W, o + 3)
        for r in range(0, fours, 4):
            out = part(z, r * ld + o, 3 * ld + 4)
            x0, x1, x2, x3 = row(X, r), row(X, r + 1), row(X, r + 2), row(X, r + 3)
            _values_4x4(x0, x1, x2, x3, w0, w1, w2, w3, out, ld)
        for r in range(fours, rows - rows % 2, 2):
            out = part(z, r * ld + o, ld + 4)
            _values_2x4(row(X, r), row(X, r + 1), w0, w1, w2, w3, out, ld)
        if rows % 2:
            for u in range(o, o + 4):
                z[(rows - 1) * ld + u] = _dot(row(X, rows - 1), row(W, u))
    for o in range(units - units % 4, units):
        for r in range(rows):
            z[r * ld + o] = _dot(row(X, r), row(W, o))


@reordered_kernel
def _dot(x, w):
    total = x.dtype.type(0)
    for i in range(x.shape[0]):
        total += x[i] * w[i]
    return total


@reordered_kernel
def _values_2x4(x, y, w0, w1, w2, w3, z, ld):
    zero = x.dtype.type(0)
    a0, a1, a2, a3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
    for i in range(x.shape[0]):
        a0 += x[i] * w0[i]
        a1 += x[i] * w1[i]
        a2 += x[i] * w2[i]
        a3 += x[i] * w3[i]
        b0 += y[i] * w0[i]
        b1 += y[i] * w1[i]
        b2 += y[i] * w2[i]
        b3 += y[i] * w3[i]
    z[0], z[1], z[2], z[3] = a0, a1, a2, a3
    z[ld], z[ld + 1], z[ld + 2], z[ld + 3] = b0, b1, b2, b3


@reordered_kernel
def _values_4x4(x0, x1, x2, x3, w0, w1, w2, w3, z, ld):
    zero = x0.dtype.type(0)
    a0, a1, a2, a3, b0, b1, b2, b3 = zero, zero, zero, zero, zero, zero, zero, zero
    c0, c1, c2, c3, d0, d1, d2, d3 = zero, zero, zero, zero, zero, zero, zero, zero
    for i in range(x0.shape[0]):
        a0 += x0[i] * w0[i]
        a1 += x0[i] * w1[i]
        a2 += x0[i] * w2[i]
        a3 += x0[i] * w3[i]
        b0 += x1[i] * w0[i]
        b1 += x1[i] * w1[i]
        b2 += x1[i] * w2[i]
        b3 += x1[i] * w3[i]
        c0 += x2[i] * w0[i]
        c1 += x2[i] * w1[i]
        c2 += x2[i] * w2[i]
        c3 += x2[i] * w3[i]
        d0 += x3[i] * w0[i]
        d1 += x3[i] * w1[i]
        d2 += x3[i] * w2[i]
        d3 += x3[i] * w3[i]
    z[0], z[1], z[2], z[3] = a0, a1, a2, a3
    z[ld], z[ld + 1], z[ld + 2], z[ld + 3] = b0, b1, b2, b3
    z[2 * ld], z[2 * ld + 1], z[2 * ld + 2], z[2 * ld + 3] = c0, c1, c2, c3
    z[3 * ld], z[3 * ld + 1], z[3 * ld + 2], z[3 * ld + 3] = d0, d1, d2, d3


@reordered_kernel
def _update_loops(e, ld, X, W):
    """Four rows at a time, so that W crosses the registers a quarter as often."""
    rows, units = X.shape[0], W.shape[0]
    for o in range(units):
        w = row(W, o)
        for r in range(0, rows - rows % 4, 4):
            e0, e1 = e[r * ld + o], e[(r + 1) * ld + o]
            e2, e3 = e[(r + 2) * ld + o], e[(r + 3) * ld + o]
            x0, x1, x2, x3 = row(X, r), row(X, r + 1), row(X, r + 2), row(X, r + 3)
            for i in range(w.shape[0]):
                w[i] += e0 * x0[i] + e1 * x1[i] + e2 * x2[i] + e3 * x3[i]
        for r in range(rows - rows % 4, rows):
            e0, x0 = e[r * ld + o], row(X, r)
            for i in range(w.shape[0]):
                w[i] += e0 * x0[i]


@routine(PRODUCT)
def first_product(given):
    """Take one product: as a routine, since every plan and the calibration need them."""
    rows, units, inner, like = given.rows, given.units, given.inner, given.tiny
    size = (rows - 1) * given.ld + units
    A, z = matrix_at(given.a, rows, inner, like), vector_at(given.z, size, like)
    if given.product == VALUES:
        _values_product(given, A, matrix_at(given.b, units, inner, like), z)
    elif given.product == UPDATE:
        _update_product(given, z, A, matrix_at(given.b, units, inner, like))
    elif given.product == DUAL:
        _dual_product(given, A, matrix_at(given.b, inner, units, like), z)
    else:
        gram_in_tiles(given, A, z)


@inlined_kernel
def take(given, product, way, A, B, z, ld):
    """Call `first_product`; `given` holds the rest.

    A: (rows, inner), rows of X, or of G for DUAL; B: W (units, inner), or S (inner, units) for
    DUAL, any of `units` rows for GRAM; z: the flat matrix, that of the steps for UPDATE.
    """
    given.product, given.way, given.ld = product, way, ld
    given.rows, given.inner = A.shape[0], A.shape[1]
    given.units = B.shape[1] if product == DUAL else B.shape[0]
    given.a, given.b, given.z = address_of(A), address_of(B), address_of(z)
    call(given.take, given)


@routine(PRODUCT)
def repeat_product(given):
    """Take one product `times` times, for the planner to time."""
    for _ in range(given.times):
        call(given.take, given)
