"""The direct plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import Loss, aligned_zeros
from samplewise_backends.numba_cpu.coefficients import rule_of
from samplewise_backends.numba_cpu.gram import read_only
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.kernels.by_gradient import MOVED_AT_ONCE, run_by_gradient
from samplewise_backends.numba_cpu.kernels.direct import run_direct
from samplewise_backends.numba_cpu.layout import LANES, layer_table
from samplewise_backends.numba_cpu.routines import LOSS_CODES, largest_gradient, prepared, space_of
from samplewise_backends.numba_cpu.storage import Member

Matrix = NDArray[Any]


class Direct:
    """Trains networks step by step, in place, one after the other.

    Args:
        members: what to train.
        batch_size: the most rows of a step.
        gemm: address of the matrix product.
        loss: of all.
        dtype: of everything.
    """

    def __init__(
        self,
        members: Sequence[Member],
        batch_size: int,
        gemm: int,
        loss: Loss,
        dtype: np.dtype[Any],
    ) -> None:
        self._gemm, self._loss, self._dtype = gemm, LOSS_CODES[loss.name], dtype
        self._runs = [_Run(member, batch_size, loss, dtype) for member in members]
        inputs = members[0].network.inputs
        self._gathered = aligned_zeros(batch_size * inputs, dtype).reshape(batch_size, inputs)

    def run(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
    ) -> None:
        """Run all steps; `states`, `steps` and rows of `losses` are the members'."""
        for k, (own, state, step) in enumerate(zip(self._runs, states, steps, strict=True)):
            window = step.start, step.stop, step.batch_size, self._loss
            rule = np.array(rule_of(own.member.optimizer, step.learning_rate), self._dtype)
            space = prepared(own.space, [step], [state])
            rates = NO_RATES if step.rates is None else step.rates
            given = (
                *(self._gemm, read_only(X), read_only(Y), read_only(step.order), window),
                *(own.layers, tables.Theta(state.parameters, state.optimizer_state)),
                *(space, self._gathered, rule),
            )
            if own.member.in_blocks:
                run_direct(*given, losses[k])
            else:
                run_by_gradient(*given, read_only(rates), losses[k])

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


NO_RATES = np.zeros(0)


class _Run:
    """What the kernels need of one network."""

    def __init__(self, member: Member, batch_size: int, loss: Loss, dtype: np.dtype[Any]) -> None:
        self.member = member
        self.layers, size = layer_table(member.network, batch_size, training=True)
        gradient = largest_gradient(self.layers)
        if member.optimizer.clip_norm is not None:
            gradient = member.network.layout.size
        elif not member.in_blocks:
            dense = self.layers[self.layers[:, tables.KIND] == tables.DENSE]
            at_once = [MOVED_AT_ONCE, *(LANES * dense[:, tables.INPUTS]), *dense[:, tables.UNITS]]
            others = self.layers[self.layers[:, tables.KIND] != tables.DENSE]
            gradient = max(*at_once, largest_gradient(others))
        also = (tables.BEHIND if member.in_blocks else tables.MOVE,)
        self.space = space_of([self.layers], size, gradient, loss, dtype, also=also)
