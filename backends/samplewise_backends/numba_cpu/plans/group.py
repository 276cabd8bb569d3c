"""Networks that train together, block by block: tables, buffers and coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.network import SGD, Loss, aligned_zeros
from samplewise_backends.numba_cpu.kernels import tables
from samplewise_backends.numba_cpu.plans.coefficients import form_of, terms
from samplewise_backends.numba_cpu.plans.lowering import padded
from samplewise_backends.numba_cpu.plans.routines import LOSS_CODES, largest_gradient, space_of
from samplewise_backends.numba_cpu.plans.storage import InPlace, Member, Stacked

Vector = NDArray[Any]
Matrix = NDArray[Any]


class Group:
    """Tables and buffers of the kernels of blocks.

    Args:
        members: at least one, with the same inputs, and optimizers of one `form_of`.
        batch_size: rows of a step.
        block: rows of a block, a multiple of `batch_size`.
        loss: of all.
        dtype: of everything.
    """

    def __init__(
        self,
        members: Sequence[Member],
        batch_size: int,
        block: int,
        loss: Loss,
        dtype: np.dtype[Any],
    ) -> None:
        self.dtype, self.batch_size, self.block = dtype, batch_size, block
        self.form = form_of(members[0].optimizer)
        self.storage = InPlace(members[0]) if len(members) == 1 else Stacked(members, dtype)
        self._optimizers = [cast(SGD, member.optimizer) for member in members]
        self._units = [member.units for member in members]
        self.ld = padded(sum(self._units))
        layers, size = self.storage.layers(batch_size, block * self.ld)
        table, networks = self._place_first_layers(layers)
        # After all else, the derivatives that the first layers save.
        self.stack = tables.Stack(table, networks, self._segments(table, networks, size))
        gradient = max(self.ld, *(largest_gradient(member.layers[1:]) for member in members))
        called = tables.LATER_LAYERS, tables.PRODUCT
        self.space = space_of(layers, size + block * self.ld, gradient, loss, dtype, also=called)
        self._loss = LOSS_CODES[loss.name]
        self.buffers = tables.Block(*(aligned_zeros(block * self.ld, dtype) for _ in range(3)))
        self._known: tuple[tuple[float, ...], tables.Terms] | None = None

    def _place_first_layers(
        self, layers: list[NDArray[np.int64]]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Let the first layers' outputs lie side by side at the front of the buffers."""
        networks, column = [], 0
        start = 0
        for table, units in zip(layers, self._units, strict=True):
            table[0, [tables.OUT, tables.LD]] = column, self.ld
            networks.append((start, len(table)))
            column, start = column + units, start + len(table)
        return np.vstack(layers), np.array(networks, np.int64)

    def _segments(
        self, layers: NDArray[np.int64], networks: NDArray[np.int64], saved: int
    ) -> NDArray[np.int64]:
        """Return runs of units with the same activation; the last one takes the padding too."""
        runs: list[list[int]] = []
        for first, _ in networks:
            code, units = layers[first, [tables.ACTIVATION, tables.UNITS]]
            if runs and runs[-1][2] == code:
                runs[-1][1] += units
            else:
                start = runs[-1][1] if runs else 0
                runs.append([start, start + units, code, saved])
        runs[-1][1] = self.ld
        return np.array(runs, np.int64)

    def window(
        self, steps: Steps, *, in_order: bool = False, gram: int = 0
    ) -> tuple[int | bool, ...]:
        """Return the window of a call, as `kernels.blocked` describes it."""
        sizes = self.batch_size, self.block, self._loss, self.form
        return (steps.start, steps.stop, *sizes, in_order, gram, self.ld)

    def terms(self, steps: Sequence[Steps]) -> tables.Terms:
        """Return the terms of the recurrence at the learning rates of these steps."""
        rates = tuple(step.learning_rate for step in steps)
        if self._known is None or self._known[0] != rates:
            batches = -(-self.block // self.batch_size)
            found = terms(self._optimizers, rates, self._units, self.ld, batches, self.dtype)
            self._known = rates, found
        return self._known[1]
