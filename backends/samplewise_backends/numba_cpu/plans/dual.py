"""The dual plan, for one network or several: exact training that never touches the weights."""

from __future__ import annotations

import operator
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.kernels.block import WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.dual import run_dual
from samplewise_backends.numba_cpu.plans.gram import FullGram, read_only
from samplewise_backends.numba_cpu.plans.group import Group
from samplewise_backends.numba_cpu.plans.routines import prepared
from samplewise_backends.numba_cpu.plans.storage import Parameters

Matrix = NDArray[Any]


class _FirstLayers:
    """First layers in the form `tables.Dual`, with their start.

    Args:
        states: of the networks.
        parameters: W0 and V0, copied.
        X: training rows.
        velocity: whether there are velocities.
    """

    def __init__(
        self,
        states: Sequence[TrainingState],
        parameters: Parameters,
        X: Matrix,
        *,
        velocity: bool,
    ) -> None:
        self._vectors = [state.parameters for state in states]
        self.X = X
        self._starts = [parameters.W.copy()]
        self._targets = 2 if velocity else 1
        # A velocity is all zero at the start of training, and then its product need not be taken.
        if velocity and parameters.V.any():
            self._starts.append(parameters.V.copy())
        rows, units = len(X), len(parameters.W)
        base, S = (
            aligned_zeros(2 * rows * units, X.dtype).reshape(2, rows, units) for _ in range(2)
        )
        for k, start in enumerate(self._starts):
            np.matmul(X, start.T, out=base[k])
        origin = np.zeros((4, units), X.dtype)
        origin[[0, 3]] = 1
        self.form = tables.Dual(base, S, origin)
        self._other: tuple[Matrix, list[Matrix], Matrix] | None = None

    def is_of(self, states: Sequence[TrainingState]) -> bool:
        """Return True if these are the first layers of `states`, and not of others."""
        vectors = [state.parameters for state in states]
        return len(vectors) == len(self._vectors) and all(map(operator.is_, vectors, self._vectors))

    def bring_into(self, parameters: Parameters) -> None:
        """Write W (and V)."""
        for k, target in enumerate([parameters.W, parameters.V][: self._targets]):
            np.matmul(self.form.S[k].T, self.X, out=target)
            for i, start in enumerate(self._starts):
                target += self.form.origin[2 * k + i][:, None] * start

    def values(self, X: Matrix, gram: Matrix | None) -> Matrix:
        """Return X W^T, (rows, R); `gram` is that of X with the training rows, where known."""
        if X is self.X and gram is not None:
            base = list(self.form.base)
        else:
            base, gram = self._products_with(X)
        found = gram @ self.form.S[0]
        for i in range(len(self._starts)):
            found += self.form.origin[i] * base[i]
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
        group: the networks.
        gemm: address of the matrix product.
        kinds: how each product is taken, as `kernels.products` numbers them.
        gram: of all rows, which groups may share.
    """

    def __init__(
        self, group: Group, gemm: int, kinds: tuple[int, int, int], gram: FullGram
    ) -> None:
        self._group, self._gemm, self._kinds = group, gemm, kinds
        self._gram = gram
        self._near = np.zeros((group.block, group.block), group.dtype)
        self._first: _FirstLayers | None = None
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
        first_layers = self._first_of(states, X)
        parameters = group.storage.enter(states, first=first_layers is None)
        if first_layers is None:
            first_layers = self._begin(states, parameters, X)
        gram = self._gram.covering(X, first)
        data = read_only(Y), read_only(first.order), group.window(first)
        trained = parameters.theta, first_layers.form
        written = prepared(group.space, steps, states), group.buffers, self._gathered
        known = gram, self._near, group.terms(steps)
        run_dual(self._gemm, *data, self._kinds[2], group.stack, *trained, *written, *known, losses)
        group.storage.leave(states, first=False)

    def _begin(
        self, states: Sequence[TrainingState], parameters: Parameters, X: Matrix
    ) -> _FirstLayers:
        group = self._group
        self._first = _FirstLayers(states, parameters, X, velocity=group.form == WITH_MOMENTUM)
        self._gathered = aligned_zeros(group.block * len(X), group.dtype).reshape(-1, len(X))
        return self._first

    def held_state(self, states: Sequence[TrainingState]) -> dict[str, Matrix]:
        """Return the coefficients; the states still have the weights that these start from."""
        if self._first is None or not self._first.is_of(states):
            return {}
        form = self._first.form
        return {"coefficients": form.S.copy(), "origin": form.origin.copy()}

    def restore(
        self, states: Sequence[TrainingState], X: Matrix, held: Mapping[str, Matrix]
    ) -> None:
        """Go on with these coefficients, where there are some."""
        if held:
            form = self._begin(states, self._group.storage.enter(states), X).form
            form.S[...], form.origin[...] = held["coefficients"], held["origin"]

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Bring the first layers into the states; training goes on from there."""
        if self._first is None or not self._first.is_of(states):
            return
        parameters = self._group.storage.enter(states)
        self._first.bring_into(parameters)
        self._group.storage.leave(states)
        self._first = None

    def first_values(self, states: Sequence[TrainingState], X: Matrix) -> Matrix | None:
        """Return the first layers' products with X, (rows, R), or None where the states have W."""
        if self._first is None or not self._first.is_of(states):
            return None
        return self._first.values(X, self._gram.whole(X))

    def _first_of(self, states: Sequence[TrainingState], X: Matrix) -> _FirstLayers | None:
        """Return the first layers of these states and rows; synchronize others, and return None."""
        first_layers = self._first
        if first_layers is not None and first_layers.is_of(states) and first_layers.X is X:
            return first_layers
        self.synchronize(states)
        self._first = None
        return None
