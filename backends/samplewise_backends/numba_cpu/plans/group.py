"""Networks that train together, block by block: records, buffers and coefficients."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import chain
from typing import cast

import numpy as np

from samplewise.network import SGD, Loss, aligned_zeros
from samplewise_backends.numba_cpu.compile.record import Struct
from samplewise_backends.numba_cpu.kernels.block import run_block
from samplewise_backends.numba_cpu.kernels.records import NETWORK, SEGMENT
from samplewise_backends.numba_cpu.kernels.step import later_layers
from samplewise_backends.numba_cpu.plans.arrays import DType, Matrix, Vector
from samplewise_backends.numba_cpu.plans.coefficients import (
    describe_optimizers,
    form_of,
    terms,
    velocity_rows,
)
from samplewise_backends.numba_cpu.plans.lowering import Layers, padded
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import (
    begin_windows,
    describe_networks,
    describe_product,
    give_buffers,
    largest_gradient,
    take_tiles,
    units_in_tiles,
)
from samplewise_backends.numba_cpu.plans.storage import InPlace, Parameters, Stacked
from samplewise_backends.numba_cpu.plans.trainer import OfWindows, Windows


class Group:
    """Records and buffers of the kernels of blocks.

    Args:
        members: at least one, with the same inputs, and optimizers of one `form_of`.
        block: rows of a block, a multiple of `batch_size`.
    """

    def __init__(
        self, members: Sequence[Member], batch_size: int, block: int, loss: Loss, dtype: DType
    ) -> None:
        self.dtype, self.batch_size, self.block = dtype, batch_size, block
        self.inputs = members[0].network.inputs
        self.form = form_of(members[0].optimizer)
        self._optimizers = [cast(SGD, member.optimizer) for member in members]
        self._units = [member.units for member in members]
        self.ld = padded(sum(self._units))
        self.storage = InPlace(members[0], dtype) if len(members) == 1 else Stacked(members, dtype)
        self._rates: tuple[float, ...] | None = None
        layers, size = self.storage.layers(batch_size, block * self.ld)
        self._place_first_layers(layers)
        # After all else, the derivatives that the first layers save.
        self._segments = _segments(layers, self.ld, size)
        self._networks = Struct(NETWORK, dtype, len(members))
        describe_networks(self._networks, layers, loss)
        describe_optimizers(self._networks.inner("hyper"), self._optimizers)
        # The address of a routine is found anew by each call, in 20 us.
        self._networks.set(later_layers=later_layers)
        take_tiles(self._networks, max(units_in_tiles(table[1:], batch_size) for table in layers))
        gradient = max(self.ld, *(largest_gradient(member.layers[1:]) for member in members))
        self._of_windows = OfWindows(self._networks)
        # Those of the prepared windows.
        self._windows = self._networks
        self._A = give_buffers(self._networks, size + block * self.ld, gradient)

    def velocity_rows(self, rows: int) -> int:
        """Return how many coefficients of velocities are kept, of the last rows or of all."""
        return velocity_rows(self._optimizers, rows, self.batch_size, self.block, self.dtype)

    def forget(self) -> None:
        """Let go of the states, the rates and the windows; few records of these stay."""
        self.storage.forget()
        self._rates, self._windows = None, self._networks
        self._of_windows.forget()

    def _place_first_layers(self, layers: Sequence[Layers]) -> None:
        """Let the first layers' outputs lie side by side at the front of the buffers."""
        column = 0
        for table, units in zip(layers, self._units, strict=True):
            table["out"][0], table["ld"][0] = column, self.ld
            column += units

    def describe(self, block: Struct) -> None:
        """Write into a `records.BLOCK` all that stays between its calls."""
        count = self.block * self.ld
        buffers = {name: aligned_zeros(count, self.dtype) for name in ("Q", "steps", "scratch")}
        block.set(networks=self._networks, members=len(self._units), P=self._A, **buffers)
        block.set(segments=self._segments, runs=len(self._segments))
        block.set(batch=self.batch_size, form=self.form, units=sum(self._units), ld=self.ld)
        block.set(gram_ld=self.block, tiny=np.finfo(self.dtype).tiny, run_block=run_block)
        # Of the units, and of the rows in a Gram matrix.
        describe_product(block.inner("product"), max(self.ld, self.block))

    def prepare(
        self,
        block: Struct,
        parameters: Parameters,
        Y: Matrix,
        steps: Sequence[Windows],
        losses: Matrix,
    ) -> None:
        """Write all windows into networks' records, and what they share into a `records.BLOCK`."""
        theta, slots = parameters.theta, parameters.velocity
        nets = self._windows = self._of_windows.of(len(steps))
        nets.set(parameters=theta, size=len(theta), slots=slots, slots_size=len(slots))
        each = [*chain.from_iterable(steps)]
        # A reshape of rows that lie apart would be a copy.
        seen = losses[:, 0] if len(self._units) == 1 else losses.reshape(len(each), -1)
        # Optimizers of blocks are linear: they do not ask how many steps were made before.
        begin_windows(nets, Y, each, seen)
        block.set(bias=parameters.bias, bias_velocity=parameters.bias_velocity)

    def begin(self, block: Struct, window: int, steps: Windows) -> None:
        """Set a `records.BLOCK` to one of the prepared windows, which has these steps."""
        block.point("networks", self._windows, window * len(self._units))
        rates = tuple(step.learning_rate for step in steps)
        if rates != self._rates:
            self._rates, batches = rates, -(-self.block // self.batch_size)
            found = terms(self._optimizers, rates, self._units, self.ld, batches, self.dtype)
            block.set(batches=batches, powers=found.powers, lags=found.lags, biases=found.biases)


def _segments(layers: Sequence[Layers], ld: int, saved: int) -> Vector:
    """Return runs of units with the same activation; the last one takes the padding too."""
    runs: list[list[int]] = []
    for table in layers:
        code, units = table["activation"][0], table["units"][0]
        if runs and runs[-1][2] == code:
            runs[-1][1] += units
        else:
            start = runs[-1][1] if runs else 0
            runs.append([start, start + units, code, saved])
    runs[-1][1] = ld
    return np.array([tuple(run) for run in runs], SEGMENT.of("float64"))
