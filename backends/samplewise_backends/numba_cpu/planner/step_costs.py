"""The cost of the steps: dense layers by rows, activations, losses, and a block's recurrence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.contract import Workload
from samplewise_backends.numba_cpu.kernels.block import PLAIN, SUB_BLOCK, WITH_L2, WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode, Kind
from samplewise_backends.numba_cpu.kernels.layers.dense import LOOPS_UP_TO, units_at_once
from samplewise_backends.numba_cpu.kernels.products import WHOLE
from samplewise_backends.numba_cpu.planner.products import product_ns
from samplewise_backends.numba_cpu.planner.rates import Rates
from samplewise_backends.numba_cpu.plans.abreast import columns_of
from samplewise_backends.numba_cpu.plans.coefficients import form_of
from samplewise_backends.numba_cpu.plans.members import Member

# Products of a training take so many times as long as those that are measured again and again.
WARM = 1.15
# Shares of `Rates.step`: a row of a layer, and a unit of it by loops.
LAYER_ROW, LOOP_UNIT = 0.17, 0.037
# Loops: multiples of `Rates.later_weight` for each weight and row, and for a velocity beside it;
# multiply-adds at full speed for each weight of a row's end, which fills no vector.
LOOP_WEIGHT, LOOP_VELOCITY, TAIL = 0.53, 0.48, 14.0
# Multiples of `Rates.unit` for each output and row: ReLU, another activation, a later layer that is
# not dense, such as dropout.
RELU, SMOOTH, NOT_DENSE = 0.06, 0.26, 1.0
# Likewise for each weight and step of an optimizer, by form, and where it is not linear; shares of
# `Rates.step` for a layer and step of it.
UPDATED = {PLAIN: 0.0, WITH_L2: 0.03, WITH_MOMENTUM: 0.12}
UPDATED_OTHERWISE, UPDATE, UPDATE_BY_ADAM = 0.29, 0.18, 0.85
# Multiply-adds at full speed for each unit of a row, with L2 or momentum: for each row before it in
# a sub-block, for mixing with the velocity once a sub-block, and for decay.
LAGGED, MIXED, DECAYED = 5.5, 3.0, 22.0
# Multiples of `Rates.unit` for each unit and row of a block.
BLOCK_UNIT = 0.2


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


class StepCosts:
    """Predicts an epoch of one network beside the first layer of blocks.

    Args:
        rates: of the core.
        member: the network.
        workload: of its training.
        dtype: of everything.
    """

    def __init__(
        self, rates: Rates, member: Member, workload: Workload, dtype: np.dtype[Any]
    ) -> None:
        self._rates, self._layers, self._lanes = rates, member.layers, columns_of(dtype)
        self._rows, self._batch = workload.rows, min(workload.batch_size, workload.rows)
        self._optimizer, self._form = member.optimizer, form_of(member.optimizer)

    @property
    def batches(self) -> int:
        """Batches of an epoch."""
        return -(-self._rows // self._batch)

    @property
    def columns(self) -> int:
        """Columns of an epoch's batches with a row in each lane of whole vectors."""
        return self.batches * -(-self._batch // self._lanes) * self._lanes

    def by_loops(self, weights: int) -> bool:
        """Return True if loops take the products of a dense layer."""
        return self._batch == 1 or self._batch * weights <= LOOPS_UP_TO

    def later_ns(self) -> float:
        """Return the nanoseconds of all that follows the first layer's products."""
        ns = self.activations_ns(self._rows, RELU, SMOOTH)
        for layer in self._layers[1:]:
            if layer["kind"] == Kind.DENSE:
                inputs, units = int(layer["inputs"]), int(layer["units"])
                ns += self.layer_ns(inputs, units)
                ns += self.products_ns(inputs, units, wanted=True)
            else:
                ns += self._rows * int(layer["units"]) * NOT_DENSE * self._rates.unit
        return ns

    def activations_ns(self, columns: float, relu: float, smooth: float) -> float:
        """Return the nanoseconds of all activations on so many columns of an epoch.

        Args:
            columns: rows, or what there is in their place.
            relu: multiples of `Rates.unit` for each output of ReLU.
            smooth: likewise, of other activations.
        """
        of_code: dict[int, float] = {ActivationCode.IDENTITY: 0.0, ActivationCode.RELU: relu}
        shares = (
            int(layer["units"]) * of_code.get(int(layer["activation"]), smooth)
            for layer in self._layers
        )
        return columns * sum(shares) * self._rates.unit

    def layer_ns(self, inputs: int, units: int) -> float:
        """Return the nanoseconds of a dense layer beside its products: rows, and the optimizer."""
        rates, batches, weights = self._rates, self.batches, inputs * units
        ns = self._rows * LAYER_ROW * rates.step
        if self.by_loops(weights):
            ends = TAIL * (inputs % self._lanes) * rates.mac
            ns += self._rows * units * (LOOP_UNIT * rates.step + ends)
        if not self._optimizer.is_linear:
            by_adam = UPDATE_BY_ADAM if self._optimizer.name == "adam" else 0.0
            ns += batches * (UPDATE + by_adam) * rates.step
            ns += batches * weights * UPDATED_OTHERWISE * rates.unit
            if self._batch > 1 and self.by_loops(weights):
                update = product_ns(rates.update[WHOLE], self._batch, units, inputs)
                ns += self._rows * weights * WARM * update
        elif self._form == WITH_MOMENTUM:
            ns += batches * UPDATE * rates.step
        # A single row updates its weights in the pass over them.
        if self._optimizer.is_linear and self._batch > 1:
            ns += batches * weights * UPDATED[self._form] * rates.unit
        return ns

    def products_ns(self, inputs: int, units: int, *, wanted: bool) -> float:
        """Return the nanoseconds of a layer's products; `wanted`: the input gradient too."""
        rates, weights = self._rates, inputs * units
        if self.by_loops(weights):
            has_velocity = self._batch == 1 and self._form == WITH_MOMENTUM
            each = LOOP_WEIGHT + (LOOP_VELOCITY if has_velocity else 0.0)
            return self._rows * weights * each * rates.later_weight
        at_once = min(units, units_at_once.py_func(self._batch, inputs))
        tables = (rates.values, rates.update)
        ns = sum(product_ns(kinds[WHOLE], self._batch, at_once, inputs) for kinds in tables)
        if wanted:
            ns += product_ns(rates.dual[WHOLE], self._batch, inputs, units)
        return self._rows * weights * WARM * ns


def alike(
    rates: Rates, members: Sequence[Member], workload: Workload, dtype: np.dtype[Any]
) -> list[tuple[Member, StepCosts, int]]:
    """Return one of each kind of networks that take equally long, with its costs and their number.

    Sweeps train hundreds that differ in hyperparameters alone.
    """
    kinds = [(one.network, one.optimizer.name, form_of(one.optimizer)) for one in members]
    first = dict(zip(reversed(kinds), reversed(members), strict=True))
    return [
        (first[kind], StepCosts(rates, first[kind], workload, dtype), count)
        for kind, count in Counter(kinds).items()
    ]


def recurrence_ns(rates: Rates, form: int, ld: int, batch: int, block: int) -> float:
    """Return the nanoseconds of a row in the recurrence of a block.

    Args:
        rates: of the core.
        form: of the recurrence.
        ld: units of all first layers, with what fills the last vector.
        batch: rows of a step.
        block: rows of a block.
    """
    sub = min(max(SUB_BLOCK // batch, 1) * batch, block)
    ahead = (block - sub) / 2
    macs = ahead
    if form != PLAIN:
        macs += (sub - batch) / 2 * LAGGED + ahead / sub * MIXED + DECAYED
    if form == WITH_MOMENTUM:
        macs += ahead
    return ld * (macs * rates.mac + BLOCK_UNIT * rates.unit)
