"""The direct plan with each batch shared out over threads, which meet inside the kernel."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from samplewise.contract import TrainingState
from samplewise.network import Loss, aligned_zeros
from samplewise.threads import limited
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.meeting import ABANDONED, address_of_give_way
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.shared import run_shared
from samplewise_backends.numba_cpu.kernels.step import batch_loss, forward
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, Vector
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizers
from samplewise_backends.numba_cpu.plans.direct import begin_steps, describe_steps
from samplewise_backends.numba_cpu.plans.lowering import layer_table
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import give_buffers, take_tiles, units_in_tiles
from samplewise_backends.numba_cpu.plans.threads import all_at_once
from samplewise_backends.numba_cpu.plans.trainer import States, Trainer, Windows


class Shared(Trainer):
    """Trains a network that `can_be_shared`, step by step, in place, by at least two threads."""

    def __init__(
        self, member: Member, batch_size: int, loss: Loss, dtype: DType, threads: int
    ) -> None:
        self._calls = [Call(run_shared, dtype) for _ in range(threads)]
        self._counter = np.zeros(1, np.int64)
        layers, size = layer_table(member.network, batch_size, training=True)
        parameters = member.network.layout.size
        gradients = [aligned_zeros(parameters, dtype) for _ in range(threads)]
        addresses = np.array([gradient.ctypes.data for gradient in gradients])
        for thread, call in enumerate(self._calls):
            gathered = aligned_zeros((batch_size, member.network.inputs), dtype)
            describe_steps(call.inner("steps"), layers, gathered, loss)
            net = call.inner("steps").inner("network")
            describe_optimizers(net.inner("hyper"), [member.optimizer])
            net.set(forward=forward, batch_loss=batch_loss, update=update, of_all=True)
            take_tiles(net, units_in_tiles(layers, batch_size))
            give_buffers(net, size, parameters)
            net.set(gradient=gradients[thread])
            call.set(thread=thread, threads=threads, gradients=addresses, counter=self._counter)
            call.set(giving_way=address_of_give_way())
            call.settle()

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """As `Trainer.prepare`; each window is set in its turn."""
        return lambda window: self._run(states[0], X, Y, steps[window], losses[window, 0])

    def _run(
        self, state: TrainingState, X: Matrix, Y: Matrix, steps: Windows, losses: Vector
    ) -> None:
        for call in self._calls:
            begin_steps(call.inner("steps"), [state], X, Y, [steps], [losses])
        self._counter[0] = 0
        # Products of several threads each would have other last bits, and wait for one another.
        with limited(1):
            all_at_once(self._calls, self._abandon)

    def forget(self) -> None:
        """As `Trainer.forget`."""
        for call in self._calls:
            call.forget()

    def _abandon(self) -> None:
        self._counter[0] = ABANDONED
