"""Calls of the direct plan with the batch in the lanes."""

from __future__ import annotations

import numpy as np

from samplewise.network import Loss, aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.codes import LossCode
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.kernels.step import batch_loss
from samplewise_backends.numba_cpu.kernels.stepped_tiles import ROWS, step_in_tiles
from samplewise_backends.numba_cpu.kernels.thin import run_thin
from samplewise_backends.numba_cpu.kernels.tile_calls import TILES_UPDATED_AT_ONCE
from samplewise_backends.numba_cpu.kernels.tiles import HEIGHTS
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizers
from samplewise_backends.numba_cpu.plans.lowering import columns_for, spread, table_across
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import (
    LOSS_CODES,
    describe_network,
    describe_tiles,
    give_buffers,
)

# Bytes of a batch's rows that stay in the second nearest cache, 1 MiB on a processor of 2022. Of
# more, so many bytes are taken at once, but not fewer inputs, and all for few units: they read the
# rows once or twice. Measured with AVX-512 on 200 rows of 3,000 inputs, 100 units, float64,
# Nesterov: a step took 4.9 ms, 6.2 ms with all at once; parts of 128, 384 and 512 KiB took 5.0, 5.3
# and 5.5 ms. On 784-32-10, batch 4000, float32: 7.0 ms and 13.6 ms; on 784-10-10, batch 400: 0.31
# ms and 0.26 ms. No gain: 784-16-10, batch 200, float64; 784-100-10, float32, 0.6 MB of rows.
NEAR, PART, FEWEST_INPUTS, FEW_UNITS = 2**20, 2**18, 64, 16


def thin_call(member: Member, batch_size: int, loss: Loss, dtype: DType) -> Call:
    """Return the call of `run_thin` that trains a network: see `members.can_be_thin`."""
    call, inputs = Call(run_thin, dtype), member.network.inputs
    layers, size = table_across(member.network, batch_size)
    net, rows = call.inner("network"), columns_for(batch_size)
    limits = member.optimizer.clip_norm is not None
    at_once = inputs if limits else inputs_at_once(inputs, member.units, batch_size, dtype)
    by_loops = takes_loops(inputs, member.units)
    pitch = spread(at_once)
    longest = max(rows, int(layers["units"].max()))
    describe_network(net, layers, loss)
    net.set(update=update, of_all=limits)
    if LOSS_CODES[loss.name] > LossCode.CATEGORICAL:
        net.set(batch_loss=batch_loss)
    gathered = aligned_zeros(rows * pitch, dtype)
    call.inner("rows").set(at_once=batch_size, inputs=inputs, gathered=gathered)
    columns = aligned_zeros(0 if by_loops else at_once * rows, dtype)
    call.set(pitch=pitch, inputs_at_once=at_once, by_loops=by_loops, columns=columns)
    call.set(chosen=np.zeros(rows, np.int64), step_in_tiles=step_in_tiles)
    describe_tiles(call, longest)
    tile, units = HEIGHTS[0] * int(layers["inputs"].max()), int(layers["units"].max())
    gradient = member.network.layout.size if limits else max(TILES_UPDATED_AT_ONCE, tile, units)
    # The last vector of a gradient may reach beyond it.
    give_buffers(net, size, gradient + LANES)
    describe_optimizers(net.inner("hyper"), [member.optimizer])
    return call


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
