"""Calls of the direct plan with the batch in the lanes."""

from __future__ import annotations

from typing import Any

import numpy as np

from samplewise.network import Loss, aligned_zeros
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.codes import LossCode
from samplewise_backends.numba_cpu.kernels.optimizers import update
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.kernels.step import batch_loss
from samplewise_backends.numba_cpu.kernels.stepped_tiles import step_in_tiles
from samplewise_backends.numba_cpu.kernels.thin import TILES_UPDATED_AT_ONCE, run_thin
from samplewise_backends.numba_cpu.kernels.tiles import HEIGHTS, multiply_tiles, transpose
from samplewise_backends.numba_cpu.plans.coefficients import describe_optimizer
from samplewise_backends.numba_cpu.plans.lowering import padded, table_across
from samplewise_backends.numba_cpu.plans.routines import LOSS_CODES, describe_network, give_buffers
from samplewise_backends.numba_cpu.plans.storage import Member


def thin_call(member: Member, batch_size: int, loss: Loss, dtype: np.dtype[Any]) -> Call:
    """Return the call of `run_thin` that trains a network: see `storage.can_be_thin`."""
    call, inputs = Call(run_thin, dtype), member.network.inputs
    layers, size = table_across(member.network, batch_size)
    net, rows, pitch = call.inner("network"), padded(batch_size), padded(inputs)
    longest = max(rows, int(layers["units"].max()))
    describe_network(net, layers, loss)
    net.set(update=update)
    if LOSS_CODES[loss.name] > LossCode.CATEGORICAL:
        net.set(batch_loss=batch_loss)
    gathered = aligned_zeros(rows * pitch, dtype)
    call.inner("rows").set(at_once=batch_size, inputs=inputs, gathered=gathered)
    call.inner("tiles").set(times=1, tiny=np.finfo(dtype).tiny)
    call.set(pitch=pitch, columns=aligned_zeros(inputs * rows, dtype))
    call.set(chosen=np.zeros(rows, np.int64), counted=np.arange(longest))
    call.set(multiply=multiply_tiles, transpose=transpose, step_in_tiles=step_in_tiles)
    call.inner("transposed").set(tiny=np.finfo(dtype).tiny)
    call.set(zero=aligned_zeros(1, dtype))
    tile, units = HEIGHTS[0] * int(layers["inputs"].max()), int(layers["units"].max())
    # The last vector of a gradient may reach beyond it.
    give_buffers([net], size, max(TILES_UPDATED_AT_ONCE, tile, units) + LANES)
    describe_optimizer(net.inner("hyper"), member.optimizer)
    return call
