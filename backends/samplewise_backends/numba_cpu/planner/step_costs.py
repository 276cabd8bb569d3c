"""The cost of training beside the first layer's products: the recurrence, and later layers."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from samplewise.contract import Workload
from samplewise_backends.numba_cpu.kernels.block import PLAIN, SUB_BLOCK, WITH_L2, WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.layers.dense import LOOPS_UP_TO
from samplewise_backends.numba_cpu.kernels.records import LANES
from samplewise_backends.numba_cpu.planner.rates import STEP_BLOCK, Rates
from samplewise_backends.numba_cpu.plans.coefficients import form_of
from samplewise_backends.numba_cpu.plans.lowering import padded
from samplewise_backends.numba_cpu.plans.members import Member

# Shares of `Rates.step`: the part of a batch, a further layer, a further logit, a product of BLAS
# in a later layer.
BATCH, LAYER, LOGIT, GEMM = 0.65, 0.16, 0.0041, 0.28
# Multiply-adds at full speed for each unit of a row, with L2 or momentum: for each row before it in
# a sub-block, for mixing with the velocity once a sub-block, and for decay.
LAGGED, MIXED, DECAYED = 19.0, 10.0, 79.0
# Multiples of `Rates.later_weight` for each weight of later layers with L2 or momentum.
LATER_WITH_L2, LATER_WITH_MOMENTUM = 0.39, 0.067


class StepCosts:
    """Predicts all of an epoch but the first layers' products."""

    def __init__(self, rates: Rates, members: Sequence[Member], workload: Workload) -> None:
        self._rates, self._members = rates, members
        self._rows, self._batch = workload.rows, min(workload.batch_size, workload.rows)
        self._form = max(form_of(member.optimizer) for member in members)
        self._ld = padded(sum(member.units for member in members))

    @property
    def batches(self) -> int:
        """Batches of an epoch."""
        return -(-self._rows // self._batch)

    def steps_ns(self) -> float:
        """Return the nanoseconds of an epoch that every plan takes, by rows."""
        layers = (units for member in self._members for units in self._later(member))
        return self.around_ns() + sum(map(self._layer_ns, layers))

    @staticmethod
    def _later(member: Member) -> list[int]:
        """Return the weights of each later layer."""
        sizes = [int(units) for units in member.layers["units"]]
        return [inputs * units for inputs, units in itertools.pairwise(sizes)]

    def around_ns(self) -> float:
        """Return the nanoseconds of an epoch that steps take beside their weights."""
        rates, rows = self._rates, self._rows
        ns = (rows * (1 - BATCH) + self.batches * BATCH) * rates.step
        # All networks beyond the first have later layers too.
        ns += (len(self._members) - 1) * rows * (1 - BATCH) * rates.step
        for member in self._members:
            sizes = [int(units) for units in member.layers["units"]]
            # One later layer is in `Rates.step`.
            ns += self.batches * (len(sizes) - 2) * LAYER * rates.step
            if sizes[-1] > 1:
                ns += rows * sizes[-1] * LOGIT * rates.step
        return ns

    def _layer_ns(self, weights: int) -> float:
        rates, rows, batch = self._rates, self._rows, self._batch
        if batch == 1 or batch * weights <= LOOPS_UP_TO:
            ns = rows * weights * rates.later_weight
        else:
            ns = rows * 3 * weights * rates.mac + self.batches * 3 * GEMM * rates.step
        if self._form == WITH_MOMENTUM:
            ns += self.batches * weights * LATER_WITH_MOMENTUM * rates.later_weight
        elif self._form == WITH_L2 and batch == 1:
            ns += rows * weights * LATER_WITH_L2 * rates.later_weight
        return ns

    def block_ns(self, block: int) -> float:
        """Return the nanoseconds of an epoch that blocks of so many rows add."""
        rates, batch = self._rates, self._batch
        sub = min(max(SUB_BLOCK // batch, 1) * batch, block)
        ahead = (block - sub) / 2
        # In half a block of `Rates.step`, which is in there, this many rows are ahead.
        known = (STEP_BLOCK - SUB_BLOCK) / 2
        macs = ahead - known
        if self._form != PLAIN:
            macs += (sub - batch) / 2 * LAGGED + ahead / sub * MIXED + DECAYED
        if self._form == WITH_MOMENTUM:
            macs += ahead
        unit = self._ld * macs * rates.mac
        return self._rows * (unit + max(rates.unit - rates.later_weight, 0.0) * (self._ld - LANES))
