"""The direct plan for several equal networks, a network in each lane: batches of one row."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, cast

import numpy as np

from samplewise.network import SGD, Loss, aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.abreast import run_abreast
from samplewise_backends.numba_cpu.kernels.columns import (
    FACTORS,
    IN_VELOCITY,
    MOMENTUM,
    OF_GRADIENT,
    OF_VELOCITY,
)
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix
from samplewise_backends.numba_cpu.plans.lowering import table_across
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import (
    begin_windows,
    describe_network,
    give_buffers,
)
from samplewise_backends.numba_cpu.plans.trainer import States, Trainer, Windows

LINE_BYTES = 64
"""Of a line of the cache, and of the longest vector of any processor."""
STEPS_AT_ONCE = 1024
"""Steps of a call of the kernel: what is kept of each stays in the second nearest cache."""
TABLES = ("rates", "l2", "zeros", "shares", "decisions", "losses")
"""Of `records.ABREAST` and its network, those with a row for each step."""


def columns_of(dtype: DType) -> int:
    """Return the networks that train abreast, at most."""
    return LINE_BYTES // dtype.itemsize


def groups_abreast(
    members: Sequence[Member], indices: Sequence[int], dtype: DType
) -> list[list[int]]:
    """Split networks into groups of equal ones, which train abreast."""
    alike: dict[Any, list[int]] = {}
    for i in indices:
        alike.setdefault((members[i].network, members[i].optimizer.slots), []).append(i)
    most = columns_of(dtype)
    return [same[k : k + most] for same in alike.values() for k in range(0, len(same), most)]


class Abreast(Trainer):
    """Trains networks that `can_be_abreast`, and are equal, row by row, all at once.

    Args:
        members: the networks, at most `columns_of`.
    """

    def __init__(self, members: Sequence[Member], loss: Loss, dtype: DType) -> None:
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
        give_buffers(net, buffered, 0)
        net.set(parameters=self._theta, size=self._theta.size, inputs=inputs)
        net.set(slots=self._velocity, slots_size=self._velocity.size)
        call.inner("rows").set(inputs=inputs)
        ones = self._matrix(1, dtype)
        ones.fill(1)
        call.set(columns=columns, x=self._matrix(2 * inputs, dtype), ones=ones)
        call.set(room=self._matrix(units, dtype), factors=self._factors(dtype))
        self._tables = {name: self._matrix(STEPS_AT_ONCE, dtype) for name in TABLES}
        self._squares = self._matrix(STEPS_AT_ONCE, np.dtype(np.float64))
        net.set(losses=self._tables["losses"])
        own = {name: table for name, table in self._tables.items() if name != "losses"}
        call.set(steps=STEPS_AT_ONCE, squares=self._squares, **own)
        call.settle()

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """As `Trainer.prepare`; each window is set in its turn."""
        return lambda window: self._run(states, X, Y, steps[window], losses[window])

    def _run(self, states: States, X: Matrix, Y: Matrix, steps: Windows, losses: Matrix) -> None:
        first = steps[0]
        for k, state in enumerate(states):
            self._theta[:, k], self._velocity[:, k] = state.parameters, state.optimizer_state
        begin_windows(self._call.inner("network"), Y, [first], [self._tables["losses"]])
        self._call.inner("rows").set(X=X, samples=len(X), order=first.order)
        for start in range(first.start, first.stop, STEPS_AT_ONCE):
            some = slice(start, min(start + STEPS_AT_ONCE, first.stop))
            self._run_some(some, steps, losses)
        for k, state in enumerate(states):
            state.parameters[...] = self._theta[:, k]
            state.optimizer_state[...] = self._velocity[:, k]

    def _run_some(self, some: slice, steps: Windows, losses: Matrix) -> None:
        """Run the steps of some positions of the order."""
        count, tables = some.stop - some.start, self._tables
        own = slice(some.start - steps[0].start, some.stop - steps[0].start)
        for k, (optimizer, step) in enumerate(zip(self._optimizers, steps, strict=True)):
            rates, l2, weights = step.rates, step.l2, step.weights
            shares = 1 if weights is None else weights[step.order[some]]
            tables["rates"][:count, k] = step.learning_rate if rates is None else rates[own]
            tables["l2"][:count, k] = optimizer.l2 + (0 if l2 is None else l2[own])
            tables["shares"][:count, k] = shares
        self._call.inner("rows").set(start=some.start, stop=some.stop)
        self._squares.fill(0)
        self._call()
        for k, step in enumerate(steps):
            losses[k][some] = tables["losses"][:count, k]
            if step.decisions is not None:
                step.decisions[some] = tables["decisions"][:count, k]
            if step.l2 is not None and step.penalties is not None:
                step.penalties[own] = step.l2[own] / 2 * self._squares[:count, k]

    def forget(self) -> None:
        """As `Trainer.forget`."""
        self._call.forget()

    def _matrix(self, rows: int, dtype: DType) -> Matrix:
        return aligned_zeros((rows, self._columns), dtype)

    def _factors(self, dtype: DType) -> Matrix:
        """Return the forms of momentum, as `records.ABREAST` describes them."""
        factors = self._matrix(FACTORS, dtype)
        for k, optimizer in enumerate(self._optimizers):
            factors[MOMENTUM, k] = optimizer.momentum
            factors[IN_VELOCITY, k] = optimizer.rate_in_velocity
            ahead = (1, optimizer.momentum) if optimizer.nesterov else (0, 1)
            factors[[OF_GRADIENT, OF_VELOCITY], k] = ahead
        return factors
