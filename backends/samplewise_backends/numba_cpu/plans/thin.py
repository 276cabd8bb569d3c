"""The direct plan with the batch in the lanes, whose rows are gathered once for all networks."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from samplewise.contract import Workload
from samplewise.network import Loss, aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.codes import LossCode
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.records import LANES, THIN
from samplewise_backends.numba_cpu.kernels.step import batch_loss
from samplewise_backends.numba_cpu.kernels.stepped_tiles import ROWS, step_in_tiles
from samplewise_backends.numba_cpu.kernels.thin import run_thin
from samplewise_backends.numba_cpu.kernels.tile_calls import TILES_UPDATED_AT_ONCE
from samplewise_backends.numba_cpu.kernels.tiles import HEIGHTS
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizers
from samplewise_backends.numba_cpu.plans.direct import begin_steps
from samplewise_backends.numba_cpu.plans.lowering import columns_for, spread, table_across
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import (
    LOSS_CODES,
    describe_networks,
    describe_tiles,
    give_buffers,
)
from samplewise_backends.numba_cpu.plans.split import parts_of
from samplewise_backends.numba_cpu.plans.trainer import OfWindows, States, Trainer, Windows

# Bytes of a batch's rows that stay in the second nearest cache, 1 MiB on a processor of 2022. Of
# more, so many bytes are taken at once, but not fewer inputs, and all for few units: they read the
# rows once or twice. Measured with AVX-512 on 200 rows of 3,000 inputs, 100 units, float64,
# Nesterov: a step took 4.9 ms, 6.2 ms with all at once; parts of 128, 384 and 512 KiB took 5.0, 5.3
# and 5.5 ms. On 784-32-10, batch 4000, float32: 7.0 ms and 13.6 ms; on 784-10-10, batch 400: 0.31
# ms and 0.26 ms. No gain: 784-16-10, batch 200, float64; 784-100-10, float32, 0.6 MB of rows.
NEAR, PART, FEWEST_INPUTS, FEW_UNITS = 2**20, 2**18, 64, 16

TOGETHER_BYTES = 2**18
"""Of the parameters and optimizers' tensors of a group, which should stay in the second cache."""


class Thin(Trainer):
    """Trains networks that `can_be_thin`, each step of all on the same batch.

    Args:
        members: of one group of `groups_thin`.
        batch_size: maximum rows of a step.
    """

    def __init__(
        self, members: Sequence[Member], batch_size: int, loss: Loss, dtype: DType
    ) -> None:
        self._members = len(members)
        tables, sizes = zip(
            *(table_across(one.network, batch_size) for one in members), strict=True
        )
        runs = Struct(THIN, dtype, self._members)
        self._runs = OfWindows(runs)
        _describe_rows(runs, members[0], batch_size)
        nets, limits = runs.inner("network"), [_limits(member) for member in members]
        describe_networks(nets, tables, loss)
        nets.set(update=update)
        nets.set_each(of_all=limits)
        if LOSS_CODES[loss.name] > LossCode.CATEGORICAL:
            nets.set(batch_loss=batch_loss)
        describe_optimizers(nets.inner("hyper"), [member.optimizer for member in members])
        units = max(int(layers["units"].max()) for layers in tables)
        runs.set(step_in_tiles=step_in_tiles)
        describe_tiles(runs, max(columns_for(batch_size), units))
        # The last vector of a gradient may reach beyond it.
        give_buffers(nets, max(sizes), max(map(_gradient_of, members)) + LANES)
        self._call = Call(run_thin, dtype)
        self._call.set(runs=runs, members=self._members, tiny=np.finfo(dtype).tiny)
        self._call.settle()
        self._calls = OfWindows(self._call)

    def prepare(
        self, states: States, X: Matrix, Y: Matrix, steps: Sequence[Windows], losses: Matrix
    ) -> Callable[[int], None]:
        """As `Trainer.prepare`: all windows are set before the first one."""
        runs = self._runs.of(len(steps))
        # A reshape of rows that lie apart would be a copy.
        seen = losses[:, 0] if self._members == 1 else losses.reshape(-1, losses.shape[2])
        begin_steps(runs, states, X, Y, steps, seen)
        calls = self._calls.of(len(steps))
        calls.set_each(runs=runs.memory.reshape(len(steps), self._members))
        return calls

    def forget(self) -> None:
        """As `Trainer.forget`; of the records of the windows, few stay."""
        self._call.forget()
        self._runs.forget()
        self._calls.forget()


def groups_thin(
    members: Sequence[Member], indices: Sequence[int], workload: Workload, dtype: DType
) -> list[list[int]]:
    """Split networks into groups that `Thin` trains: which ones are together changes no bit.

    Returns:
        Indices of each group, the one that takes longest first.
    """
    alike: dict[Any, list[int]] = {}
    for i in sorted(indices, key=lambda i: members[i].network.multiply_adds):
        alike.setdefault(_way_of_rows(members[i], workload.batch_size, dtype), []).append(i)
    groups = []
    for same in alike.values():
        sizes = [_bytes_of(members[i], dtype) for i in same]
        # As many for each thread.
        fit = -(-sum(sizes) // (TOGETHER_BYTES * workload.threads)) * workload.threads
        groups += parts_of(same, sizes, fit)
    return sorted(groups, key=lambda group: -sum(members[i].network.multiply_adds for i in group))


def _bytes_of(member: Member, dtype: DType) -> int:
    """Return the bytes of a network's parameters and of its optimizer's tensors."""
    return (1 + member.optimizer.slots) * member.network.layout.size * dtype.itemsize


def _limits(member: Member) -> bool:
    return member.optimizer.clip_norm is not None


def _gradient_of(member: Member) -> int:
    """Return the parameters of a network whose gradients are kept at once."""
    if _limits(member):
        return member.network.layout.size
    tile, units = HEIGHTS[0] * int(member.layers["inputs"].max()), member.layers["units"].max()
    return max(TILES_UPDATED_AT_ONCE, tile, int(units))


def _way_of_rows(member: Member, batch_size: int, dtype: DType) -> tuple[int, bool]:
    """Return how many inputs of a batch are taken at once, and whether by loops."""
    inputs, units = member.network.inputs, member.units
    at_once = inputs if _limits(member) else inputs_at_once(inputs, units, batch_size, dtype)
    return at_once, takes_loops(inputs, units)


def _describe_rows(runs: Struct, member: Member, batch_size: int) -> None:
    """Give runs of networks that are like `member` in this the same room for a batch's rows."""
    dtype, rows, inputs = runs.dtype, columns_for(batch_size), member.network.inputs
    at_once, by_loops = _way_of_rows(member, batch_size, dtype)
    pitch = spread(at_once)
    gathered = aligned_zeros(rows * pitch, dtype)
    runs.inner("rows").set(at_once=batch_size, inputs=inputs, gathered=gathered)
    columns = aligned_zeros(0 if by_loops else at_once * rows, dtype)
    runs.set(pitch=pitch, inputs_at_once=at_once, by_loops=by_loops, columns=columns)
    runs.set(chosen=np.zeros(rows, np.int64))


def takes_loops(inputs: int, units: int) -> bool:
    """Return True if loops take the values of the first layer, from rows as they are.

    To turn the rows for tiles takes longer than these save where there are few units. Measured on a
    Zen 5, 784 inputs, 32 rows, float32: of 1, 10, 16 and 24 units loops took 0.5, 3.0, 4.5 and 6.6
    us, tiles 2.5, 4.0, 5.0 and 6.5; with AVX2, 0.8, 4.4, 7.1 and 10.9 us, and 3.2, 5.7, 8.0 and
    11.0. Of 64 inputs, loops took longer from 10 units on.
    """
    return units <= min(FEW_UNITS, inputs // 8)


def inputs_at_once(inputs: int, units: int, batch_size: int, dtype: DType) -> int:
    """Return the number of inputs that the products of the first layer take at once: often all."""
    row = batch_size * dtype.itemsize
    # Steps on tiles of a gradient, for the batches that have them, take all.
    if batch_size <= ROWS or units <= FEW_UNITS or inputs * row <= NEAR:
        return inputs
    return min(max(PART // row // LANES * LANES, FEWEST_INPUTS), inputs)
