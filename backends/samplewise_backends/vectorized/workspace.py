"""Buffers for one network, reused by every step."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Network, aligned_zeros

Matrix = NDArray[Any]


class Workspace:
    """All that a step of up to `rows` samples writes.

    Args:
        network: whose layers are sized.
        rows: largest batch.
        dtype: of every buffer.
    """

    def __init__(self, network: Network, rows: int, dtype: np.dtype[Any]) -> None:
        def matrix(columns: int) -> Matrix:
            return aligned_zeros(rows * columns, dtype).reshape(rows, columns)

        units = [int(np.prod(shape)) for shape in network.shapes[1:]]
        self.rows = rows
        self.X = matrix(network.inputs)
        self.Y = matrix(network.outputs)
        # Outputs, their gradients and a scratch matrix, a layer each.
        self.A = [matrix(n) for n in units]
        self.dA = [matrix(n) for n in units]
        self.scratch = [matrix(n) for n in units]
        self.gradient = network.layout.zeros(dtype)
