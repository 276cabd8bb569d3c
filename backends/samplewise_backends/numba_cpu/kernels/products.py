"""The first layer's three products, at the speed of the core.

    values:   Z <- X W^T          a block of rows against all units
    update:   W <- W + E^T X      the summed steps of a block
    dual:     Z <- G S            rows of the Gram matrix against coefficients

BLAS libraries are fast at some shapes and slow at others, and which ones differs between
processors: OpenBLAS on AVX-512 runs products of up to 10^6 multiply-adds without packing, at 112
GF/s where larger ones of the same width reach 47 to 90 (float32, 784 inputs, 4 to 256 units);
without AVX-512 a few units at a time run at a tenth of the core's rate. So each product comes
whole, in tiles of at most that size, or as loops of our own; the calibration says which is best.

Matrices in a flat array start at its first element, with the row stride `ld`.
"""

from samplewise_backends.numba_cpu.compile.blas import gemm_nn, gemm_nt, gemm_tn
from samplewise_backends.numba_cpu.compile.jit import (
    inlined_kernel,
    kernel,
    reordered_kernel,
    routine,
)
from samplewise_backends.numba_cpu.compile.views import (
    address_of,
    call,
    matrix_at,
    part,
    row,
    vector_at,
)
from samplewise_backends.numba_cpu.kernels.records import PRODUCT

VALUES, UPDATE, DUAL, GRAM = range(4)
# THIN and ABREAST are of the direct plan alone: see `thin` and `abreast`.
WHOLE, TILED, LOOPS, THIN, ABREAST = range(5)
# OpenBLAS's own limit, interface/gemm.c: m * n * k <= 100^3.
TILE = 1_000_000
TILE_ROWS, TILE_UNITS = 64, 16


@inlined_kernel
def tile(array, r, i, rows, columns, ld):
    """Return a part of a matrix as a flat vector: `rows` x `columns` from (r, i) on."""
    return part(array, r * ld + i, (rows - 1) * ld + columns)


@kernel
def _tile_inner(rows, units):
    """Return the maximum inner length of a tile of rows x units."""
    return TILE // (min(rows, TILE_ROWS) * min(units, TILE_UNITS))


@kernel
def _values_product(way, gemm, X, W, z, ld):
    """Write Z <- X W^T, with X (B, d), W (R, d) and Z (B, R) from z on."""
    if way == LOOPS:
        _values_loops(X, W, z, ld)
        return
    rows, units, inner = X.shape[0], W.shape[0], X.shape[1]
    one, zero = z.dtype.type(1), z.dtype.type(0)
    if way == WHOLE:
        gemm_nt(gemm, rows, units, inner, one, X, inner, W, inner, zero, z, ld)
        return
    step = min(_tile_inner(rows, units), inner)
    width = max(TILE // (min(rows, TILE_ROWS) * step) // TILE_UNITS, 1) * TILE_UNITS
    for r in range(0, rows, TILE_ROWS):
        m = min(TILE_ROWS, rows - r)
        for o in range(0, units, width):
            n = min(width, units - o)
            for i in range(0, inner, step):
                k = min(step, inner - i)
                a, b = tile(X, r, i, m, k, inner), tile(W, o, i, n, k, inner)
                c, beta = tile(z, r, o, m, n, ld), one if i else zero
                gemm_nt(gemm, m, n, k, one, a, inner, b, inner, beta, c, ld)


@kernel
def _update_product(way, gemm, e, ld, X, W):
    """Add to W <- W + E^T X, with E (B, R) from e on, X (B, d) and W (R, d)."""
    if way == LOOPS:
        _update_loops(e, ld, X, W)
        return
    rows, units, inputs = X.shape[0], W.shape[0], X.shape[1]
    one = e.dtype.type(1)
    if way == WHOLE:
        gemm_tn(gemm, units, inputs, rows, one, e, ld, X, inputs, one, W, inputs)
        return
    height = min(units, 2 * TILE_UNITS)
    for r in range(0, rows, TILE_ROWS):
        k = min(TILE_ROWS, rows - r)
        width = max(TILE // (height * k) // TILE_UNITS, 1) * TILE_UNITS
        for o in range(0, units, height):
            m = min(height, units - o)
            for i in range(0, inputs, width):
                n = min(width, inputs - i)
                a, b = tile(e, r, o, k, m, ld), tile(X, r, i, k, n, inputs)
                c = tile(W, o, i, m, n, inputs)
                gemm_tn(gemm, m, n, k, one, a, ld, b, inputs, one, c, inputs)


@kernel
def _dual_product(way, gemm, G, S, z, ld):
    """Add to Z <- Z + G S, with G (B, n), S (n, R) and Z (B, R) from z on."""
    rows, inner, units = G.shape[0], S.shape[0], S.shape[1]
    one = z.dtype.type(1)
    if way == WHOLE:
        gemm_nn(gemm, rows, units, inner, one, G, inner, S, units, one, z, ld)
        return
    step = min(_tile_inner(rows, units), inner)
    width = max(TILE // (min(rows, TILE_ROWS) * step) // TILE_UNITS, 1) * TILE_UNITS
    for r in range(0, rows, TILE_ROWS):
        m = min(TILE_ROWS, rows - r)
        for o in range(0, units, width):
            n = min(width, units - o)
            for i in range(0, inner, step):
                k = min(step, inner - i)
                a, b = tile(G, r, i, m, k, inner), tile(S, i, o, k, n, units)
                gemm_nn(gemm, m, n, k, one, a, inner, b, units, one, tile(z, r, o, m, n, ld), ld)


@kernel
def _gram_block(gemm, X, gram, ld):
    """Write the lower triangle of X X^T, with X (B, d), from gram on; values above it are garbage.

    In stripes of 16 rows that end at the diagonal: half the products of the square.
    """
    rows, inner = X.shape[0], X.shape[1]
    one, zero = gram.dtype.type(1), gram.dtype.type(0)
    for r in range(0, rows, TILE_UNITS):
        m = min(TILE_UNITS, rows - r)
        n = r + m
        step = max(TILE // (m * n), 1)
        for i in range(0, inner, step):
            k = min(step, inner - i)
            a, b = tile(X, r, i, m, k, inner), tile(X, 0, i, n, k, inner)
            c = tile(gram, r, 0, m, n, ld)
            gemm_nt(gemm, m, n, k, one, a, inner, b, inner, one if i else zero, c, ld)


@reordered_kernel
def _values_loops(X, W, z, ld):
    """Two rows and four units at a time: eight sums that fit the registers of AVX2."""
    rows, units = X.shape[0], W.shape[0]
    for o in range(0, units - units % 4, 4):
        for r in range(0, rows - rows % 2, 2):
            w0, w1, w2, w3 = row(W, o), row(W, o + 1), row(W, o + 2), row(W, o + 3)
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
    rows, units, inner, ld = given.rows, given.units, given.inner, given.ld
    way, gemm, like = given.way, given.gemm, given.tiny
    A, z = matrix_at(given.a, rows, inner, like), vector_at(given.z, (rows - 1) * ld + units, like)
    if given.product == VALUES:
        _values_product(way, gemm, A, matrix_at(given.b, units, inner, like), z, ld)
    elif given.product == UPDATE:
        _update_product(way, gemm, z, ld, A, matrix_at(given.b, units, inner, like))
    elif given.product == DUAL:
        _dual_product(way, gemm, A, matrix_at(given.b, inner, units, like), z, ld)
    else:
        _gram_block(gemm, A, z, ld)


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
