"""The recurrence's coefficients, laid out for the rows of a block."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samplewise.network import SGD
from samplewise_backends.exact.recurrence import Recurrence
from samplewise_backends.vectorized.arrays import DType, Matrix
from samplewise_backends.vectorized.flush import flush_threshold


@dataclass(frozen=True, eq=False)
class BlockEnd:
    """M^T of a block, and the factors of each row's dZ in weights and velocity, (S, n, 1)."""

    powers: Matrix
    responses: Matrix


class BlockCoefficients:
    """Coefficients for a block of up to `rows` rows in batches; they count batches, not rows.

    Attributes:
        shrinks: whether L2 makes the weights smaller.
        of_weights, of_velocity: factors of each row's product with W and V, (rows, 1).
        between: factors of the inner product with row j in Z of row i, (rows, rows).
    """

    def __init__(self, optimizer: SGD, rows: int, batch_size: int, dtype: DType) -> None:
        self._optimizer, self._dtype, self._batch_size = optimizer, dtype, batch_size
        self._step_of_row = np.arange(rows) // batch_size
        self._rate: float | None = None
        self._ends: dict[int, BlockEnd] = {}
        self.shrinks = bool(optimizer.l2)

    def at(self, learning_rate: float) -> None:
        """Set the rate; the same one as before costs nothing."""
        if learning_rate == self._rate:
            return
        self._rate = learning_rate
        self._ends.clear()
        steps = int(self._step_of_row[-1]) + 1
        self._recurrence = Recurrence.of(self._optimizer, learning_rate, steps, self._dtype)
        by_row = self._recurrence.powers[self._step_of_row]
        self.of_weights = self._cast(by_row[:, :1, 0])
        self.of_velocity = self._cast(by_row[:, 0, -1:])
        ago = np.subtract.outer(self._step_of_row, self._step_of_row) - 1
        responses = self._recurrence.responses[np.maximum(ago, 0), 0]
        self.between = self._cast(np.where(ago >= 0, responses, 0))

    def end(self, rows: int) -> BlockEnd:
        """Return the end of a block of some rows; earlier answers are kept."""
        found = self._ends.get(rows)
        if found is None:
            step = self._step_of_row[:rows]
            steps = int(step[-1]) + 1
            powers, responses = self._recurrence.powers, self._recurrence.responses
            by_row = responses[steps - 1 - step].T[:, :, None]
            found = BlockEnd(self._cast(powers[steps]), self._cast(by_row))
            self._ends[rows] = found
        return found

    def _cast(self, values: NDArray[np.float64]) -> Matrix:
        """Return the numbers in the training's dtype, tiny ones as 0: subnormals are slow."""
        kept = np.where(np.abs(values) < flush_threshold(self._dtype), 0, values)
        return np.ascontiguousarray(kept, dtype=self._dtype)
