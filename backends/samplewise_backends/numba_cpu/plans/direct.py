"""The direct plan."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import chain
from typing import Any

import numpy as np

from samplewise.contract import Steps, TrainingState
from samplewise.network import Loss, aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.codes import Kind
from samplewise_backends.numba_cpu.kernels.direct import run_direct
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.kernels.step import batch_loss, forward, later_layers
from samplewise_backends.numba_cpu.kernels.stepwise import (
    PACKED_AT_ONCE,
    UPDATED_AT_ONCE,
    run_stepwise,
)
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, Vector
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizers
from samplewise_backends.numba_cpu.plans.lowering import Layers, layer_table
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import (
    begin_windows,
    describe_network,
    give_buffers,
    largest_gradient,
    take_tiles,
    units_in_tiles,
)
from samplewise_backends.numba_cpu.plans.trainer import (
    KEPT_RECORDS,
    Losses,
    States,
    Trainer,
    Windows,
)

# Numbers of windows whose calls are kept.
KEPT_COUNTS = 2


class Direct(Trainer):
    """Trains networks step by step, in place, one after the other.

    Args:
        batch_size: maximum rows of a step.
    """

    def __init__(
        self, members: Sequence[Member], batch_size: int, loss: Loss, dtype: DType
    ) -> None:
        gathered = aligned_zeros((batch_size, members[0].network.inputs), dtype)
        # Equal networks share a call, which takes some 0.3 ms to make, and its buffers.
        self._made: dict[Any, Call] = {}
        self._calls, self._optimizers = [], []
        self._repeated: dict[int, list[Call]] = {}
        for member in members:
            key = member.network, member.in_blocks, member.optimizer.clip_norm is None
            if key not in self._made:
                self._made[key] = _call_of(member, gathered, loss)
                self._made[key].settle()
            self._calls.append(self._made[key])
            self._optimizers.append(_optimizer_in(self._made[key], member))

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """As `Trainer.prepare`: all calls are set before the first one."""
        calls = self._calls_of_windows(len(steps))
        for k, (call, optimizer) in enumerate(zip(calls, self._optimizers, strict=True)):
            hyper = call.inner("network").inner("hyper").memory
            hyper[:, None].view(np.uint8)[...] = optimizer
            own = [window[k : k + 1] for window in steps]
            begin_steps(call, states[k : k + 1], X, Y, own, losses[:, k])

        def run(window: int) -> None:
            for call in calls:
                call(window)

        return run

    def _calls_of_windows(self, count: int) -> list[Call]:
        if count not in self._repeated:
            # A training with patience begins with as many epochs, and ends with others.
            for other in list(self._repeated)[: 1 - KEPT_COUNTS]:
                del self._repeated[other]
            self._repeated[count] = [call.repeated(count) for call in self._calls]
        return self._repeated[count]

    def forget(self) -> None:
        """As `Trainer.forget`; the calls of many windows of many networks go, too."""
        for count in [*self._repeated]:
            if count * len(self._calls) > KEPT_RECORDS:
                del self._repeated[count]
        for call in (*self._made.values(), *chain(*self._repeated.values())):
            call.forget()


def _optimizer_in(call: Call, member: Member) -> Vector:
    """Return the bytes of a network's `records.HYPERPARAMETERS`, as its call has them.

    NumPy copies bytes in 0.1 us, and a record field by field in 2.4.
    """
    hyper = call.inner("network").inner("hyper")
    hyper.memory[...] = np.zeros_like(hyper.memory)
    describe_optimizers(hyper, [member.optimizer])
    return hyper.memory.view(np.uint8).copy()


def run_steps(
    call: Call, state: TrainingState, X: Matrix, Y: Matrix, steps: Steps, losses: Vector
) -> None:
    """Run a prepared call of `run_direct` or `run_stepwise` on a window."""
    begin_steps(call, [state], X, Y, [[steps]], [losses])
    call()


def learning_call(
    member: Member,
    loss: Loss,
    state: TrainingState,
    X: Matrix,
    Y: Matrix,
    steps: Steps,
    losses: Vector,
) -> Call:
    """Return a call that makes the steps of a window, and counts them for the next call."""
    gathered = aligned_zeros((steps.batch_size, X.shape[1]), X.dtype)
    call = _call_of(member, gathered, loss)
    begin_steps(call, [state], X, Y, [[steps]], [losses])
    return call


def begin_steps(
    calls: Struct,
    states: States,
    X: Matrix,
    Y: Matrix,
    steps: Sequence[Windows],
    losses: Losses,
) -> None:
    """Set each `records.STEPS`, or other record with its fields, to the start of a window.

    There is one for each window and network, those of a window side by side; those of a network run
    one after the other, each on steps and losses of its own.
    """
    net, slots = calls.inner("network"), [state.optimizer_state for state in states]
    net.set_each(parameters=[state.parameters for state in states], slots=slots)
    net.set_each(size=[len(state.parameters) for state in states], slots_size=[*map(len, slots)])
    net.set_each(step=_steps_before(states, steps))
    each = [*chain.from_iterable(steps)]
    begin_windows(net, Y, each, losses)
    rows = calls.inner("rows")
    rows.set(X=X, samples=len(X))
    rows.set_each(
        order=[one.order for one in each],
        start=[one.start for one in each],
        stop=[one.stop for one in each],
    )
    calls.set_each(
        rates=[one.rates for one in each],
        l2=[one.l2 for one in each],
        penalties=[one.penalties for one in each],
        rates_count=[0 if one.rates is None else len(one.rates) for one in each],
        penalties_count=[0 if one.l2 is None else len(one.l2) for one in each],
    )


def _steps_before(states: States, steps: Sequence[Windows]) -> Vector:
    """Return the steps that each network has made before each window."""
    each = chain.from_iterable(steps)
    counts = np.fromiter((one.count for one in each), np.int64).reshape(-1, len(states))
    before = np.cumsum(counts, axis=0) - counts
    return (before + [state.step for state in states]).ravel()


def _call_of(member: Member, gathered: Matrix, loss: Loss) -> Call:
    """Return the call that trains a network."""
    layers, size = layer_table(member.network, len(gathered), training=True)
    if member.in_blocks:
        call = Call(run_direct, gathered.dtype)
        describe_steps(call, layers, gathered, loss)
        net, gradient = call.inner("network"), largest_gradient(layers)
        net.set(later_layers=later_layers)
        take_tiles(net, units_in_tiles(layers, len(gathered)))
    else:
        clips = member.optimizer.clip_norm is not None
        call = stepwise_call(layers, gathered, loss)
        net, gradient = call.inner("network"), _at_once(layers)
        gradient = member.network.layout.size if clips else gradient
        net.set(update=update, of_all=clips)
    give_buffers(net, size, gradient)
    describe_optimizers(net.inner("hyper"), [member.optimizer])
    return call


def stepwise_call(layers: Layers, gathered: Matrix, loss: Loss) -> Call:
    """Return a call of `run_stepwise` on batches that are gathered here, without buffers."""
    call = Call(run_stepwise, gathered.dtype)
    describe_steps(call, layers, gathered, loss)
    net = call.inner("network")
    net.set(forward=forward, batch_loss=batch_loss)
    take_tiles(net, units_in_tiles(layers, len(gathered)))
    return call


def describe_steps(steps: Struct, layers: Layers, gathered: Matrix, loss: Loss) -> None:
    """Write a network, and where its batches are gathered, into a `records.STEPS`."""
    net, (rows, inputs) = steps.inner("network"), gathered.shape
    describe_network(net, layers, loss)
    net.set(X=gathered, inputs=inputs)
    steps.inner("rows").set(gathered=gathered, at_once=rows, inputs=inputs)


def _at_once(layers: Layers) -> int:
    """Return the elements of gradients that a stepwise update needs at once."""
    is_dense = layers["kind"] == Kind.DENSE
    dense, others = layers[is_dense], layers[~is_dense]
    packed = np.clip(dense["units"], LANES, PACKED_AT_ONCE) * dense["inputs"]
    sizes = [UPDATED_AT_ONCE, *packed, *dense["units"]]
    return int(max(*sizes, largest_gradient(others)))
