"""The blocked plan, for one network or several."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise_backends.numba_cpu.kernels.blocked import (
    NO_GRAM,
    READ_GRAM,
    SCRATCH_GRAM,
    run_blocked,
)
from samplewise_backends.numba_cpu.plans.gram import GramBlocks, Rows, read_only
from samplewise_backends.numba_cpu.plans.group import Group
from samplewise_backends.numba_cpu.plans.routines import prepared
from samplewise_backends.numba_cpu.plans.storage import InStates

Matrix = NDArray[Any]


class Blocked(InStates):
    """Trains a group by blocks; the states hold all of the training state between calls.

    Args:
        group: the networks.
        gemm: address of the matrix product.
        kinds: how each product is taken, as `kernels.products` numbers them.
        rows: where rows are gathered.
        gram: kept Gram blocks, which groups may share, or None to compute them every time.
    """

    def __init__(
        self,
        group: Group,
        gemm: int,
        kinds: tuple[int, int, int],
        rows: Rows,
        gram: GramBlocks | None,
    ) -> None:
        self._group, self._gemm, self._kinds = group, gemm, kinds
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
        window = group.window(first, in_order=self._rows.in_order(first.order), gram=code)
        parameters = group.storage.enter(states)
        data = read_only(X), read_only(Y), read_only(first.order)
        trained = parameters.theta, parameters.W, parameters.V
        written = prepared(group.space, steps, states), group.buffers, self._rows.buffers
        known = gram, group.terms(steps)
        run_blocked(
            self._gemm, *data, window, self._kinds, group.stack, *trained, *written, *known, losses
        )
        group.storage.leave(states)

    def _gram_of(self, X: Matrix, steps: Steps) -> tuple[Matrix, int]:
        if self._group.block == self._group.batch_size:
            return self._scratch_gram, NO_GRAM
        if self._gram is None:
            return self._scratch_gram, SCRATCH_GRAM
        return self._gram.of(X, steps), READ_GRAM
