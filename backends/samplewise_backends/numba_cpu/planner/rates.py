"""The rates of a machine: how fast one core does the parts of training."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass

Line = tuple[float, ...]
Table = tuple[Line, ...]
Tables = tuple[Table, ...]

# Where rates are measured. A product's time is taken as linear in its inner length; of all else
# the logarithms are interpolated.
INNERS = (64, 784)
TABLE_ROWS = (4, 16, 64, 128)
TABLE_UNITS = (1, 4, 16, 64, 256)
# With the batch in the lanes, fewer rows than 8 take as long as 8.
THIN_ROWS = (8, 16, 64, 128)
WEIGHT_BYTES = (2**15, 2**18, 2**21, 2**24)
STREAM_BYTES = (2**18, 2**22, 2**26)
STEP_BLOCK = 32
# No powers of 2: rows that far apart would fight for the same places of a cache.
FAR_BYTES = (600_000, 4_600_000, 9_000_000, 21_000_000)


@dataclass(frozen=True)
class Rates:
    """Speeds of one core with one dtype.

    Args:
        values, update: multiply-adds a nanosecond of a product of `kernels.products`, tables for
            each kind of it: [inner lengths of `INNERS`][rows of `TABLE_ROWS`][units of
            `TABLE_UNITS`].
        dual: likewise, of the kinds WHOLE and TILED.
        far_values, far_update: likewise, of 16 rows and 128 units, by the bytes of all weights,
            `FAR_BYTES`.
        thin_values, thin_update: likewise, with the batch in the lanes, by `THIN_ROWS`.
        gram: multiply-adds a nanosecond of a block's whole Gram matrix, half of which is computed,
            by `TABLE_ROWS`.
        weight: nanoseconds a weight of the products of a single row, by loops, by the bytes of
            all weights, `WEIGHT_BYTES`.
        stream: nanoseconds a byte of reading rows in turn, by all their bytes, `STREAM_BYTES`.
        step: nanoseconds of a step of one row in a network 1-16-1, by blocks of 32.
        wide, deep: likewise, in the networks 1-256-1 and 1-16-64-64-1.
    """

    values: tuple[Tables, ...]
    update: tuple[Tables, ...]
    dual: tuple[Tables, ...]
    far_values: Table
    far_update: Table
    thin_values: Tables
    thin_update: Tables
    gram: Line
    weight: Line
    stream: Line
    step: float
    wide: float
    deep: float

    @property
    def mac(self) -> float:
        """Nanoseconds of a multiply-add at full speed, that of the fastest tiles."""
        return 1 / max(max(map(max, table)) for table in self.thin_values + self.thin_update)

    @property
    def unit(self) -> float:
        """Nanoseconds that each unit of the first layer adds to a step."""
        return max(self.wide - self.step, 0.0) / (256 - 16)

    @property
    def later_weight(self) -> float:
        """Nanoseconds that each weight of the later layers adds to a step."""
        return max(self.deep - self.step, 0.0) / (16 * 64 + 64 * 64)

    def stream_ns(self, in_turn: float) -> float:
        """Return the nanoseconds that a byte adds, where so many are read in turn."""
        return max(interpolated(STREAM_BYTES, self.stream, in_turn) - self.stream[0], 0.0)

    def weight_ns(self, size: float) -> float:
        """Return the nanoseconds that a weight adds where all of them take so many bytes."""
        return max(interpolated(WEIGHT_BYTES, self.weight, size) - min(self.weight), 0.0)

    def reach_ns(self, size: float, itemsize: int) -> float:
        """Return the nanoseconds that weights of so many bytes add to two reads and a write."""
        return size / itemsize * self.weight_ns(size)


def rate(table: Table, rows: float, units: float, of_rows: Sequence[float] = TABLE_ROWS) -> float:
    """Return the multiply-adds a nanosecond of a product of this size; `of_rows`: the table's."""
    by_rows = [interpolated(TABLE_UNITS, line, units) for line in table]
    return interpolated(of_rows, by_rows, rows)


def interpolated(points: Sequence[float], values: Sequence[float], x: float) -> float:
    """Return the value at `x`, linear between the logarithms; beyond the points it stays."""
    k = bisect_right(points, x)
    if k in (0, len(points)):
        return values[0] if k == 0 else values[-1]
    share = math.log(x / points[k - 1]) / math.log(points[k] / points[k - 1])
    low, high = values[k - 1], values[k]
    if low <= 0 or high <= 0:
        return low + share * (high - low)
    return low * (high / low) ** share
