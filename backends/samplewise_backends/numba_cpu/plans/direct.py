"""The direct plan."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps, TrainingState
from samplewise.network import Loss, aligned_zeros
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.kernels.direct import run_direct
from samplewise_backends.numba_cpu.kernels.stepwise import UPDATED_AT_ONCE, run_stepwise
from samplewise_backends.numba_cpu.plans.coefficients import hyperparameters
from samplewise_backends.numba_cpu.plans.gram import read_only
from samplewise_backends.numba_cpu.plans.lowering import LANES, layer_table
from samplewise_backends.numba_cpu.plans.routines import (
    LOSS_CODES,
    largest_gradient,
    prepared,
    space_of,
)
from samplewise_backends.numba_cpu.plans.storage import InStates, Member

Matrix = NDArray[Any]


class Direct(InStates):
    """Trains networks step by step, in place, one after the other.

    Args:
        members: the networks.
        batch_size: maximum rows of a step.
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
        for k, (run, state, step) in enumerate(zip(self._runs, states, steps, strict=True)):
            data = read_only(X), read_only(Y), read_only(step.order)
            window = step.start, step.stop, step.batch_size, self._loss
            theta = tables.Theta(state.parameters, state.optimizer_state)
            written = prepared(run.space, [step], [state]), self._gathered
            hyper = hyperparameters(run.member.optimizer, step.learning_rate, self._dtype)
            arguments = (self._gemm, *data, window, run.layers, theta, *written, hyper)
            if run.member.in_blocks:
                run_direct(*arguments, losses[k])
            else:
                rates = NO_RATES if step.rates is None else step.rates
                run_stepwise(*arguments, read_only(rates), losses[k])


NO_RATES = np.zeros(0)


class _Run:
    """Tables and buffers of one network."""

    def __init__(self, member: Member, batch_size: int, loss: Loss, dtype: np.dtype[Any]) -> None:
        self.member = member
        self.layers, size = layer_table(member.network, batch_size, training=True)
        gradient = largest_gradient(self.layers)
        if member.optimizer.clip_norm is not None:
            gradient = member.network.layout.size
        elif not member.in_blocks:
            dense = self.layers[self.layers[:, tables.KIND] == tables.DENSE]
            at_once = [UPDATED_AT_ONCE, *(LANES * dense[:, tables.INPUTS]), *dense[:, tables.UNITS]]
            others = self.layers[self.layers[:, tables.KIND] != tables.DENSE]
            gradient = max(*at_once, largest_gradient(others))
        also = (tables.LATER_LAYERS if member.in_blocks else tables.UPDATE,)
        self.space = space_of([self.layers], size, gradient, loss, dtype, also=also)
