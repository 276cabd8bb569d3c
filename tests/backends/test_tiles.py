"""Products and transposes in register tiles: NumPy's numbers at any size, and nothing beyond."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.tiles import multiply_tiles, transpose

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
# Numbers of the longest vector, less one: as much may be overwritten behind a product.
BEYOND = 15
GUARD = -7.5
SIZES = st.integers(1, 40)
QUICK = settings(max_examples=60, derandomize=True, deadline=None, database=None)


def guarded(size, dtype):
    array = aligned_zeros(size + 64, np.dtype(dtype))
    array[...] = GUARD
    return array


def readable(matrix):
    """Return a matrix whose rows can be read to the end of their last vector."""
    rows, columns = matrix.shape
    room = np.full((rows, columns + BEYOND), np.nan, matrix.dtype)
    room[:, :columns] = matrix
    return room


def product(a, b, *, turned=False, start=None, left=None, rectified=False, mask=None):
    """Return a b, or a^T b with `turned`, by tiles, and all that lies behind it.

    start: (units,), added to each row; left: (units, columns), likewise; rectified: negative
    numbers become 0; mask: so do numbers where it is not positive.
    """
    dtype, (units, inner) = a.dtype, a.shape[::-1] if turned else a.shape
    columns, wide = b.shape[1], readable(b)
    out = guarded(units * columns, dtype)
    call = Call(multiply_tiles, dtype)
    call.set(a=a, a_unit=1 if turned else inner, a_inner=units if turned else 1)
    call.set(b=wide, b_ld=wide.shape[1], inner=inner, out=out, out_ld=columns, units=units)
    call.set(columns=columns, times=1, tiny=np.finfo(dtype).tiny)
    call.set(start=np.zeros(1, dtype) if start is None else start, start_unit=start is not None)
    call.set(resumed=left is not None)
    if left is not None:
        out[: units * columns] = left.reshape(-1)
    hidden = out if mask is None else guarded(units * columns, dtype)
    if mask is not None:
        hidden[: units * columns] = mask.reshape(-1)
    call.set(rectified=rectified, mask=hidden, masked=mask is not None)
    call()
    return out[: units * columns].reshape(units, columns), out[units * columns :]


@DTYPES
@pytest.mark.parametrize("units", [7, 8, 16, 23, 33])
@pytest.mark.parametrize("inner", [512, 1024, 1040])
def test_a_product_of_one_vector_is_the_same_where_rows_lie_4_kib_apart(dtype, units, inner):
    rng = np.random.default_rng(units)
    a, b = (rng.standard_normal(shape).astype(dtype) for shape in ((units, inner), (inner, 3)))
    got, behind = product(a, b)
    for u in range(units):
        alone, _ = product(a[u : u + 1], b)
        assert got[u].tobytes() == alone[0].tobytes()
    assert (behind[BEYOND:] == GUARD).all()


@DTYPES
@QUICK
@given(units=SIZES, inner=SIZES, columns=SIZES, turned=st.booleans(), seed=st.integers(0, 99))
def test_a_product_is_numpys_at_any_size_and_ends_with_its_last_vector(
    dtype, units, inner, columns, turned, seed
):
    rng = np.random.default_rng(seed)
    a = rng.standard_normal((inner, units) if turned else (units, inner)).astype(dtype)
    b = rng.standard_normal((inner, columns)).astype(dtype)
    got, behind = product(a, b, turned=turned)
    wide = a.T.astype("float64") if turned else a.astype("float64")
    size = np.abs(wide) @ np.abs(b.astype("float64"))
    error = np.abs(got - wide @ b.astype("float64"))
    assert (error <= inner * np.finfo(dtype).eps * size).all()
    assert (behind[BEYOND:] == GUARD).all()


@DTYPES
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("units", [1, 2, 5, 13])
def test_a_product_hides_no_nan_and_no_infinity_in_any_place(dtype, special, units):
    rng = np.random.default_rng(units)
    a = rng.standard_normal((units, 3)).astype(dtype)
    b = rng.standard_normal((3, 35)).astype(dtype)
    for unit in range(units):
        broken = a.copy()
        broken[unit, 1] = special
        got, _ = product(broken, b)
        assert not np.isfinite(got[unit]).any()
        assert np.isfinite(np.delete(got, unit, axis=0)).all()
    for column in range(35):
        broken = b.copy()
        broken[2, column] = special
        got, _ = product(a, broken)
        assert not np.isfinite(got[:, column]).any()
        assert np.isfinite(np.delete(got, column, axis=1)).all()


@DTYPES
@QUICK
@given(units=SIZES, inner=SIZES, columns=SIZES, seed=st.integers(0, 99))
def test_a_product_starts_at_a_bias_and_ends_in_a_relu_or_in_its_derivative(
    dtype, units, inner, columns, seed
):
    rng = np.random.default_rng(seed)
    a = rng.integers(-3, 4, (units, inner)).astype(dtype)
    b = rng.integers(-3, 4, (inner, columns)).astype(dtype)
    start, mask = rng.integers(-9, 9, units).astype(dtype), rng.integers(-1, 2, (units, columns))
    z = a @ b + start[:, None]
    np.testing.assert_array_equal(product(a, b, start=start)[0], z)
    np.testing.assert_array_equal(product(a, b, start=start, rectified=True)[0], np.maximum(z, 0))
    got, behind = product(a, b, mask=mask.astype(dtype))
    np.testing.assert_array_equal(got, np.where(mask > 0, a @ b, 0))
    assert (behind[BEYOND:] == GUARD).all()


@DTYPES
@QUICK
@given(units=SIZES, inner=SIZES, vectors=st.integers(1, 4), part=st.integers(1, 40))
def test_a_product_in_parts_has_the_bits_of_the_whole(dtype, units, inner, vectors, part):
    rng = np.random.default_rng(inner)
    a = rng.standard_normal((units, inner)).astype(dtype)
    b = rng.standard_normal((inner, vectors * (BEYOND + 1))).astype(dtype)
    start = rng.standard_normal(units).astype(dtype)
    whole, _ = product(a, b, start=start, rectified=True)
    found = None
    for first in range(0, inner, part):
        some = slice(first, first + part)
        ends = first + part >= inner
        found, behind = product(a[:, some].copy(), b[some], start=start, left=found, rectified=ends)
    assert found.tobytes() == whole.tobytes()
    assert (behind == GUARD).all()


@DTYPES
def test_a_relu_keeps_a_nan_and_a_mask_hides_it(dtype):
    a, b = np.full((7, 3), np.nan, dtype), np.ones((3, 35), dtype)
    assert np.isnan(product(a, b, rectified=True)[0]).all()
    mask = np.zeros((7, 35), dtype)
    mask[2, 3] = 1
    np.testing.assert_array_equal(np.isnan(product(a, b, mask=mask)[0]), mask > 0)


def transposed(a, columns, chosen, out_ld, dtype, pitch=None):
    """Return the flat transpose of rows of a matrix, and a copy of these `pitch` apart."""
    out = guarded(columns * out_ld, dtype)
    copied = guarded(len(chosen) * (pitch or columns), dtype)
    call, (a_rows, ld) = Call(transpose, dtype), a.shape
    call.set(a=a, a_rows=a_rows, ld=ld, chosen=chosen, out=out, out_ld=out_ld, tiny=1)
    call.set(rows=len(chosen), columns=columns)
    call.set(copied=copied, pitch=pitch or columns, copies=pitch is not None)
    call()
    return out, copied


@DTYPES
@QUICK
@given(
    rows=SIZES,
    columns=SIZES,
    more=st.integers(0, 9),
    pitch=st.none() | st.integers(0, 9),
    seed=st.integers(0, 99),
)
def test_a_transpose_moves_and_copies_the_chosen_rows_and_writes_nothing_else(
    dtype, rows, columns, more, pitch, seed
):
    a = np.arange(3 * rows * (columns + more), dtype=dtype).reshape(-1, columns + more)
    chosen = np.random.default_rng(seed).integers(0, len(a), rows)
    apart = None if pitch is None else columns + pitch
    out, copied = transposed(a, columns, chosen, rows + more, dtype, apart)
    got = out[: columns * (rows + more)].reshape(columns, rows + more)
    np.testing.assert_array_equal(got[:, :rows], a[chosen, :columns].T)
    assert (got[:, rows:] == GUARD).all()
    assert (out[columns * (rows + more) :] == GUARD).all()
    if apart is None:
        assert (copied == GUARD).all()
        return
    copy = copied[: rows * apart].reshape(rows, apart)
    np.testing.assert_array_equal(copy[:, :columns], a[chosen, :columns])
    assert (copy[:, columns:] == GUARD).all()
    assert (copied[rows * apart :] == GUARD).all()


@DTYPES
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
def test_a_transpose_keeps_nan_and_infinity_in_any_place(dtype, special):
    a = np.zeros((19, 21), dtype)
    a[np.arange(19), np.arange(19)] = special
    out, copied = transposed(a, 21, np.arange(19), 19, dtype, pitch=21)
    np.testing.assert_array_equal(out[: a.size].reshape(21, 19), a.T)
    np.testing.assert_array_equal(copied[: a.size].reshape(19, 21), a)
