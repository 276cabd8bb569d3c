"""The dual plan, for one network or several: exact training that never touches the weights."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.gram import FullGram, read_only
from samplewise_backends.numba_cpu.group import Group
from samplewise_backends.numba_cpu.kernels.block import MOVING
from samplewise_backends.numba_cpu.kernels.dual import run_dual
from samplewise_backends.numba_cpu.storage import Parameters

Matrix = NDArray[Any]


class _Coefficients:
    """The first layers as W = o_00 W0 + o_01 V0 + S_W^T X, and V likewise with o_10, o_11, S_V.

    Args:
        parameters: W0 and V0, copied.
        X: training rows.
        moving: whether there are velocities.
    """

    def __init__(self, parameters: Parameters, X: Matrix, *, moving: bool) -> None:
        self._W0, self.X = parameters.W.copy(), X
        self._V0 = parameters.V.copy() if moving else None
        rows, units = len(X), len(parameters.W)
        self.base = aligned_zeros(2 * rows * units, X.dtype).reshape(2, rows, units)
        self.S = aligned_zeros(2 * rows * units, X.dtype).reshape(2, rows, units)
        np.matmul(X, self._W0.T, out=self.base[0])
        # A velocity is all zero at the start of training, and then its product need not be taken.
        self._has_velocity = self._V0 is not None and bool(self._V0.any())
        if self._V0 is not None and self._has_velocity:
            np.matmul(X, self._V0.T, out=self.base[1])
        self.origin = np.zeros((4, units), X.dtype)
        self.origin[[0, 3]] = 1

    def bring_into(self, parameters: Parameters) -> None:
        """Write W (and V)."""
        targets = [parameters.W] if self._V0 is None else [parameters.W, parameters.V]
        for k, target in enumerate(targets):
            np.matmul(self.S[k].T, self.X, out=target)
            target += self.origin[2 * k][:, None] * self._W0
            if self._V0 is not None and self._has_velocity:
                target += self.origin[2 * k + 1][:, None] * self._V0


class Dual:
    """Trains a group as coefficients of the training rows.

    The states' first layers are those of the start until `synchronize`.

    Args:
        group: what to train.
        gemm: address of the matrix product.
        kinds: how each product is taken, as `kernels.products` numbers them.
        gram: of all rows, which groups may share.
        loss: code of the loss.
    """

    def __init__(
        self,
        group: Group,
        gemm: int,
        kinds: tuple[int, int, int],
        gram: FullGram,
        loss: int,
    ) -> None:
        self._group, self._gemm, self._kinds = group, gemm, kinds
        self._gram, self._loss = gram, loss
        self._block_gram = np.zeros((group.block, group.block), group.dtype)
        self._held: _Coefficients | None = None
        self._gathered = np.zeros((0, 0), group.dtype)

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
        if self._held is not None and self._held.X is not X:
            self.synchronize(states)
        parameters = group.storage.enter(states, first=self._held is None)
        if self._held is None:
            self._held = _Coefficients(parameters, X, moving=group.form == MOVING)
            self._gathered = aligned_zeros(group.block * len(X), group.dtype).reshape(-1, len(X))
        held = self._held
        gram = self._gram.covering(X, first)
        found = group.coefficients([step.learning_rate for step in steps])
        window = (
            *(first.start, first.stop, group.batch_size, group.block, self._loss, group.form),
            *(False, 0, group.ld),
        )
        run_dual(
            *(self._gemm, read_only(Y), read_only(first.order), window, self._kinds),
            *(group.tables, group.segments, parameters.rest, parameters.velocity),
            *(group.gradient, held.base, held.S, group.values, group.deltas),
            *(*group.block_buffers, self._gathered, gram, self._block_gram, held.origin),
            *(found.powers, found.lags, found.biases, found.rules, group.tiny, losses),
        )
        group.storage.leave(states, first=False)

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Bring the first layers into the states; training goes on from there."""
        if self._held is None:
            return
        parameters = self._group.storage.enter(states)
        self._held.bring_into(parameters)
        self._group.storage.leave(states)
        self._held = None
