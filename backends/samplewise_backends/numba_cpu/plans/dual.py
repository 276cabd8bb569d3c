"""The dual plan, for one network or several: exact training that never touches the weights."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.block import WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.dual import run_dual
from samplewise_backends.numba_cpu.plans.arrays import Matrix, readable_beyond
from samplewise_backends.numba_cpu.plans.gram import FullGram, Rows
from samplewise_backends.numba_cpu.plans.group import Group
from samplewise_backends.numba_cpu.plans.products import add_update, values_of
from samplewise_backends.numba_cpu.plans.storage import Parameters
from samplewise_backends.numba_cpu.plans.trainer import States, Trainer, Windows

HELD = {"coefficients": "S", "velocities": "T", "recent": "recent", "origin": "origin"}
"""Names of the arrays of `_FirstLayers` that a snapshot has."""


class _FirstLayers:
    """First layers in the form of `records.DUAL_RUN`, with their start.

    Args:
        parameters: W0 and V0, copied.
    """

    def __init__(self, states: States, parameters: Parameters, X: Matrix, group: Group) -> None:
        self._vectors = [state.parameters for state in states]
        self.X = X
        self._starts = [parameters.W.copy()]
        velocity = group.form == WITH_MOMENTUM
        self._targets = 2 if velocity else 1
        # A velocity is all zero at the start of training, and then its product need not be taken.
        if velocity and parameters.V.any():
            self._starts.append(parameters.V.copy())
        rows, units, dtype = len(X), len(parameters.W), X.dtype
        span = group.velocity_rows(rows)
        self.base = aligned_zeros((2, rows, units), dtype)
        self.S, self.T = (readable_beyond((n, units), dtype) for n in (rows, span))
        # Before the first steps, any rows: their coefficients are 0.
        self.recent = np.arange(span)
        for k, start in enumerate(self._starts):
            self.base[k] = values_of(X, start)
        self.origin = np.zeros((4, units), dtype)
        self.origin[[0, 3]] = 1
        self._by_time = span < rows
        self.columns = aligned_zeros(group.block * span if self._by_time else 0, dtype)
        self.gram_rows = Rows(group.block, rows, dtype)
        self._other: tuple[Matrix, list[Matrix], Matrix] | None = None

    def is_of(self, states: States) -> bool:
        """Return True if these are the first layers of `states`, and not of others."""
        vectors = [state.parameters for state in states]
        return len(vectors) == len(self._vectors) and all(map(operator.is_, vectors, self._vectors))

    def bring_into(self, parameters: Parameters) -> None:
        """Write W (and V)."""
        rows = self.X[self.recent] if self._by_time else self.X
        of_both = [(parameters.W, self.S, self.X), (parameters.V, self.T, rows)]
        for k, (target, coefficients, of_rows) in enumerate(of_both[: self._targets]):
            target[...] = 0
            add_update(target, coefficients, of_rows)
            for i, start in enumerate(self._starts):
                target += self.origin[2 * k + i][:, None] * start

    def values(self, X: Matrix, gram: Matrix | None) -> Matrix:
        """Return X W^T, (rows, R); `gram` is that of X with the training rows, where known."""
        if X is self.X and gram is not None:
            base = list(self.base)
        else:
            base, gram = self._products_with(X)
        found = gram @ self.S
        for i in range(len(self._starts)):
            found += self.origin[i] * base[i]
        return found

    def _products_with(self, X: Matrix) -> tuple[list[Matrix], Matrix]:
        """Return X times the first weights and times the training rows, once for the same rows."""
        if self._other is None or self._other[0] is not X:
            self._other = X, [X @ start.T for start in self._starts], X @ self.X.T
        return self._other[1], self._other[2]


class Dual(Trainer):
    """Trains a group as coefficients of the training rows.

    The states' first layers are those of the start until `synchronize`.

    Args:
        kinds: how each product is taken, as `kernels.products` numbers them.
        gram: of all rows, which groups may share.
    """

    def __init__(self, group: Group, kinds: tuple[int, int, int], gram: FullGram) -> None:
        self._group, self._gram = group, gram
        self._call = Call(run_dual, group.dtype)
        self._block = self._call.inner("block")
        group.describe(self._block)
        self._block.set(gram=np.zeros((group.block, group.block), group.dtype))
        self._call.set(way=kinds[2])
        self._call.settle()
        self._first: _FirstLayers | None = None

    def forget(self) -> None:
        """As `Trainer.forget`."""
        self._call.forget()
        self._group.forget()
        self._first = None

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """As `Trainer.prepare`: all but the rows of later windows is set before the first one."""
        group, block = self._group, self._block
        known = self._first_of(states, X)
        parameters = group.storage.enter(states, first=known is None)
        first_layers = known or self._begin(states, parameters, X)
        group.prepare(block, parameters, Y, steps, losses)

        def run(window: int) -> None:
            first = steps[window][0]
            group.begin(block, window, steps[window])
            gram = self._gram.covering(X, first)
            first_layers.gram_rows.describe(block.inner("rows"), gram, first)
            self._call()
            group.storage.leave(first=False)

        return run

    def _begin(self, states: States, parameters: Parameters, X: Matrix) -> _FirstLayers:
        first = self._first = _FirstLayers(states, parameters, X, self._group)
        self._call.set(base=first.base, S=first.S, origin=first.origin, T=first.T)
        self._call.set(recent=first.recent, span=len(first.recent), columns=first.columns)
        return first

    def held_state(self, states: States) -> dict[str, Matrix]:
        """Return the coefficients; the states still have the weights that these start from."""
        if self._first is None or not self._first.is_of(states):
            return {}
        return {name: getattr(self._first, at).copy() for name, at in HELD.items()}

    def restore(self, states: States, X: Matrix, held: Mapping[str, Matrix]) -> None:
        """Go on with these coefficients, where there are some.

        Raises:
            ValueError: these are not what this program keeps, but another version's, say; or they
                name rows that do not exist, which no kernel would notice.
        """
        if not held.keys().isdisjoint(HELD):
            first = self._begin(states, self._group.storage.enter(states), X)
            for name, at in HELD.items():
                ours, theirs = getattr(first, at), held.get(name)
                if theirs is None or theirs.shape != ours.shape:
                    got = "none" if theirs is None else theirs.shape
                    raise ValueError(f"{name}: must be an array of shape {ours.shape}, got {got}")
                ours[...] = theirs
            if not np.isin(held["recent"], np.arange(len(X))).all():
                raise ValueError(f"recent: must be rows from 0 to {len(X) - 1}")

    def synchronize(self, states: States) -> None:
        """Bring the first layers into the states; training goes on from there."""
        if self._first is None or not self._first.is_of(states):
            return
        parameters = self._group.storage.enter(states)
        self._first.bring_into(parameters)
        self._group.storage.leave()
        self._first = None

    def first_values(self, states: States, X: Matrix) -> Matrix | None:
        """Return the first layers' products with X, (rows, R), or None where the states have W."""
        if self._first is None or not self._first.is_of(states):
            return None
        return self._first.values(X, self._gram.whole(X))

    def _first_of(self, states: States, X: Matrix) -> _FirstLayers | None:
        """Return the first layers of these states and rows; synchronize others, and return None."""
        first_layers = self._first
        if first_layers is not None and first_layers.is_of(states) and first_layers.X is X:
            return first_layers
        self.synchronize(states)
        self._first = None
        return None
