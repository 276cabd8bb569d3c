"""The cost of each plan on a core of known rates, in nanoseconds.

A plan is products, at measured rates, and the recurrence between them. The constants here, in
`direct_costs` and `step_costs` are shares of measured figures, fitted to some 600 networks drawn at
random, each timed by every plan, with AVX-512 and without; they carry over to another machine as
far as its parts keep their proportions.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

from samplewise.contract import Workload
from samplewise.contract.plan import BLOCKED, DUAL
from samplewise_backends.numba_cpu.kernels.block import PLAIN, WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.products import TILED, WHOLE
from samplewise_backends.numba_cpu.kernels.tiled import ROWS_OF_VALUES
from samplewise_backends.numba_cpu.planner.direct_costs import CACHE_BYTES, DirectCosts
from samplewise_backends.numba_cpu.planner.products import (
    asked_kinds,
    far_times,
    fastest,
    product_ns,
)
from samplewise_backends.numba_cpu.planner.rates import TABLE_ROWS, Rates, interpolated
from samplewise_backends.numba_cpu.planner.step_costs import WARM, Estimate, recurrence_ns
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.coefficients import form_of, velocity_rows
from samplewise_backends.numba_cpu.plans.gram import ROWS_AT_ONCE
from samplewise_backends.numba_cpu.plans.lowering import padded
from samplewise_backends.numba_cpu.plans.members import Member

# Shares of `Rates.step`: setting up a plan, a batch of its blocks, a block of each plan, a call
# from Python.
SETUP, COEFFICIENT, CALL = 1300.0, 19.0, 180.0
BLOCK = {BLOCKED: 1.8, DUAL: 10.0}
# Multiply-adds at full speed for each weight or coefficient, once a block, with L2 or momentum; and
# the share of `Rates.reach_ns` that it takes to reach the weights.
MIXED_WEIGHT, MIXED_COEFFICIENT, FAR = 4.9, 14.5, 0.39
# Nanoseconds a byte: gathering a row, touching new memory, copying a row of the Gram matrix.
GATHER, PAGE, COPY = 0.012, 0.22, 0.048
# Likewise for the outputs of a block that does not stay in the nearest cache.
FAR_OUTPUT = 0.065
# Nanoseconds of writing an entry of the Gram matrix twice.
MIRROR = 1.9


class Costs:
    """The costs of training some networks.

    Raises:
        ParameterError: the workload asks for products that there are not.
    """

    def __init__(
        self, rates: Rates, members: Sequence[Member], workload: Workload, dtype: DType
    ) -> None:
        self._rates, self._shuffle = rates, workload.shuffle
        self._dtype, self._itemsize = dtype, dtype.itemsize
        self._inputs = members[0].network.inputs
        self._units = sum(member.units for member in members)
        self._rows, self._batch = workload.rows, min(workload.batch_size, workload.rows)
        self._form = max(form_of(member.optimizer) for member in members)
        # W and V, or W alone.
        self._matrices = 2 if self._form == WITH_MOMENTUM else 1
        self._weights = self._inputs * self._units
        self._data = self._rows * self._inputs * self._itemsize
        self._members = members
        self._direct = DirectCosts(rates, members, workload, dtype)
        self._asked = asked_kinds(workload)

    def direct(self) -> Estimate:
        """Return the cost of one step after the other, with the batch in the lanes or by rows."""
        return self._direct.best()

    @cached_property
    def _later(self) -> float:
        return self._direct.later_ns()

    def blocked(self, block: int, *, keeps_gram: bool) -> Estimate:
        """Return the cost with blocks of so many rows, and Gram blocks kept or computed anew."""
        rates, rows, matrices = self._rates, self._rows, self._matrices
        block = min(block, rows)
        blocks, size = rows / block, self._weights * self._itemsize
        sizes = block, self._units, self._inputs
        asked_v, asked_u = self._asked.get(BLOCKED, (None, None))
        kind_v, values = fastest(rates.values, *sizes, far_times(rates.far_values, size), asked_v)
        kind_u, update = fastest(rates.update, *sizes, far_times(rates.far_update, size), asked_u)
        ns = matrices * (rows * self._weights * WARM * (values + update))
        # Only a block that stays in the cache is read once.
        ns += self._stream(self._data, self._data)
        again = self._data / blocks + size * matrices
        ns += (2 * matrices - 1) * self._stream(again, self._data)
        if self._shuffle:
            # Rows that are not the next in turn are not fetched ahead.
            ns += self._data * GATHER + self._stream(self._data, self._data)
        if self._form != PLAIN:
            mixed = matrices * self._weights * MIXED_WEIGHT * rates.mac
            ns += blocks * (mixed + self._rates.reach_ns(size * matrices, self._itemsize) * FAR)
        ns += self._around_blocks(BLOCKED, block)
        gram = self._gram(block) if block > self._batch else 0.0
        kept = gram if keeps_gram and not self._shuffle else 0.0
        setup = self._coefficients(block) + kept
        return Estimate(setup, ns + gram - kept, (kind_v, kind_u, WHOLE), (ns + gram) / rows)

    def dual(self, block: int) -> Estimate:
        """Return the cost of coefficients of the rows, with blocks of so many."""
        rates, rows, matrices = self._rates, self._rows, self._matrices
        block = min(block, rows)
        blocks, coefficients = rows / block, rows * self._units
        (asked,) = self._asked.get(DUAL, (None,))
        kind, each = fastest(rates.dual, block, self._units, rows, asked=asked)
        whole = rows * rows * self._itemsize
        optimizers = [member.optimizer for member in self._members]
        span = velocity_rows(optimizers, rows, self._batch, block, self._dtype)
        terms = rows + (span if self._form == WITH_MOMENTUM else 0)
        ns = terms * coefficients * WARM * each
        ns += self._stream(whole, whole)
        if self._shuffle:
            ns += whole * COPY
        if span < rows:
            ns += rows * span * self._itemsize * COPY
        if self._form != PLAIN:
            ns += blocks * span * self._units * MIXED_COEFFICIENT * rates.mac
        ns += self._around_blocks(DUAL, block)
        gram = WARM * self._whole_gram_ns() + self._stream(self._data, self._data)
        gram += rows * rows * MIRROR + whole * PAGE
        # Into the coefficients and out of them again.
        sizes = ROWS_OF_VALUES, self._units, self._inputs
        both = (product_ns(kinds[TILED], *sizes) for kinds in (rates.values, rates.update))
        around = coefficients * self._inputs * WARM * sum(both)
        around += self._stream(self._data, 2 * self._data)
        around += (4 * coefficients + matrices * self._weights) * self._itemsize * PAGE
        setup = self._coefficients(block) + gram + around
        return Estimate(setup, ns, (WHOLE, WHOLE, kind), (ns + 2 * gram) / rows)

    def _stream(self, in_turn: float, read: float) -> float:
        """Return the nanoseconds of reading `read` bytes, of `in_turn` that are read in turn."""
        return read * self._rates.stream_ns(in_turn)

    def _gram(self, block: int) -> float:
        fast = interpolated(TABLE_ROWS, self._rates.gram, block)
        ns = WARM * self._rows * block * self._inputs / fast + self._stream(self._data, self._data)
        return ns + self._rows * block * self._itemsize * PAGE

    def _whole_gram_ns(self) -> float:
        """Return the nanoseconds of the Gram matrix of all rows, half of which is computed."""
        rows, units = self._rows, min(ROWS_AT_ONCE, self._rows)
        each = product_ns(self._rates.values[TILED], ROWS_OF_VALUES, units, self._inputs)
        return rows * (rows + min(ROWS_OF_VALUES, rows)) / 2 * self._inputs * each

    def _coefficients(self, block: int) -> float:
        return (SETUP + COEFFICIENT * block / self._batch) * self._rates.step

    def _around_blocks(self, plan: str, block: int) -> float:
        rates, ld = self._rates, padded(self._units)
        ns = self._rows * recurrence_ns(rates, self._form, ld, self._batch, block)
        if block * ld * self._itemsize > CACHE_BYTES:
            ns += self._rows * ld * self._itemsize * FAR_OUTPUT
        return ns + self._later + (self._rows / block * BLOCK[plan] + CALL) * rates.step
