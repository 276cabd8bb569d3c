"""The cost of one step after the other: by rows, or with the batch or the networks in the lanes."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.contract import PENALTIES, Workload
from samplewise.contract.plan import DIRECT
from samplewise_backends.numba_cpu.kernels.block import PLAIN, WITH_L2, WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.products import ABREAST, LOOPS, THIN, WHOLE
from samplewise_backends.numba_cpu.planner.products import (
    asked_kinds,
    parted_ns,
    product_ns,
    thin_ns,
    word_of,
)
from samplewise_backends.numba_cpu.planner.rates import WEIGHT_BYTES, Rates, interpolated
from samplewise_backends.numba_cpu.planner.step_costs import WARM, Estimate, StepCosts, alike
from samplewise_backends.numba_cpu.plans.abreast import columns_of, groups_abreast
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.coefficients import form_of
from samplewise_backends.numba_cpu.plans.members import Member, can_be_abreast, can_be_thin
from samplewise_backends.numba_cpu.plans.thin import groups_thin, inputs_at_once, takes_loops

# Shares of `Rates.step`: setting up a plan, and a call from Python.
SETUP, CALL = 350.0, 115.0
# By rows: multiples of `Rates.weight` by form, for each weight of a first layer by loops.
WEIGHT = {PLAIN: 0.95, WITH_L2: 0.95, WITH_MOMENTUM: 2.7}
# Likewise for batches of one row, where each step adds up the squares of its weights.
PENALISED = {PLAIN: 1.9, WITH_L2: 1.9, WITH_MOMENTUM: 3.1}
# A row beyond this does not stay in the nearest cache; it costs so many nanoseconds more a byte.
CACHE_BYTES, LONG_ROW = 32_768, 0.023
# Nanoseconds a byte of gathering a row of a batch of several.
GATHER = 0.035
# Where the order changes, the next row is not fetched ahead, and a single row waits for all of it:
# shares of `Rates.step` for a row of several and of one, and how many times as long far data take.
FETCH, FETCH_ALONE, SHUFFLED, SHUFFLED_ALONE = 0.1, 0.27, 2.4, 7.2
# How many times as long far data take as rows that are read in turn: by rows, and in lanes, which
# fetch rows ahead.
FAR = {WHOLE: 1.3, THIN: 1.7, ABREAST: 1.0}
# With the batch in the lanes: shares of `Rates.step` for a step and a row; nanoseconds a byte of
# gathering rows, and multiply-adds at full speed for each input and column of turning them.
# Multiples of `Rates.unit` for each output and column of an activation that is not ReLU, and of a
# logit, for each output that is written as a row too, and for each weight and step, by form and
# otherwise; a share of `Rates.step` for a layer and step of an optimizer that is not linear.
THIN_STEP, THIN_ROW, COPIED, TURNED = 0.7, 0.055, 0.026, 8.8
THIN_SMOOTH, THIN_LOGIT, THIN_OUTPUT = 0.3, 0.36, 0.08
THIN_UPDATED, THIN_OTHERWISE = {PLAIN: 0.02, WITH_L2: 0.02, WITH_MOMENTUM: 0.05}, 0.24
THIN_OPTIMIZER = 0.3
# With a network in each lane, by form: multiples of `Rates.weight` for each number of the
# parameters and row; shares of `Rates.step` for a step, a unit and a logit of a column.
ABREAST_WEIGHT = {PLAIN: 1.15, WITH_L2: 1.15, WITH_MOMENTUM: 2.3}
ABREAST_STEP, ABREAST_UNIT, ABREAST_LOGIT = 0.4, 0.06, 0.012


def abreast_to_weigh(
    members: Sequence[Member], workload: Workload, dtype: DType
) -> list[list[int]]:
    """Return the groups of networks that could train in lanes; none where that surely is slower.

    A network alone takes as long as all that fill the lanes.
    """
    wanted = len(members) > 1 or workload.products == word_of(DIRECT, (ABREAST,))
    if not wanted or not can_be_abreast(members, workload.batch_size):
        return []
    return groups_abreast(members, range(len(members)), dtype)


class DirectCosts:
    """The costs of training some networks step by step."""

    def __init__(
        self, rates: Rates, members: Sequence[Member], workload: Workload, dtype: DType
    ) -> None:
        self._rates, self._members, self._workload = rates, members, workload
        self._dtype, self._itemsize = dtype, dtype.itemsize
        self._inputs = members[0].network.inputs
        self._rows, self._batch = workload.rows, min(workload.batch_size, workload.rows)
        self._data = self._rows * self._inputs * self._itemsize
        self._penalised = self._batch == 1 and PENALTIES in workload.step_fields
        self._alike = alike(rates, members, workload, dtype)

    def best(self) -> Estimate:
        """Return the cost of the fastest way, or of the one that is asked for."""
        ways = [self._by_rows()]
        if can_be_thin(self._members, self._workload.batch_size):
            ways.append(self._thin())
        groups = abreast_to_weigh(self._members, self._workload, self._dtype)
        if groups:
            ways.append(self._abreast(groups))
        asked = asked_kinds(self._workload).get(DIRECT)
        chosen = [way for way in ways if way.kinds[:1] == asked] or ways
        return min(chosen, key=lambda way: way.epoch_ns)

    def later_ns(self) -> float:
        """Return the nanoseconds of an epoch of all that follows the first layers' products."""
        return sum(count * steps.later_ns() for _, steps, count in self._alike)

    def _estimate(self, kind: int, calls: int, ns: float) -> Estimate:
        # Each call reads all rows.
        read = FAR[kind] * self._data * self._rates.stream_ns(self._data)
        ns += calls * (CALL * self._rates.step + read)
        setup = SETUP * self._rates.step
        return Estimate(setup, ns, (kind, WHOLE, WHOLE), (setup + ns) / self._rows)

    def _by_rows(self) -> Estimate:
        ns = len(self._members) * self._gather_ns()
        # Networks train one after the other, each on weights of its own.
        for member, steps, count in self._alike:
            ns += count * (self._first_ns(member, steps) + steps.later_ns())
        return self._estimate(WHOLE, len(self._members), ns)

    def _gather_ns(self) -> float:
        """Return the nanoseconds of an epoch of reaching the rows, beside reading them in turn."""
        rates, alone = self._rates, self._batch == 1
        ns = 0.0 if alone else self._data * GATHER
        if self._workload.shuffle:
            ns += self._rows * (FETCH_ALONE if alone else FETCH) * rates.step
            far = SHUFFLED_ALONE if alone else SHUFFLED
            ns += far * self._data * rates.stream_ns(self._data)
        return ns

    def _first_ns(self, member: Member, steps: StepCosts) -> float:
        """Return the nanoseconds of an epoch of the first layer."""
        inputs, units, form = self._inputs, member.units, form_of(member.optimizer)
        weights, matrices = inputs * units, 2 if form == WITH_MOMENTUM else 1
        size = weights * self._itemsize
        ns = steps.layer_ns(inputs, units)
        if inputs * self._itemsize > CACHE_BYTES:
            ns += self._data * units * LONG_ROW
        if self._batch == 1:
            # Weights, velocity and gradient.
            each = interpolated(WEIGHT_BYTES, self._rates.weight, size * (2 * matrices - 1))
            table = PENALISED if self._penalised else WEIGHT
            return ns + self._rows * weights * table[form] * each
        ns += steps.products_ns(inputs, units, wanted=False)
        reached = self._rates.reach_ns(size, self._itemsize)
        if matrices == 2:
            reached += self._rates.reach_ns(3 * size, self._itemsize)
        return ns + steps.batches * reached

    def _thin(self) -> Estimate:
        rates, rows = self._rates, self._rows
        everyone = range(len(self._members))
        groups = groups_thin(self._members, everyone, self._workload, self._dtype)
        ns = len(groups) * self._data * (COPIED if self._copies() else 0.0)
        columns = self._alike[0][1].columns
        for group in groups:
            if not takes_loops(self._inputs, self._members[group[0]].units):
                ns += columns * self._inputs * TURNED * rates.mac
        for member, steps, count in self._alike:
            once = (steps.batches * THIN_STEP + rows * THIN_ROW) * rates.step
            once += steps.columns * member.network.outputs * THIN_LOGIT * rates.unit
            once += rows * sum(member.layers["units"][:-1].tolist()) * THIN_OUTPUT * rates.unit
            once += steps.activations_ns(steps.columns, 0.0, THIN_SMOOTH)
            for k, (inputs, units) in enumerate(member.layers[["inputs", "units"]].tolist()):
                once += rows * self._thin_products_ns(inputs, units, first=k == 0)
                once += steps.batches * self._thin_update_ns(member, inputs * units)
            ns += count * once
        return self._estimate(THIN, len(groups), ns)

    def _copies(self) -> bool:
        """Return True if the rows of a batch are gathered: see `kernels.thin_rows`."""
        lanes = columns_of(self._dtype)
        return self._workload.shuffle or self._batch % lanes > 0 or self._inputs % lanes > 0

    def _thin_products_ns(self, inputs: int, units: int, *, first: bool) -> float:
        """Return the nanoseconds of a layer's products, for a row."""
        values, update = self._rates.thin_values, self._rates.thin_update
        if first and inputs_at_once(inputs, units, self._batch, self._dtype) < inputs:
            each = sum(parted_ns(table, self._batch, units) for table in (values, update))
        else:
            each = thin_ns(values, self._batch, units, inputs)
            if first and takes_loops(inputs, units):
                each = product_ns(self._rates.values[LOOPS], units, self._batch, inputs)
            # Vectors lie along the inputs.
            lanes = columns_of(self._dtype)
            whole = -(-inputs // lanes) * lanes
            each += thin_ns(update, self._batch, units, whole) * whole / inputs
        if not first:
            each += thin_ns(values, self._batch, inputs, units)
        return inputs * units * WARM * each

    def _thin_update_ns(self, member: Member, weights: int) -> float:
        """Return the nanoseconds of a step in a layer's weights beside its products."""
        rates, form = self._rates, form_of(member.optimizer)
        matrices = 2 if form == WITH_MOMENTUM else 1
        ns = self._rates.reach_ns(weights * self._itemsize * (2 * matrices - 1), self._itemsize)
        if member.optimizer.is_linear:
            return ns + weights * THIN_UPDATED[form] * rates.unit
        ns += THIN_OPTIMIZER * rates.step
        return ns + weights * THIN_OTHERWISE * rates.unit

    def _abreast(self, groups: Sequence[Sequence[int]]) -> Estimate:
        rates, columns, ns = self._rates, columns_of(self._dtype), 0.0
        for member in (self._members[group[0]] for group in groups):
            form = form_of(member.optimizer)
            numbers = member.network.layout.size * columns
            reached = numbers * self._itemsize * (2 if form == WITH_MOMENTUM else 1)
            each = ABREAST_WEIGHT[form] * interpolated(WEIGHT_BYTES, rates.weight, reached)
            units, logits = int(member.layers["units"].sum()), member.network.outputs * columns
            around = ABREAST_STEP + units * ABREAST_UNIT + logits * ABREAST_LOGIT
            ns += self._rows * (numbers * each + around * rates.step)
        return self._estimate(ABREAST, len(groups), ns)
