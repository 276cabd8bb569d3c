"""The direct plan of one network."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import aligned_zeros
from samplewise_backends.numba_cpu.coefficients import rule_of
from samplewise_backends.numba_cpu.gram import read_only
from samplewise_backends.numba_cpu.kernels.direct import run_direct
from samplewise_backends.numba_cpu.kernels.tables import Space, Theta
from samplewise_backends.numba_cpu.layout import layer_table, smallest_normal
from samplewise_backends.numba_cpu.storage import Member

Matrix = NDArray[Any]


class Direct:
    """Trains networks step by step, in place, one after the other.

    Args:
        members: what to train.
        batch_size: the most rows of a step.
        gemm: address of the matrix product.
        loss: code of the loss.
        dtype: of everything.
    """

    def __init__(
        self,
        members: Sequence[Member],
        batch_size: int,
        gemm: int,
        loss: int,
        dtype: np.dtype[Any],
    ) -> None:
        self._members, self._gemm, self._loss, self._dtype = members, gemm, loss, dtype
        found = [layer_table(member.network, batch_size) for member in members]
        self._layers = [table for table, _ in found]
        size = max(length for _, length in found)
        inputs = members[0].network.inputs
        self._gathered = aligned_zeros(batch_size * inputs, dtype).reshape(batch_size, inputs)
        widest = max(slot.size for member in members for slot in member.network.layout.slots)
        self._space = Space(
            values=aligned_zeros(size, dtype),
            deltas=aligned_zeros(size, dtype),
            gradient=aligned_zeros(widest, dtype),
            tiny=smallest_normal(dtype),
        )

    def run(
        self,
        states: Sequence[TrainingState],
        X: Matrix,
        Y: Matrix,
        steps: Sequence[Steps],
        losses: Matrix,
    ) -> None:
        """Run all steps; `states`, `steps` and rows of `losses` are the members'."""
        for k, (member, state, step) in enumerate(zip(self._members, states, steps, strict=True)):
            window = step.start, step.stop, step.batch_size, self._loss
            rule = np.array(rule_of(member.optimizer, step.learning_rate), self._dtype)
            run_direct(
                *(self._gemm, read_only(X), read_only(Y), read_only(step.order), window),
                *(self._layers[k], Theta(state.parameters, state.optimizer_state)),
                *(self._space, self._gathered, rule, losses[k]),
            )

    def synchronize(self, states: Sequence[TrainingState]) -> None:
        """Do nothing: the states are what kernels updated."""

    def first_values(self, states: Sequence[TrainingState], X: Matrix) -> Matrix | None:
        """Return None: the states have the weights."""
        del states, X
        return None
