"""Inner products of the rows of a block, which follow from the data and their order alone."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samplewise.network import aligned_zeros
from samplewise_backends.vectorized.arrays import DType, Matrix


class Gram:
    """X X^T of blocks of rows, kept as long as rows and order stay the same arrays.

    Args:
        size: inner products of the longest block.
        budget: maximum bytes to keep; products beyond it are computed each time.
    """

    def __init__(self, size: int, dtype: DType, budget: int) -> None:
        self._dtype, self._budget = dtype, budget
        self._scratch = aligned_zeros(size, dtype)
        self._kept: dict[tuple[int, int], Matrix] = {}
        self._arrays: tuple[Matrix, NDArray[np.int64]] | None = None
        self._room = 0

    def begin(self, X: Matrix, order: NDArray[np.int64]) -> None:
        """Take the data of a call, and drop the products of other data.

        Arrays that may be written to are others each time: they may have been.
        """
        if self._arrays is not None and X is self._arrays[0] and order is self._arrays[1]:
            return
        lasting = not (X.flags.writeable or order.flags.writeable)
        # The arrays are held, so that no other can come to lie where they were.
        self._arrays = (X, order) if lasting else None
        self._room = self._budget if lasting else 0
        self._kept.clear()

    def of(self, rows: Matrix, first: int) -> Matrix:
        """Return the inner products (n, n) of a block: rows X[order[first : first + n]]."""
        n = len(rows)
        found = self._kept.get((first, n))
        if found is not None:
            return found
        size = n * n * self._dtype.itemsize
        if size <= self._room:
            self._room -= size
            products = self._kept[first, n] = aligned_zeros((n, n), self._dtype)
        else:
            products = self._scratch[: n * n].reshape(n, n)
        # BLAS sees that both factors are the same, and computes one half.
        return np.dot(rows, rows.T, out=products)
