"""The blocked plan, for one network or several."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise_backends.numba_cpu.gram import GramBlocks, Rows, read_only
from samplewise_backends.numba_cpu.group import Group
from samplewise_backends.numba_cpu.kernels.blocked import (
    NO_GRAM,
    READ_GRAM,
    SCRATCH_GRAM,
    run_blocked,
)
from samplewise_backends.numba_cpu.routines import prepared

Matrix = NDArray[Any]


class Blocked:
    """Trains a group by blocks; the states hold all of the training state between calls.

    Args:
        group: what to train.
        gemm: address of the matrix product.
        kinds: how each product is taken, as `kernels.products` numbers them.
        rows: where rows are gathered.
        gram: kept Gram blocks, which groups may share, or None to compute them every time.
        loss: code of the loss.
    """

    def __init__(
        self,
        group: Group,
        gemm: int,
        kinds: tuple[int, int, int],
        rows: Rows,
        gram: GramBlocks | None,
        loss: int,
    ) -> None:
        self._group, self._gemm, self._kinds, self._loss = group, gemm, kinds, loss
        self._rows, self._gram = rows, gram
        block = group.block
        self._scratch_gram = np.zeros((block, block), group.dtype)

    def run(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
    ) -> None:
        """Run all steps; `states`, `steps` and rows of `losses` are the members'."""
        group, first = self._group, steps[0]
        gram, code = self._gram_of(X, first)
        law = group.recurrence([step.learning_rate for step in steps])
        space = prepared(group.space, steps, states)
        parameters = group.storage.enter(states)
        window = (
            *(first.start, first.stop, group.batch_size, group.block, self._loss, group.form),
            *(self._rows.in_order(first.order), code, group.ld),
        )
        run_blocked(
            *(self._gemm, read_only(X), read_only(Y), read_only(first.order), window),
            *(self._kinds, group.stack, parameters.theta, parameters.W, parameters.V),
            *(space, group.buffers, self._rows.buffers, gram, law, losses),
        )
        group.storage.leave(states)

    def _gram_of(self, X: Matrix, steps: Steps) -> tuple[Matrix, int]:
        if self._group.block == self._group.batch_size:
            return self._scratch_gram, NO_GRAM
        if self._gram is None:
            return self._scratch_gram, SCRATCH_GRAM
        return self._gram.of(X, steps), READ_GRAM

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Do nothing: the states are what kernels updated."""

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, Matrix]:
        """Return nothing: the states are what kernels updated."""
        return {}

    def restore(
        self, states: Sequence[TrainingState], X: Matrix, held: Mapping[str, Matrix]
    ) -> None:
        """Do nothing: the states are what kernels update."""

    def first_values(self, states: Sequence[TrainingState], X: Matrix) -> Matrix | None:
        """Return None: the states have the weights."""
        return None
