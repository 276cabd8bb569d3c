"""Where each layer's outputs lie in the buffers of kernels, and which routines they need."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Network
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.plans.lowering import keeps, rows_of, scratch_of

LANES = 16


def padded(units: int) -> int:
    """Return the next multiple of 16: loops over that many elements need no remainder."""
    return -(-units // LANES) * LANES


def layer_table(
    network: Network, rows: int, out: int = 0, *, training: bool
) -> tuple[NDArray[np.int64], int]:
    """Return the table of a network's layers, and the length of its buffers.

    Args:
        network: whose own flat vector of parameters the table points into.
        rows: of each layer's outputs.
        out: where the first layer's outputs start.
        training: whether dropout drops.
    """
    table = np.array(rows_of(network, training=training))
    for row in table:
        size = padded(rows * row[tables.UNITS])
        row[[tables.OUT, tables.LD, tables.KEPT]] = out, row[tables.UNITS], out
        if keeps(row):
            out += size
            row[tables.KEPT] = out
        out += size
    table[:, tables.SCRATCH] = out
    out += padded(max(map(scratch_of, table)))
    return table, out


def smallest_normal(dtype: np.dtype[Any]) -> Any:
    """Return the smallest positive normal number, as a scalar of `dtype`."""
    return dtype.type(np.finfo(dtype).tiny)
