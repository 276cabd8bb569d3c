"""The first layer's products in register tiles: NumPy's numbers at any size, and nothing beyond."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samplewise.network import SGD, aligned_zeros, loss_named, multilayer_perceptron
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.products import (
    DUAL,
    GRAM,
    TILED,
    UPDATE,
    VALUES,
    first_product,
)
from samplewise_backends.numba_cpu.kernels.records import BLOCK, LANES
from samplewise_backends.numba_cpu.kernels.tiled import PART, ROWS_OF_UPDATE, ROWS_OF_VALUES
from samplewise_backends.numba_cpu.plans import group
from samplewise_backends.numba_cpu.plans.arrays import readable_beyond
from samplewise_backends.numba_cpu.plans.lowering import padded
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.products import add_update, values_of
from samplewise_backends.numba_cpu.plans.routines import describe_product

DTYPES = pytest.mark.parametrize("dtype", ["float32", "float64"])
KINDS = pytest.mark.parametrize("kind", [VALUES, UPDATE, DUAL, GRAM])
GUARD = -7.5
SIZES = st.integers(1, 40)
QUICK = settings(max_examples=60, derandomize=True, deadline=None, database=None)


def drawn(kind, rows, inner, units, dtype, seed=0):
    """Return A, B and Z of a product, of which each has its own place and what lies behind it."""
    rng = np.random.default_rng(seed)
    A = rng.standard_normal((rows, inner)).astype(dtype)
    B = readable_beyond((inner, units) if kind == DUAL else (units, inner), np.dtype(dtype))
    B[...] = A if kind == GRAM else rng.standard_normal(B.shape)
    ld = units + 3 if kind in (VALUES, UPDATE) else units if kind == GRAM else padded(units)
    Z = aligned_zeros((rows + 1, ld), np.dtype(dtype))
    Z[...] = GUARD
    Z[:rows, :units] = rng.standard_normal((rows, units))
    return A, B, Z


def taken(kind, A, B, Z):
    """Take a product by the kernel, in place."""
    call, (rows, inner) = Call(first_product, A.dtype), A.shape
    units = B.shape[1] if kind == DUAL else B.shape[0]
    describe_product(call, max(units, rows))
    call.set(product=kind, way=TILED, rows=rows, inner=inner, units=units)
    call.set(a=A, b=B, z=Z, ld=Z.shape[1])
    call()


def check(kind, rows, inner, units, dtype, seed=0):
    units = rows if kind == GRAM else units
    A, B, Z = drawn(kind, rows, inner, units, dtype, seed)
    a, b, z = (each.astype("float64") for each in (A, B, Z[:rows, :units]))
    taken(kind, A, B, Z)
    inputs = np.abs(a), np.abs(b), np.abs(z)
    if kind == UPDATE:
        got, want, size, terms = B, b + z.T @ a, inputs[1] + inputs[2].T @ inputs[0], rows
    elif kind == DUAL:
        got, want, size, terms = Z, z + a @ b, inputs[2] + inputs[0] @ inputs[1], inner
    else:
        got, want, size, terms = Z, a @ b.T, inputs[0] @ inputs[1].T, inner
    got = got if kind == UPDATE else got[:rows, :units]
    if kind == GRAM:
        got, want, size = np.tril(got), np.tril(want), np.tril(size)
    error = np.abs(got - want)
    assert (error <= (terms + 2) * np.finfo(dtype).eps * size).all()
    # Rows of `ld` numbers may be written whole by the dual product, and by no other.
    assert (Z[rows:] == GUARD).all()
    assert kind == DUAL or (Z[:rows, units:] == GUARD).all()


@DTYPES
@KINDS
@QUICK
@given(rows=SIZES, inner=SIZES, units=SIZES, seed=st.integers(0, 99))
def test_a_product_is_numpys_at_any_size(dtype, kind, rows, inner, units, seed):
    check(kind, rows, inner, units, dtype, seed)


LARGE = {
    "rows": (2 * ROWS_OF_UPDATE + ROWS_OF_VALUES + 5, 19, 7),
    "inner": (9, 2 * PART // ROWS_OF_VALUES + 21, 7),
    "units": (9, 19, 150),
    "inputs of an update": (77, 2 * (PART // 77) + 19, 7),
    "rows 4 KiB apart": (ROWS_OF_UPDATE + 5, 1024, 39),
    "one vector of rows 4 KiB apart": (8, 1024, 39),
    "rows 4 KiB apart in parts": (16, 4096, 21),
    "rows 4 KiB apart of float64": (7, 512, 21),
    "all": (ROWS_OF_UPDATE + 1, PART // ROWS_OF_VALUES + 1, 70),
}


@DTYPES
@KINDS
@pytest.mark.parametrize("sizes", LARGE.values(), ids=LARGE)
def test_a_product_in_several_parts_is_numpys_too(dtype, kind, sizes):
    check(kind, *sizes, dtype)


@KINDS
@pytest.mark.parametrize("special", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("column", [0, 15, 16, 20])
def test_a_product_hides_no_nan_and_no_infinity(kind, special, column):
    A, B, Z = drawn(kind, 21, 21, 21, "float64")
    A[5, column] = special
    if kind == GRAM:
        B[...] = A
    for positive in (B, Z):
        np.abs(positive, out=positive)
    taken(kind, A, B, Z)
    found = B.T if kind == UPDATE else Z[:21, :21]
    if kind == GRAM:
        found = np.where(np.tri(21, dtype=bool), found, found.T)
    has_one = column if kind == UPDATE else 5
    assert not np.isfinite(found[has_one]).any()
    others = np.delete(np.arange(21), has_one)
    assert np.isfinite(found[np.ix_(others, others)]).all()


def test_products_of_whole_matrices_take_rows_that_cannot_be_written():
    rng = np.random.default_rng(0)
    X, W = rng.standard_normal((300, 33)), rng.standard_normal((17, 33))
    for array in (X, W):
        array.flags.writeable = False
    np.testing.assert_allclose(values_of(X, W), X @ W.T, rtol=0, atol=1e-12)
    E, target = rng.standard_normal((300, 17)), W.copy()
    add_update(target, E, X)
    np.testing.assert_allclose(target, W + E.T @ X, rtol=0, atol=1e-12)


def test_behind_an_array_that_is_readable_beyond_there_is_a_vector():
    array = readable_beyond((3, 5), np.dtype("float64"))
    assert array.base.nbytes >= array.nbytes + LANES * array.itemsize


def test_a_group_has_room_for_the_rows_of_a_block_and_for_its_units(monkeypatch):
    seen = []
    monkeypatch.setattr(group, "describe_product", lambda product, units: seen.append(units))
    for units in (1, 300):
        member = Member(multilayer_perceptron(4, (units,), 1), SGD())
        loss, dtype = loss_named("binary_cross_entropy"), np.dtype("float64")
        group.Group([member], 1, 128, loss, dtype).describe(Struct(BLOCK, dtype))
    assert seen == [128, padded(300)]
