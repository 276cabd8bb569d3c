"""The cost of the steps: dense layers by rows, activations, losses, and a block's recurrence."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samplewise.contract import Workload
from samplewise_backends.numba_cpu.kernels.block import PLAIN, SUB_BLOCK, WITH_L2, WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode, Kind
from samplewise_backends.numba_cpu.kernels.layers.dense import LOOPS_UP_TO, units_at_once
from samplewise_backends.numba_cpu.kernels.products import TILED, WHOLE
from samplewise_backends.numba_cpu.planner.products import product_ns
from samplewise_backends.numba_cpu.planner.rates import Rates
from samplewise_backends.numba_cpu.plans.abreast import columns_of
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.coefficients import form_of
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.routines import has_tiles

# Products of a training take this many times as long as measured ones, which run in a row.
WARM = 1.15
# Shares of `Rates.step`: a row, which has some logits; each other logit; a row that is a batch
# beside that, a unit of a layer by loops.
ROW, LOGIT, ALONE, LOOP_UNIT = 0.26, 0.017, 0.3, 0.03
LOGITS_OF_ROW = 10
# Loops: multiples of `Rates.later_weight` for each weight and row, of a batch, of a single row, and
# of one with a velocity; multiply-adds at full speed for each weight of a row's end, which fills no
# vector.
LOOP_WEIGHT, LOOP_ALONE, LOOP_VELOCITY, END = 1.13, 0.82, 0.96, 30.0
# Multiples of `Rates.unit` for each output and row of ReLU and of another activation, and
# multiply-adds at full speed for each output of a row's end.
RELU, SMOOTH, RELU_END, SMOOTH_END = 0.064, 0.39, 58.0, 187.0
# A later layer that is not dense, such as dropout: a share of `Rates.step` for a row, and multiples
# of `Rates.unit` for each output.
NOT_DENSE, OTHER_OUTPUT = 0.09, 0.25
# Multiples of `Rates.unit` for each weight and step of an optimizer, by form, and where it is not
# linear; shares of `Rates.step` for a layer and step of momentum, of Adam and of others.
UPDATED = {PLAIN: 0.0, WITH_L2: 0.07, WITH_MOMENTUM: 0.12}
UPDATED_OTHERWISE, MOMENTUM, ADAM, OTHER_OPTIMIZER = 0.31, 0.09, 0.75, 0.18
# The recurrence, multiply-adds at full speed for each unit of a row: with L2 or momentum, for each
# row before it in its own sub-block, and for mixing with the velocity once a sub-block. Shares of
# `Rates.step` for each row before it in its sub-block, and for a row with L2 or momentum.
LAGGED, MIXED = 9.3, 14.7
BEFORE, DECAYED = 0.025, 0.3


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
    """Predicts an epoch of one network beside the first layer of blocks."""

    def __init__(self, rates: Rates, member: Member, workload: Workload, dtype: DType) -> None:
        self._rates, self._lanes = rates, columns_of(dtype)
        self._layers = member.layers[["kind", "inputs", "units", "activation"]].tolist()
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
        rates, rows = self._rates, self._rows
        logits = max(self._layers[-1][2] - LOGITS_OF_ROW, 0)
        row = ROW + logits * LOGIT + (ALONE if self._batch == 1 else 0.0)
        ns = rows * row * rates.step
        ns += self.activations_ns(rows, RELU, SMOOTH)
        ns += rows * rates.mac * self._of_activations(self._end, RELU_END, SMOOTH_END)
        for kind, inputs, units, _ in self._layers[1:]:
            if kind == Kind.DENSE:
                ns += self.layer_ns(inputs, units) + self.products_ns(inputs, units, wanted=True)
            else:
                ns += rows * (NOT_DENSE * rates.step + units * OTHER_OUTPUT * rates.unit)
        return ns

    def activations_ns(self, columns: float, relu: float, smooth: float) -> float:
        """Return the nanoseconds of all activations on so many columns of an epoch.

        `relu` and `smooth` are multiples of `Rates.unit` for each output of ReLU and of the others.
        """
        return columns * self._rates.unit * self._of_activations(int, relu, smooth)

    def _of_activations(self, count: Callable[[int], int], relu: float, smooth: float) -> float:
        """Return the sum of a share of each output that has an activation, of those that count."""
        of_code: dict[int, float] = {ActivationCode.IDENTITY: 0.0, ActivationCode.RELU: relu}
        return sum(
            count(units) * of_code.get(activation, smooth)
            for _, _, units, activation in self._layers
        )

    def _end(self, length: int) -> int:
        """Return the number of values at a row's end that fill no vector."""
        return length % self._lanes

    def layer_ns(self, inputs: int, units: int) -> float:
        """Return the nanoseconds of a dense layer beside its products: ends, and the optimizer."""
        rates, batches, weights, ns = self._rates, self.batches, inputs * units, 0.0
        single = self._batch == 1
        if self.by_loops(weights):
            each = LOOP_UNIT * rates.step + END * self._end(inputs) * rates.mac
            ns += self._rows * units * each
        if not self._optimizer.is_linear:
            once = ADAM if self._optimizer.name == "adam" else OTHER_OPTIMIZER
            ns += batches * (once * rates.step + weights * UPDATED_OTHERWISE * rates.unit)
            if not single and self.by_loops(weights):
                update = product_ns(rates.update[WHOLE], self._batch, units, inputs)
                ns += self._rows * weights * WARM * update
            return ns
        if self._form == WITH_MOMENTUM:
            ns += batches * MOMENTUM * rates.step
        # A single row updates its weights in the pass over them.
        return ns if single else ns + batches * weights * UPDATED[self._form] * rates.unit

    def products_ns(self, inputs: int, units: int, *, wanted: bool) -> float:
        """Return the nanoseconds of a layer's products; `wanted`: the input gradient too."""
        rates, weights = self._rates, inputs * units
        if self.by_loops(weights):
            alone = LOOP_VELOCITY if self._form == WITH_MOMENTUM else LOOP_ALONE
            each = alone if self._batch == 1 else LOOP_WEIGHT
            return self._rows * weights * each * rates.later_weight
        if has_tiles() and inputs >= self._lanes:
            ns = product_ns(rates.values[TILED], self._batch, units, inputs)
            ns += product_ns(rates.update[TILED], self._batch, units, inputs)
            # It is written as an update is, from the units as rows.
            ns += product_ns(rates.update[TILED], units, self._batch, inputs) if wanted else 0.0
            return self._rows * weights * WARM * ns
        at_once = min(units, units_at_once.py_func(self._batch, inputs))
        tables = (rates.values, rates.update)
        ns = sum(product_ns(kinds[WHOLE], self._batch, at_once, inputs) for kinds in tables)
        if wanted:
            ns += product_ns(rates.dual[WHOLE], self._batch, inputs, units)
        return self._rows * weights * WARM * ns


def alike(
    rates: Rates, members: Sequence[Member], workload: Workload, dtype: DType
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

    `ld` are the units of all first layers, with what fills the last vector.
    """
    sub = min(max(SUB_BLOCK // batch, 1) * batch, block)
    ahead, before = (block - sub) / 2, (sub - batch) / 2
    # A product brings each sub-block's effect on all later rows forward, with momentum two.
    products = ahead * product_ns(rates.dual[TILED], max(ahead, 1.0), ld, sub)
    macs, steps = 0.0, before * BEFORE
    if form != PLAIN:
        macs += before * LAGGED + ahead / sub * MIXED
        steps += DECAYED
    if form == WITH_MOMENTUM:
        products *= 2
    return ld * (products + macs * rates.mac) + steps * rates.step
