"""The cost of each plan on a core of known rates, in nanoseconds.

A plan is products, at measured rates, and the recurrence between them. The constants here and in
`step_costs` are shares of measured figures, fitted to some 400 timed trainings on one machine; they
carry over to another as far as its parts keep their proportions.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.contract import PENALTIES, Workload
from samplewise.contract.plan import BLOCKED, DIRECT, DUAL
from samplewise_backends.numba_cpu.kernels.block import PLAIN, WITH_L2, WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.layers.dense import LOOPS_UP_TO, units_at_once
from samplewise_backends.numba_cpu.kernels.products import ABREAST, THIN, WHOLE
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.planner.products import (
    asked_kinds,
    far_times,
    fastest,
    parted_ns,
    product_ns,
    thin_ns,
    word_of,
)
from samplewise_backends.numba_cpu.planner.rates import (
    TABLE_ROWS,
    WEIGHT_BYTES,
    Rates,
    interpolated,
)
from samplewise_backends.numba_cpu.planner.step_costs import StepCosts
from samplewise_backends.numba_cpu.plans.abreast import columns_of, groups_abreast
from samplewise_backends.numba_cpu.plans.coefficients import form_of, velocity_rows
from samplewise_backends.numba_cpu.plans.members import Member, can_be_abreast, can_be_thin
from samplewise_backends.numba_cpu.plans.thin import inputs_at_once

# Shares of `Rates.step`: a product of a block, setting up a plan, a batch of its blocks, a call
# from Python.
PRODUCT, SETUP, COEFFICIENT, CALL = 0.36, 620.0, 19.0, 91.0
# Multiply-adds at full speed for each weight or coefficient, once a block, with L2 or momentum; and
# the share of `Rates.weight_ns` that it takes to reach the weights.
MIXED_WEIGHT, MIXED_COEFFICIENT, FAR = 2.8, 8.3, 0.39
# The direct plan: multiples of `Rates.weight` by form, and of `Rates.later_weight` for each weight
# with momentum; shares of `Rates.step` a row and a call, and of `Rates.unit`.
DIRECT_WEIGHT = {PLAIN: 0.98, WITH_L2: 1.2, WITH_MOMENTUM: 2.5}
# Likewise for batches of one row, where each step adds up the squares of its weights.
DIRECT_PENALISED = {PLAIN: 1.9, WITH_L2: 1.9, WITH_MOMENTUM: 3.1}
DIRECT_STEP, DIRECT_UNIT, DIRECT_CALL = 0.056, 1.7, 78.0
# With the batch in the lanes: multiples of `Rates.later_weight` by form, for each weight and step;
# shares of `Rates.step` a layer and step, and of all else beside the weights; nanoseconds for each
# number of the inputs, which is copied twice.
THIN_WEIGHT = {PLAIN: 0.25, WITH_L2: 0.3, WITH_MOMENTUM: 0.5}
THIN_LAYER, THIN_AROUND, TURN = 0.5, 0.5, 0.08
# With a network in each lane, by form: multiples of `Rates.weight` for each number of the
# parameters and row; shares of `Rates.step` for a step, a unit and a logit of a column.
ABREAST_WEIGHT = {PLAIN: 1.15, WITH_L2: 1.15, WITH_MOMENTUM: 2.3}
ABREAST_STEP, ABREAST_UNIT, ABREAST_LOGIT = 0.4, 0.06, 0.012
# Multiply-adds at full speed for each weight of a row's end, which fills no vector.
TAIL = 8.0
# A row beyond this does not stay in the nearest cache; it costs so many nanoseconds more a byte.
CACHE_BYTES, LONG_ROW = 32_768, 0.023
# Nanoseconds a byte: gathering a row, touching new memory, copying a row of the Gram matrix.
GATHER, PAGE, COPY = 0.012, 0.22, 0.048
# Nanoseconds of writing an entry of the Gram matrix twice.
MIRROR = 1.9


@dataclass(frozen=True)
class Estimate:
    """The expected cost of a plan.

    Args:
        setup_ns: once a training.
        epoch_ns: each epoch.
        kinds: how to take each product, for `kernels.products`: the fastest way, or as asked.
        row_ns: the maximum for one row, in the first epoch.
    """

    setup_ns: float
    epoch_ns: float
    kinds: tuple[int, int, int]
    row_ns: float


def abreast_to_weigh(
    members: Sequence[Member], workload: Workload, dtype: np.dtype[Any]
) -> list[list[int]]:
    """Return the groups of networks that could train in lanes; none where that surely is slower.

    A network alone takes as long as all that fill the lanes.
    """
    wanted = len(members) > 1 or workload.products == word_of(DIRECT, (ABREAST,))
    if not wanted or not can_be_abreast(members, workload.batch_size):
        return []
    return groups_abreast(members, range(len(members)), dtype)


class Costs:
    """The costs of training some networks.

    Raises:
        ParameterError: the workload asks for products that there are not.
    """

    def __init__(
        self, rates: Rates, members: Sequence[Member], workload: Workload, dtype: np.dtype[Any]
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
        self._members, self._networks = members, len(members)
        self._can_be_thin = can_be_thin(members, workload.batch_size)
        self._penalised = self._batch == 1 and PENALTIES in workload.step_fields
        self._abreast_groups = abreast_to_weigh(members, workload, dtype)
        each = self._weights / self._networks
        self._loops = self._batch == 1 or self._batch * each <= LOOPS_UP_TO
        self._steps = StepCosts(rates, members, workload)
        self._asked = asked_kinds(workload)

    def direct(self) -> Estimate:
        """Return the cost of one step after the other, with the batch in the lanes or by rows."""
        ways = [self._by_rows()]
        if self._can_be_thin:
            ways.append(self._thin())
        if self._abreast_groups:
            ways.append(self._abreast())
        asked = self._asked.get(DIRECT)
        chosen = [way for way in ways if way.kinds[:1] == asked] or ways
        return min(chosen, key=lambda way: way.epoch_ns)

    def _thin(self) -> Estimate:
        rates, rows, batches = self._rates, self._rows, self._steps.batches
        ns = self._steps.around_ns() * THIN_AROUND + DIRECT_CALL * rates.step
        ns += self._data / self._itemsize * TURN + self._stream(self._data, self._data)
        for member in self._members:
            for k, (inputs, units) in enumerate(member.layers[["inputs", "units"]].tolist()):
                values, update = rates.thin_values, rates.thin_update
                some = inputs_at_once(inputs, units, self._batch, self._dtype)
                if k == 0 and some < inputs:
                    each = sum(parted_ns(table, self._batch, units) for table in (values, update))
                else:
                    each = thin_ns(values, self._batch, units, inputs)
                    each += thin_ns(update, self._batch, units, inputs)
                if k > 0:
                    each += thin_ns(values, self._batch, inputs, units)
                weights = inputs * units
                ns += rows * weights * each
                reached = self._reach(weights * self._itemsize * (2 * self._matrices - 1))
                step = (
                    weights * THIN_WEIGHT[self._form] * rates.later_weight + THIN_LAYER * rates.step
                )
                ns += batches * (step + reached)
        return Estimate(0.0, ns, (THIN, WHOLE, WHOLE), ns / rows)

    def _abreast(self) -> Estimate:
        rates, rows, columns = self._rates, self._rows, columns_of(self._dtype)
        ns = len(self._abreast_groups) * DIRECT_CALL * rates.step
        for member in (self._members[group[0]] for group in self._abreast_groups):
            numbers = member.network.layout.size * columns
            reached = numbers * self._itemsize * self._matrices
            each = ABREAST_WEIGHT[self._form] * interpolated(WEIGHT_BYTES, rates.weight, reached)
            units, logits = int(member.layers["units"].sum()), member.network.outputs * columns
            around = ABREAST_STEP + units * ABREAST_UNIT + logits * ABREAST_LOGIT
            ns += rows * (numbers * each + around * rates.step)
        ns += self._stream(self._data, self._data)
        return Estimate(0.0, ns, (ABREAST, WHOLE, WHOLE), ns / rows)

    def _by_rows(self) -> Estimate:
        rates, rows, batches = self._rates, self._rows, self._steps.batches
        # Networks train one after the other, each on weights of its own.
        size = self._weights * self._itemsize / self._networks
        if self._loops:
            # Weights, velocity and gradient.
            reached = size * (2 * self._matrices - 1)
            each = interpolated(WEIGHT_BYTES, rates.weight, reached)
            table = DIRECT_PENALISED if self._penalised else DIRECT_WEIGHT
            ns = rows * self._weights * table[self._form] * each
            ns += rows * self._units * (self._inputs % LANES) * TAIL * rates.mac
        else:
            ns = rows * self._weights * self._direct_products()
            far = self._reach(size)
            if self._form == WITH_MOMENTUM:
                ns += batches * self._weights * rates.later_weight
                far += self._reach(3 * size)
            ns += batches * far * self._networks
        ns += self._data * GATHER + self._stream(self._data, self._data)
        if self._inputs * self._itemsize > CACHE_BYTES:
            ns += self._data * self._units * LONG_ROW
        units = (self._units - LANES) * DIRECT_UNIT * rates.unit
        ns += rows * (rates.step * DIRECT_STEP + units)
        ns += self._steps.steps_ns() + DIRECT_CALL * rates.step
        return Estimate(0.0, ns, (WHOLE, WHOLE, WHOLE), ns / rows)

    def _direct_products(self) -> float:
        """Return the nanoseconds of both products of a step, for each weight and row."""
        most = units_at_once.py_func(self._batch, self._inputs)
        sizes = self._batch, min(self._units / self._networks, most), self._inputs
        rates = self._rates
        return sum(product_ns(kinds[WHOLE], *sizes) for kinds in (rates.values, rates.update))

    def blocked(self, block: int, *, keeps_gram: bool) -> Estimate:
        """Return the cost with blocks of so many rows, and Gram blocks kept or computed anew."""
        rates, rows, matrices = self._rates, self._rows, self._matrices
        block = min(block, rows)
        blocks, size = rows / block, self._weights * self._itemsize
        sizes = block, self._units, self._inputs
        asked_v, asked_u = self._asked.get(BLOCKED, (None, None))
        kind_v, values = fastest(rates.values, *sizes, far_times(rates.far_values, size), asked_v)
        kind_u, update = fastest(rates.update, *sizes, far_times(rates.far_update, size), asked_u)
        ns = matrices * (rows * self._weights * (values + update))
        ns += 2 * matrices * blocks * PRODUCT * rates.step
        # Only a block that stays in the cache is read once.
        ns += self._stream(self._data, self._data)
        again = self._data / blocks + size * matrices
        ns += (2 * matrices - 1) * self._stream(again, self._data)
        if self._shuffle:
            ns += self._data * GATHER
        if self._form != PLAIN:
            mixed = matrices * self._weights * MIXED_WEIGHT * rates.mac
            ns += blocks * (mixed + self._reach(size * matrices) * FAR)
        ns += self._around_blocks(block)
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
        square = rows * rows * self._itemsize
        optimizers = [member.optimizer for member in self._members]
        span = velocity_rows(optimizers, rows, self._batch, block, self._dtype)
        terms = rows + (span if self._form == WITH_MOMENTUM else 0)
        ns = terms * coefficients * each + matrices * blocks * PRODUCT * rates.step
        ns += self._stream(square, square)
        if self._shuffle:
            ns += square * COPY
        if span < rows:
            ns += rows * span * self._itemsize * COPY
        if self._form != PLAIN:
            ns += blocks * span * self._units * MIXED_COEFFICIENT * rates.mac
        ns += self._around_blocks(block)
        gram = rows * rows * self._inputs / rates.square + self._stream(self._data, self._data)
        gram += rows * rows * MIRROR + square * PAGE
        # Into the coefficients and out of them again.
        around = 2 * coefficients * self._inputs * rates.mac
        around += self._stream(self._data, 2 * self._data)
        around += (4 * coefficients + matrices * self._weights) * self._itemsize * PAGE
        setup = self._coefficients(block) + gram + around
        return Estimate(setup, ns, (WHOLE, WHOLE, kind), (ns + 2 * gram) / rows)

    def _stream(self, in_turn: float, read: float) -> float:
        """Return the nanoseconds of reading `read` bytes, of `in_turn` that are read in turn."""
        return read * self._rates.stream_ns(in_turn)

    def _reach(self, size: float) -> float:
        """Return the nanoseconds that distant weights add to two reads and a write of them."""
        return size / self._itemsize * self._rates.weight_ns(size)

    def _gram(self, block: int) -> float:
        fast = interpolated(TABLE_ROWS, self._rates.gram, block)
        ns = self._rows * block * self._inputs / fast + self._stream(self._data, self._data)
        ns += self._rows / LANES * PRODUCT * self._rates.step
        return ns + self._rows * block * self._itemsize * PAGE

    def _coefficients(self, block: int) -> float:
        return (SETUP + COEFFICIENT * block / self._batch) * self._rates.step

    def _around_blocks(self, block: int) -> float:
        steps = self._steps.steps_ns() + self._steps.block_ns(block)
        return steps + CALL * self._rates.step
