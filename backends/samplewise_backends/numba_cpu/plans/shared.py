"""The direct plan with each batch shared out over threads, which meet inside the kernel."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from itertools import accumulate

import numpy as np

from samplewise.network import Loss, aligned_zeros
from samplewise.threads import limited
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.meeting import ABANDONED, address_of_give_way
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.records import SHARED
from samplewise_backends.numba_cpu.kernels.shared import run_shared
from samplewise_backends.numba_cpu.kernels.step import batch_loss, forward
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizers
from samplewise_backends.numba_cpu.plans.direct import begin_steps, describe_steps
from samplewise_backends.numba_cpu.plans.lowering import layer_table
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import give_buffers, take_tiles, units_in_tiles
from samplewise_backends.numba_cpu.plans.threads import in_company
from samplewise_backends.numba_cpu.plans.trainer import OfWindows, States, Trainer, Windows


class Shared(Trainer):
    """Trains a network that `can_be_shared`, step by step, in place, by at least two threads."""

    def __init__(
        self, member: Member, batch_size: int, loss: Loss, dtype: DType, threads: int
    ) -> None:
        self._counter = np.zeros(1, np.int64)
        layers, size = layer_table(member.network, batch_size, training=True)
        parameters = member.network.layout.size
        gradients = [aligned_zeros(parameters, dtype) for _ in range(threads)]
        addresses = np.array([gradient.ctypes.data for gradient in gradients])
        self._runs, self._calls = list[OfWindows[Struct]](), list[Call]()
        for thread in range(threads):
            runs, call = Struct(SHARED, dtype), Call(run_shared, dtype)
            gathered = aligned_zeros((batch_size, member.network.inputs), dtype)
            describe_steps(runs.inner("steps"), layers, gathered, loss)
            net = runs.inner("steps").inner("network")
            describe_optimizers(net.inner("hyper"), [member.optimizer])
            net.set(forward=forward, batch_loss=batch_loss, update=update, of_all=True)
            take_tiles(net, units_in_tiles(layers, batch_size))
            give_buffers(net, size, parameters)
            net.set(gradient=gradients[thread])
            runs.set(thread=thread, threads=threads, gradients=addresses, counter=self._counter)
            runs.set(giving_way=address_of_give_way())
            call.set(runs=runs, windows=1, tiny=np.finfo(dtype).tiny)
            call.settle()
            self._runs.append(OfWindows(runs))
            self._calls.append(call)

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """As `Trainer.prepare`: all windows are set before the first one, for every thread."""
        windows, threads = len(steps), len(self._calls)
        # The threads meet once before a window, and twice in each step.
        meetings = accumulate((1 + 2 * one[0].count for one in steps[:-1]), initial=0)
        met = [threads * before for before in meetings]
        each = [runs.of(windows) for runs in self._runs]
        for call, runs in zip(self._calls, each, strict=True):
            begin_steps(runs.inner("steps"), states, X, Y, steps, losses[:, 0])
            runs.set_each(met=met)
            call.point("runs", runs, 0)
            call.set(windows=windows)
        caller = self._calls[0]
        caller.set(windows=1)

        def run(window: int) -> None:
            caller.point("runs", each[0], window)
            caller()

        return run

    @contextmanager
    def company(self) -> Iterator[None]:
        """As `Trainer.company`: the other threads, which take part in all windows in one call."""
        self._counter[0] = 0
        # Products of several threads each would have other last bits, and wait for one another.
        with limited(1), in_company(self._calls[1:], self._abandon):
            yield

    def forget(self) -> None:
        """As `Trainer.forget`; of the records of the windows, few stay."""
        for call, runs in zip(self._calls, self._runs, strict=True):
            call.forget()
            runs.forget()

    def _abandon(self) -> None:
        self._counter[0] = ABANDONED
