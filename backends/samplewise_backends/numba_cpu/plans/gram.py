"""Gram matrices of the training rows, kept as long as they hold."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.locks import new_lock
from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.blocked import fill_gram
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix
from samplewise_backends.numba_cpu.plans.products import gram_of, values_of
from samplewise_backends.numba_cpu.plans.routines import describe_product
from samplewise_backends.numba_cpu.plans.threads import Each, in_turn

ROWS_AT_ONCE = 256
"""Rows of a strip of `FullGram`."""
ORDERS_AT_ONCE = 2
"""Orders whose blocks `GramBlocks` keeps."""
Blocks = dict[tuple[int, int], Matrix]
"""Blocks by the start and the stop of their steps."""


class Rows:
    """The training rows in the order of an epoch, and the buffer where a block is gathered.

    Args:
        rows: of a block, at most.
    """

    def __init__(self, rows: int, inputs: int, dtype: DType) -> None:
        self.dtype = dtype
        self._gathered = aligned_zeros((rows, inputs), dtype)
        self.forget()

    def forget(self) -> None:
        """Let go of the order."""
        self._order: NDArray[np.int64] | None = None
        self._consecutive = False
        self._described: tuple[int, ...] = ()

    def describe(self, rows: Struct, X: Matrix, steps: Steps) -> None:
        """Write a window into a `records.ROWS`."""
        if steps.order is not self._order:
            self._order = steps.order
            # Then the rows are taken as they lie, without gathering.
            self._consecutive = bool((np.diff(steps.order) == 1).all())
            self._described = ()
        # Epoch after epoch they are the same. The record holds X, whose id no other array gets.
        described = id(rows), id(X), steps.start, steps.stop
        if described == self._described:
            return
        at_once, inputs = self._gathered.shape
        rows.set(X=X, samples=len(X), inputs=inputs, gathered=self._gathered, at_once=at_once)
        rows.set(order=steps.order, start=steps.start, stop=steps.stop, in_order=self._consecutive)
        # Not earlier: an array that is refused would be taken the second time.
        self._described = described


class GramBlocks:
    """The Gram matrix of each block, for the same rows in the same order.

    Groups that share it train in several threads, and one may be an epoch ahead of another: the
    blocks of the last two orders are kept.
    """

    def __init__(self, block: int, rows: Rows) -> None:
        self._block, self._rows = block, rows
        self._call = Call(fill_gram, rows.dtype)
        describe_product(self._call.inner("product"), block)
        self._call.settle()
        self._lock = new_lock()
        self.forget()

    def forget(self) -> None:
        """Let go of all blocks, and of the rows and the orders that they are of."""
        self._call.forget()
        self._rows.forget()
        # Rows and orders are kept alive, so that no other array can get the identity of one.
        self._X: Matrix | None = None
        self._kept: list[tuple[NDArray[np.int64], Blocks]] = []

    def of(self, X: Matrix, steps: Steps) -> Matrix:
        """Return the blocks of a window, (stop - start, block), kept where they still hold."""
        with self._lock:
            windows, window = self._windows_of(X, steps.order), (steps.start, steps.stop)
            if window not in windows:
                gram = aligned_zeros((steps.stop - steps.start, self._block), X.dtype)
                self._rows.describe(self._call.inner("rows"), X, steps)
                self._call.set(gram=gram)
                self._call()
                windows[window] = gram
            return windows[window]

    def _windows_of(self, X: Matrix, order: NDArray[np.int64]) -> Blocks:
        if self._X is not X:
            self._X, self._kept = X, []
        for known, windows in self._kept:
            if known is order:
                return windows
        self._kept = [*self._kept[1 - ORDERS_AT_ONCE :], (order, {})]
        return self._kept[-1][1]


class FullGram:
    """The Gram matrix of all training rows, grown as rows are first seen.

    A row's products with rows that no step has touched yet are not needed, so each call fills in
    the rows of its window against all rows seen, and mirrors them: half the work of the square,
    spread over the first epoch, so that an interrupt need not wait for all of it. Windows are
    filled up to whole strips, so that strips and last bits are the same wherever an epoch is cut.
    """

    def __init__(self) -> None:
        self.forget()

    def forget(self) -> None:
        """Let go of the matrix, and of the rows that it is of."""
        self._begin(None)

    @property
    def filled(self) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """The rows seen, in their order, and how many of them there were after each call."""
        return self._seen.copy(), np.array(self._fills, np.int64)

    def refill(self, X: Matrix, seen: NDArray[np.int64], fills: NDArray[np.int64]) -> None:
        """Compute the products of rows seen before in the same strips, so to the same bits."""
        self._begin(X)
        for start, stop in zip([0, *fills[:-1]], fills, strict=True):
            self._fill(X, seen[start:stop], in_turn)

    def covering(self, X: Matrix, steps: Steps, each: Each = in_turn) -> Matrix:
        """Return the matrix (n, n), valid for all rows that steps have touched up to `steps`."""
        if self._X is not X:
            self._begin(X)
        elif self._is_whole:
            return self._gram
        rows = steps.order[steps.start : -(-steps.stop // ROWS_AT_ONCE) * ROWS_AT_ONCE]
        new = rows[~self._has[rows]]
        if len(new):
            self._fill(X, new, each)
        return self._gram

    def whole(self, X: Matrix) -> Matrix | None:
        """Return the matrix if it is that of all rows of X."""
        return self._gram if X is self._X and self._is_whole else None

    @property
    def _is_whole(self) -> bool:
        return len(self._seen) == len(self._gram)

    def _begin(self, X: Matrix | None) -> None:
        self._X = X
        rows, dtype = (0, np.float64) if X is None else (len(X), X.dtype)
        self._gram = aligned_zeros((rows, rows), dtype)
        self._seen, self._has = np.zeros(0, np.int64), np.zeros(rows, bool)
        self._fills: list[int] = []

    def _fill(self, X: Matrix, new: NDArray[np.int64], each: Each) -> None:
        """Write the products of new rows with themselves and with all rows seen, and mirror them.

        In strips, whose edges do not depend on how many threads take them.
        """
        self._has[new] = True
        done = len(self._seen)
        self._seen = np.concatenate([self._seen, new])
        self._fills.append(len(self._seen))

        def strip(start: int) -> None:
            rows = self._seen[start : start + ROWS_AT_ONCE]
            A = X[_span(rows)]
            for first in range(0, start, ROWS_AT_ONCE):
                earlier = self._seen[first : min(first + ROWS_AT_ONCE, start)]
                products = values_of(A, X[_span(earlier)])
                self._place(rows, earlier, products)
                self._place(earlier, rows, products.T)
            self._place(rows, rows, gram_of(A))

        # The last has most to do: begun first, it delays no thread at the end.
        each(strip, range(done, len(self._seen), ROWS_AT_ONCE)[::-1])

    def _place(self, rows: NDArray[np.int64], columns: NDArray[np.int64], products: Matrix) -> None:
        place = _span(rows), _span(columns)
        both = all(isinstance(span, slice) for span in place)
        self._gram[place if both else np.ix_(rows, columns)] = products


def _span(rows: NDArray[np.int64]) -> slice | NDArray[np.int64]:
    """Return rows that lie one after the other as a slice, which makes a view of them."""
    if (np.diff(rows) == 1).all():
        return slice(rows[0], rows[-1] + 1)
    return rows
