"""Products of whole matrices, in the tiles of the first layer: see `kernels.products`."""

from __future__ import annotations

from functools import lru_cache

import numpy as np

from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.products import (
    GRAM,
    TILED,
    UPDATE,
    VALUES,
    first_product,
)
from samplewise_backends.numba_cpu.kernels.tiled import room_for
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix
from samplewise_backends.numba_cpu.plans.routines import describe_product


def values_of(X: Matrix, W: Matrix) -> Matrix:
    """Return X W^T, (rows, units), for C-contiguous X (rows, d) and W (units, d)."""
    Z = aligned_zeros((len(X), len(W)), X.dtype)
    # A kernel may write the second matrix of other products.
    _take(VALUES, X, W if W.flags.writeable else W.copy(), Z)
    return Z


def gram_of(X: Matrix) -> Matrix:
    """Return X X^T, (rows, rows), for C-contiguous X (rows, d); half of it is computed."""
    Z = aligned_zeros((len(X), len(X)), X.dtype)
    _take(GRAM, X, Z, Z)
    return np.where(np.tri(len(X), dtype=bool), Z, Z.T)


def add_update(W: Matrix, E: Matrix, X: Matrix) -> None:
    """Add E^T X to W (units, d), for C-contiguous E (rows, units) and X (rows, d)."""
    _take(UPDATE, X, W, E)


def _take(product: int, A: Matrix, B: Matrix, Z: Matrix) -> None:
    """Take a product of A (rows, d) and B (units, d); Z (rows, units) is the result or E.

    The Gram matrix of A asks for the length of B alone.
    """
    (rows, inner), units = A.shape, len(B)
    call = _described(A.dtype, units).repeated(1)
    # Others take products at the same time.
    call.set(room=aligned_zeros(room_for(units), A.dtype))
    call.set(product=product, way=TILED, rows=rows, inner=inner, units=units)
    call.set(a=A, b=B, z=Z, ld=units)
    call()


# To describe one takes a fifth of the time of a product of the report's network.
@lru_cache(64)
def _described(dtype: DType, units: int) -> Call:
    """Return a call for products of so many units, whose room is not to be written."""
    call = Call(first_product, dtype)
    describe_product(call, units)
    call.settle()
    return call
