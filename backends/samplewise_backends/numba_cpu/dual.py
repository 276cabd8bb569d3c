"""The dual plan, for one network or several: exact training that never touches the weights."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.gram import FullGram, read_only
from samplewise_backends.numba_cpu.group import Group
from samplewise_backends.numba_cpu.kernels.block import MOVING
from samplewise_backends.numba_cpu.kernels.dual import run_dual
from samplewise_backends.numba_cpu.routines import prepared
from samplewise_backends.numba_cpu.storage import Parameters

Matrix = NDArray[Any]


class _Held:
    """First layers as W = o_00 W0 + o_01 V0 + S_W^T X, and V likewise with o_10, o_11 and S_V.

    Args:
        states: whose first layers these are.
        parameters: W0 and V0, copied.
        X: training rows.
        moving: whether there are velocities.
    """

    def __init__(
        self, states: Sequence[TrainingState], parameters: Parameters, X: Matrix, *, moving: bool
    ) -> None:
        self._vectors = [state.parameters for state in states]
        self.X = X
        self._starts = [parameters.W.copy()]
        self._targets = 2 if moving else 1
        # A velocity is all zero at the start of training, and then its product need not be taken.
        if moving and parameters.V.any():
            self._starts.append(parameters.V.copy())
        rows, units = len(X), len(parameters.W)
        self.base = aligned_zeros(2 * rows * units, X.dtype).reshape(2, rows, units)
        self.S = aligned_zeros(2 * rows * units, X.dtype).reshape(2, rows, units)
        for k, start in enumerate(self._starts):
            np.matmul(X, start.T, out=self.base[k])
        self.origin = np.zeros((4, units), X.dtype)
        self.origin[[0, 3]] = 1
        self._other: tuple[Matrix, list[Matrix], Matrix] | None = None

    def is_of(self, states: Sequence[TrainingState]) -> bool:
        """Return whether these are the first layers of `states`, and not of others."""
        vectors = [state.parameters for state in states]
        return len(vectors) == len(self._vectors) and all(map(operator.is_, vectors, self._vectors))

    def bring_into(self, parameters: Parameters) -> None:
        """Write W (and V)."""
        for k, target in enumerate([parameters.W, parameters.V][: self._targets]):
            np.matmul(self.S[k].T, self.X, out=target)
            for i, start in enumerate(self._starts):
                target += self.origin[2 * k + i][:, None] * start

    def values(self, X: Matrix, gram: Matrix | None) -> Matrix:
        """Return X W^T, (rows, R); `gram` is that of X with the training rows, where known."""
        if X is self.X and gram is not None:
            base = list(self.base)
        else:
            base, gram = self._products_with(X)
        found = gram @ self.S[0]
        for i in range(len(self._starts)):
            found += self.origin[i] * base[i]
        return found

    def _products_with(self, X: Matrix) -> tuple[list[Matrix], Matrix]:
        """Return X times the first weights and times the training rows, once for the same rows."""
        if self._other is None or self._other[0] is not X:
            self._other = X, [X @ start.T for start in self._starts], X @ self.X.T
        return self._other[1], self._other[2]


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
        self._near = np.zeros((group.block, group.block), group.dtype)
        self._held: _Held | None = None
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
        held = self._held_by(states, X)
        parameters = group.storage.enter(states, first=held is None)
        if held is None:
            held = self._hold(states, parameters, X)
        gram = self._gram.covering(X, first)
        law = group.recurrence([step.learning_rate for step in steps])
        space = prepared(group.space, steps, states)
        window = (
            *(first.start, first.stop, group.batch_size, group.block, self._loss, group.form),
            *(False, 0, group.ld),
        )
        run_dual(
            *(self._gemm, read_only(Y), read_only(first.order), window, self._kinds),
            *(group.stack, parameters.theta, held.base, held.S, held.origin, space),
            *(group.buffers, self._gathered, gram, self._near, law, losses),
        )
        group.storage.leave(states, first=False)

    def _hold(self, states: Sequence[TrainingState], parameters: Parameters, X: Matrix) -> _Held:
        self._held = _Held(states, parameters, X, moving=self._group.form == MOVING)
        gathered = aligned_zeros(self._group.block * len(X), self._group.dtype)
        self._gathered = gathered.reshape(-1, len(X))
        return self._held

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, Matrix]:
        """Return the coefficients; the states still have the weights that these start from."""
        if self._held is None or not self._held.is_of(states):
            return {}
        return {"coefficients": self._held.S.copy(), "origin": self._held.origin.copy()}

    def restore(
        self, states: Sequence[TrainingState], X: Matrix, held: Mapping[str, Matrix]
    ) -> None:
        """Go on with these coefficients, where there are some."""
        if held:
            ours = self._hold(states, self._group.storage.enter(states), X)
            ours.S[...], ours.origin[...] = held["coefficients"], held["origin"]

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Bring the first layers into the states; training goes on from there."""
        if self._held is None or not self._held.is_of(states):
            return
        parameters = self._group.storage.enter(states)
        self._held.bring_into(parameters)
        self._group.storage.leave(states)
        self._held = None

    def first_values(self, states: Sequence[TrainingState], X: Matrix) -> Matrix | None:
        """Return the first layers' products with X, (rows, R), or None where the states have W."""
        if self._held is None or not self._held.is_of(states):
            return None
        return self._held.values(X, self._gram.whole(X))

    def _held_by(self, states: Sequence[TrainingState], X: Matrix) -> _Held | None:
        """Return what is held, if it is of these states and rows; else make sure it is not lost."""
        held = self._held
        if held is not None and held.is_of(states) and held.X is X:
            return held
        self.synchronize(states)
        self._held = None
        return None
