"""The direct plan for several equal networks, a network in each lane: batches of one row."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import SGD, Loss, aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.abreast import (
    FACTORS,
    IN_VELOCITY,
    MOMENTUM,
    OF_GRADIENT,
    OF_VELOCITY,
    run_abreast,
)
from samplewise_backends.numba_cpu.plans.lowering import table_across
from samplewise_backends.numba_cpu.plans.routines import (
    begin_window,
    describe_network,
    give_buffers,
)
from samplewise_backends.numba_cpu.plans.storage import InStates, Member

Matrix = NDArray[Any]

LINE_BYTES = 64
"""Of a line of the cache, and of the longest vector of any processor."""


TABLES = ("rates", "l2", "zeros", "shares", "decisions", "losses")
"""Of `records.ABREAST` and its network, those with a row for each step."""


def columns_of(dtype: np.dtype[Any]) -> int:
    """Return the networks that train abreast, at most."""
    return LINE_BYTES // dtype.itemsize


def groups_abreast(
    members: Sequence[Member], indices: Sequence[int], dtype: np.dtype[Any]
) -> list[list[int]]:
    """Split networks into groups of equal ones, which train abreast."""
    alike: dict[Any, list[int]] = {}
    for i in indices:
        alike.setdefault((members[i].network, members[i].optimizer.slots), []).append(i)
    most = columns_of(dtype)
    return [same[k : k + most] for same in alike.values() for k in range(0, len(same), most)]


class Abreast(InStates):
    """Trains networks that `can_be_abreast`, and are equal, row by row, all at once.

    Args:
        members: the networks, at most `columns_of`.
        loss: of all.
        dtype: of everything.
    """

    def __init__(self, members: Sequence[Member], loss: Loss, dtype: np.dtype[Any]) -> None:
        self._optimizers = [cast(SGD, member.optimizer) for member in members]
        self._columns = columns = columns_of(dtype)
        first, inputs = members[0], members[0].network.inputs
        size = first.network.layout.size
        self._theta = self._matrix(size, dtype)
        self._velocity = self._matrix(first.optimizer.slots * size, dtype)
        layers, buffered = table_across(first.network, columns)
        call = self._call = Call(run_abreast, dtype)
        net, units = call.inner("network"), int(layers["units"].max())
        describe_network(net, layers, loss)
        give_buffers([net], buffered, 0)
        net.set(parameters=self._theta, size=self._theta.size, inputs=inputs)
        net.set(slots=self._velocity, slots_size=self._velocity.size)
        call.inner("rows").set(inputs=inputs)
        ones = self._matrix(1, dtype)
        ones.fill(1)
        call.set(columns=columns, x=self._matrix(2 * inputs, dtype), ones=ones)
        call.set(room=self._matrix(units, dtype), factors=self._factors(dtype))
        call.settle()
        self._squares, self._tables = self._matrix(0, dtype), dict[str, Matrix]()

    def run(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
    ) -> None:
        """Run all steps; `states`, `steps` and rows of `losses` are the members'."""
        first, call = steps[0], self._call
        window = slice(first.start, first.stop)
        tables = self._tables_of(first.count)
        for k, (state, step) in enumerate(zip(states, steps, strict=True)):
            self._theta[:, k], self._velocity[:, k] = state.parameters, state.optimizer_state
            own, weights = self._optimizers[k].l2, step.weights
            tables["rates"][:, k] = step.learning_rate if step.rates is None else step.rates
            tables["l2"][:, k] = own if step.l2 is None else own + step.l2
            tables["shares"][:, k] = 1 if weights is None else weights[step.order[window]]
        begin_window(call.inner("network"), states[0], Y, first, tables["losses"])
        rows = call.inner("rows")
        rows.set(X=X, samples=len(X), order=first.order, start=first.start, stop=first.stop)
        call.set(steps=first.count, squares=self._squares)
        call.set(**{name: table for name, table in tables.items() if name != "losses"})
        self._squares.fill(0)
        call()
        for k, (state, step) in enumerate(zip(states, steps, strict=True)):
            state.parameters[...] = self._theta[:, k]
            state.optimizer_state[...] = self._velocity[:, k]
            losses[k, window] = tables["losses"][:, k]
            if step.decisions is not None:
                step.decisions[window] = tables["decisions"][:, k]
            if step.l2 is not None and step.penalties is not None:
                step.penalties[...] = step.l2 / 2 * self._squares[:, k]

    def forget(self) -> None:
        """As `Trainer.forget`."""
        self._call.forget()

    def _tables_of(self, steps: int) -> dict[str, Matrix]:
        """Return the numbers of each step of a window, (steps, columns), kept while they fit."""
        if steps != len(self._squares):
            dtype = self._call.dtype
            self._tables = {name: self._matrix(steps, dtype) for name in TABLES}
            self._squares = self._matrix(steps, np.dtype(np.float64))
        return self._tables

    def _matrix(self, rows: int, dtype: np.dtype[Any]) -> Matrix:
        return aligned_zeros(rows * self._columns, dtype).reshape(rows, self._columns)

    def _factors(self, dtype: np.dtype[Any]) -> Matrix:
        """Return the forms of momentum, as `records.ABREAST` describes them."""
        factors = self._matrix(FACTORS, dtype)
        for k, optimizer in enumerate(self._optimizers):
            factors[MOMENTUM, k] = optimizer.momentum
            factors[IN_VELOCITY, k] = optimizer.rate_in_velocity
            ahead = (1, optimizer.momentum) if optimizer.nesterov else (0, 1)
            factors[[OF_GRADIENT, OF_VELOCITY], k] = ahead
        return factors
