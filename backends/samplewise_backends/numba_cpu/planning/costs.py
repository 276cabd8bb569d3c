"""What each plan costs on a core of known rates, in nanoseconds.

A plan is products, at measured rates, and the recurrence between them. The constants here are
shares of measured figures, fitted to some 350 timed trainings on one machine; they carry over to
another as far as its parts keep their proportions.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from dataclasses import dataclass

from samplewise.contract import Workload
from samplewise_backends.numba_cpu.coefficients import form_of
from samplewise_backends.numba_cpu.kernels.block import DECAYING, MOVING, PLAIN, SUB_BLOCK
from samplewise_backends.numba_cpu.kernels.dense import LOOPS_UP_TO
from samplewise_backends.numba_cpu.kernels.products import TILE, TILED, WHOLE
from samplewise_backends.numba_cpu.layout import LANES, padded
from samplewise_backends.numba_cpu.planning.rates import (
    FAR_BYTES,
    TABLE_ROWS,
    WEIGHT_BYTES,
    Rates,
    Table,
    interpolated,
    rate,
)
from samplewise_backends.numba_cpu.storage import Member

# Shares of `Rates.step`: what only a batch costs, a further layer, a further logit, a product of a
# batch, a product of a block, setting up a plan, a batch of its blocks, and a call from Python.
BATCH, LAYER, LOGIT, GEMM, PRODUCT = 0.71, 0.3, 0.02, 0.36, 0.76
SETUP, COEFFICIENT, CALL = 1400.0, 25.0, 78.0
# Multiply-adds at full speed for each unit of a row: of each row before it in a sub-block that
# decays, of each row before that, of mixing with the velocity once a sub-block, and of decay.
LAGGED, FORWARD, MIXED, DECAYED = 3.1, 1.0, 68.0, 4.9
# Likewise for each weight or coefficient, once a block, where they decay or move by themselves.
MIXED_WEIGHT, MIXED_COEFFICIENT = 4.4, 14.0
# Multiples of `Rates.behind` for each weight behind the first layer that decays or moves.
DECAYED_BEHIND, MOVED_BEHIND = 0.37, 0.17
# Share of the full speed in the products of a batch behind the first layer.
SMALL = 1.0
# The direct plan: multiples of `Rates.weight` by form, and of `Rates.behind` for each weight that
# moves; shares of `Rates.step` a row and a call, and of `Rates.unit`.
DIRECT_WEIGHT = {PLAIN: 1.0, DECAYING: 1.2, MOVING: 2.6}
DIRECT_MOVED = 0.93
DIRECT_STEP, DIRECT_UNIT, DIRECT_CALL = 0.17, 1.1, 64.0
# A row beyond this does not stay in the nearest cache; it costs so many nanoseconds more a byte.
CACHE_BYTES, LONG_ROW = 32_768, 0.022
# A product of this size is packed by BLAS, whatever the processor.
PACKED_ROWS, PACKED_UNITS = 16, 256
# Share of `Rates.weight_ns` where weights decay in a pass of their own.
FAR = 0.58
# Nanoseconds a byte: gathering a row, touching new memory, copying a row of the Gram matrix.
GATHER, PAGE, COPY = 0.022, 0.26, 0.06
# Nanoseconds of writing an entry of the Gram matrix twice.
MIRROR = 2.2


@dataclass(frozen=True)
class Estimate:
    """What a plan is expected to cost.

    Args:
        setup_ns: once a training.
        epoch_ns: each epoch.
        kinds: the fastest way to take each product, for `kernels.products`.
        row_ns: the most that one row takes, in the first epoch.
    """

    setup_ns: float
    epoch_ns: float
    kinds: tuple[int, int, int]
    row_ns: float


class Costs:
    """The costs of training some networks.

    Args:
        rates: of the core, for the dtype.
        members: what trains.
        workload: how.
        itemsize: bytes of a number.
    """

    def __init__(
        self, rates: Rates, members: Sequence[Member], workload: Workload, itemsize: int
    ) -> None:
        self._rates, self._members, self._workload = rates, members, workload
        self._itemsize = itemsize
        self._inputs = members[0].network.inputs
        self._units = sum(member.units for member in members)
        self._rows, self._batch = workload.rows, min(workload.batch_size, workload.rows)
        self._form = max(form_of(member.optimizer) for member in members)
        # W and V, or W alone.
        self._matrices = 2 if self._form == MOVING else 1

    def direct(self) -> Estimate:
        """Return the cost of one step after the other."""
        rates, rows, batch = self._rates, self._rows, self._batch
        weights, size = self._inputs * self._units, self._bytes(self._inputs * self._units)
        if batch == 1 or batch * weights <= LOOPS_UP_TO * len(self._members):
            ns = rows * weights * DIRECT_WEIGHT[self._form]
            ns *= interpolated(WEIGHT_BYTES, rates.weight, size * (2 * self._matrices - 1))
        else:
            ns = rows * weights * (self._whole(rates.values) + self._whole(rates.update))
            ns += self._batches * self._far(size)
            if self._form == MOVING:
                ns += self._batches * (weights * DIRECT_MOVED * rates.behind + self._far(3 * size))
        data = self._bytes(rows * self._inputs)
        ns += data * GATHER + self._stream(data, data)
        if data > rows * CACHE_BYTES:
            ns += data * self._units * LONG_ROW
        ns += rows * rates.step * DIRECT_STEP + rows * self._units * DIRECT_UNIT * rates.unit
        ns += self._recurrence(0) + DIRECT_CALL * rates.step
        return Estimate(0.0, ns, (WHOLE, WHOLE, WHOLE), ns / rows)

    def blocked(self, block: int, *, keeps_gram: bool) -> Estimate:
        """Return the cost with blocks of so many rows, and Gram blocks kept or computed anew."""
        rates, rows, matrices = self._rates, self._rows, self._matrices
        block = min(block, rows)
        blocks = rows / block
        (kind_v, rate_v), (kind_u, rate_u) = (
            self._fastest(tables, block, far)
            for tables, far in (
                (rates.values, rates.far_values),
                (rates.update, rates.far_update),
            )
        )
        weights = self._inputs * self._units
        size, data = self._bytes(weights) * matrices, self._bytes(rows * self._inputs)
        ns = matrices * rows * weights * (1 / rate_v + 1 / rate_u)
        ns += 2 * matrices * blocks * PRODUCT * rates.step
        # Only a block that stays in the cache is read once.
        ns += self._stream(data, data)
        ns += (2 * matrices - 1) * self._stream(data / blocks + size, data)
        if self._workload.shuffle:
            ns += data * GATHER
        if self._form != PLAIN:
            ns += blocks * (
                matrices * weights * MIXED_WEIGHT * self._rates.mac + self._far(size) * FAR
            )
        ns += self._recurrence(block) + CALL * rates.step
        gram = self._gram(block) if block > self._batch else 0.0
        setup = self._coefficients(block)
        row_ns = (ns + gram) / rows
        if keeps_gram and not self._workload.shuffle:
            return Estimate(setup + gram, ns, (kind_v, kind_u, WHOLE), row_ns)
        return Estimate(setup, ns + gram, (kind_v, kind_u, WHOLE), row_ns)

    def dual(self, block: int) -> Estimate:
        """Return the cost of coefficients of the rows, with blocks of so many."""
        rates, rows, matrices = self._rates, self._rows, self._matrices
        block = min(block, rows)
        blocks = rows / block
        kind, rate_g = self._fastest(rates.dual, block, None)
        coefficients, square = rows * self._units, self._bytes(rows * rows)
        ns = matrices * (rows * coefficients / rate_g + blocks * PRODUCT * rates.step)
        ns += square * COPY + self._stream(square, square)
        if self._form != PLAIN:
            ns += blocks * coefficients * MIXED_COEFFICIENT * self._rates.mac
        ns += self._recurrence(block) + CALL * rates.step
        data = self._bytes(rows * self._inputs)
        gram = rows * rows * self._inputs / rates.square + self._stream(data, data)
        gram += rows * rows * MIRROR + square * PAGE
        # Into the coefficients and out of them again.
        around = 2 * coefficients * self._inputs * self._rates.mac + self._stream(data, 2 * data)
        around += (
            self._bytes(4 * coefficients) + self._bytes(matrices * self._inputs * self._units)
        ) * PAGE
        setup = self._coefficients(block) + gram + around
        row_ns = (ns + 2 * gram) / rows
        return Estimate(setup, ns, (WHOLE, WHOLE, kind), row_ns)

    @property
    def _batches(self) -> int:
        return -(-self._rows // self._batch)

    def _bytes(self, numbers: float) -> float:
        return numbers * self._itemsize

    def _stream(self, in_turn: float, read: float) -> float:
        """Return what reading so many bytes costs, of so many that are read in turn."""
        return read * self._rates.stream_ns(in_turn)

    def _far(self, size: float) -> float:
        """Return what reading weights twice and writing them adds where no near cache has them."""
        return size / self._itemsize * self._rates.weight_ns(size)

    def _whole(self, tables: Sequence[Table]) -> float:
        """Return the nanoseconds a multiply-add of one batch as a whole product."""
        table, batch = tables[WHOLE], self._batch
        if batch * self._inputs * self._units <= TILE:
            return 1 / rate(table, batch, self._units)
        # Larger ones are packed first, at a cost for each weight.
        best = 1 / max(max(line) for line in table)
        packing = max(1 / rate(table, PACKED_ROWS, PACKED_UNITS) - best, 0) * PACKED_ROWS
        return best + packing / batch

    def _fastest(self, tables: Sequence[Table], rows: int, far: Table | None) -> tuple[int, float]:
        """Return the kind with the highest rate, and the rate; TILED where it hardly matters."""
        found = [rate(table, rows, self._units) for table in tables]
        if far is not None:
            size = self._bytes(self._inputs * self._units)
            found = [
                each * min(interpolated(FAR_BYTES, kept, size) / kept[0], 1.0)
                for each, kept in zip(found, far, strict=True)
            ]
        best = max(found)
        kind = TILED if found[TILED] > 0.97 * best else found.index(best)
        return kind, found[kind]

    def _gram(self, block: int) -> float:
        data = self._bytes(self._rows * self._inputs)
        fast = interpolated(TABLE_ROWS, self._rates.gram, block)
        ns = self._rows * block * self._inputs / fast + self._stream(data, data)
        ns += self._rows / LANES * PRODUCT * self._rates.step
        return ns + self._bytes(self._rows * block) * PAGE

    def _coefficients(self, block: int) -> float:
        return (SETUP + COEFFICIENT * block / self._batch) * self._rates.step

    def _recurrence(self, block: int) -> float:
        """Return what an epoch costs beside products; block 0 is the direct plan."""
        rates, rows, batch = self._rates, self._rows, self._batch
        ns = rows * rates.step * (1 - BATCH) + self._batches * rates.step * BATCH
        ns += self._behind()
        if block == 0:
            return ns
        ld, sub = padded(self._units), min(max(SUB_BLOCK // batch, 1) * batch, block)
        unit = max(rates.unit - rates.behind, 0) * (ld - LANES)
        # Measured in blocks of 32.
        ahead = (block - sub) / 2
        unit += ld * (ahead - 8) * FORWARD * self._rates.mac
        if self._form != PLAIN:
            unit += (
                ld * ((sub - batch) / 2 * LAGGED + ahead / sub * MIXED + DECAYED) * self._rates.mac
            )
        if self._form == MOVING:
            unit += ld * ahead * FORWARD * self._rates.mac
        return ns + rows * unit

    def _behind(self) -> float:
        """Return what an epoch costs in all layers behind the first ones."""
        rates, rows, batch = self._rates, self._rows, self._batch
        ns = 0.0
        for member in self._members:
            sizes = [math.prod(shape) for shape in member.network.shapes[1:]]
            # A network with one logit and a layer in front of it is in `Rates.step`.
            ns += self._batches * (len(sizes) - 2) * LAYER * rates.step
            if sizes[-1] > 1:
                ns += rows * sizes[-1] * LOGIT * rates.step
            for inputs, units in itertools.pairwise(sizes):
                weights = inputs * units
                if batch == 1 or batch * weights <= LOOPS_UP_TO:
                    ns += rows * weights * rates.behind
                else:
                    ns += (
                        rows * 3 * weights * self._rates.mac / SMALL
                        + self._batches * 3 * GEMM * rates.step
                    )
                if self._form == MOVING:
                    ns += self._batches * weights * MOVED_BEHIND * rates.behind
                elif self._form == DECAYING and batch == 1:
                    ns += rows * weights * DECAYED_BEHIND * rates.behind
        return ns + (len(self._members) - 1) * rows * rates.step * (1 - BATCH)
