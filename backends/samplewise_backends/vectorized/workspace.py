"""Buffers for one network, reused by every step."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samplewise.network import Network, aligned_zeros
from samplewise_backends.vectorized.arrays import DType, Matrix


@dataclass(frozen=True, slots=True)
class Batch:
    """Rows of a workspace that one step takes, as views: a matrix a layer.

    Args:
        A: outputs.
        dZ: d loss / d Z.
        scratch: of the same shapes.
        masks: of each dropout layer, by its index; none in prediction.
    """

    start: int
    stop: int
    A: list[Matrix]
    dZ: list[Matrix]
    scratch: list[Matrix]
    Y: Matrix
    masks: dict[int, Matrix]


class Workspace:
    """The buffers of the passes of up to `rows` rows, after the first layer's product.

    Args:
        training: whether dropout layers drop.
    """

    def __init__(
        self, network: Network, rows: int, dtype: DType, *, training: bool = False
    ) -> None:
        units = [int(np.prod(shape)) for shape in network.shapes[1:]]
        self.rows = rows
        self.A, self.dZ, self.scratch = (
            [aligned_zeros((rows, n), dtype) for n in units] for _ in range(3)
        )
        self.Y = aligned_zeros((rows, network.outputs), dtype)
        self.masks = {
            k: aligned_zeros((rows, units[k]), dtype)
            for k, layer in enumerate(network.layers)
            if training and layer.differs_in_training
        }
        self._batches: dict[tuple[int, int], Batch] = {}

    def batch(self, start: int, stop: int) -> Batch:
        """Return the views of some rows; those seen before are kept."""
        found = self._batches.get((start, stop))
        if found is None:
            A, dZ, scratch = (
                [buffer[start:stop] for buffer in buffers]
                for buffers in (self.A, self.dZ, self.scratch)
            )
            masks = {k: whole[start:stop] for k, whole in self.masks.items()}
            found = Batch(start, stop, A, dZ, scratch, self.Y[start:stop], masks)
            self._batches[start, stop] = found
        return found
