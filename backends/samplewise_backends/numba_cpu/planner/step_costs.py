"""What training costs beside the first layer's products: the recurrence, and the layers behind."""

from __future__ import annotations

import itertools
from collections.abc import Sequence

from samplewise.contract import Workload
from samplewise_backends.numba_cpu.kernels.block import DECAYING, MOVING, PLAIN, SUB_BLOCK
from samplewise_backends.numba_cpu.kernels.layers.dense import LOOPS_UP_TO
from samplewise_backends.numba_cpu.kernels.tables import UNITS
from samplewise_backends.numba_cpu.planner.rates import STEP_BLOCK, Rates
from samplewise_backends.numba_cpu.plans.coefficients import form_of
from samplewise_backends.numba_cpu.plans.layout import LANES, padded
from samplewise_backends.numba_cpu.plans.storage import Member

# Shares of `Rates.step`: what only a batch costs, a further layer, a further logit, a product of
# BLAS in a layer behind.
BATCH, LAYER, LOGIT, GEMM = 0.65, 0.16, 0.0041, 0.28
# Multiply-adds at full speed for each unit of a row: of each row before it in a sub-block that
# decays, of mixing with the velocity once a sub-block, and of decay.
LAGGED, MIXED, DECAYED = 19.0, 10.0, 79.0
# Multiples of `Rates.behind` for each weight behind the first layer that decays or moves.
DECAYED_BEHIND, MOVED_BEHIND = 0.39, 0.067


class Recurrence:
    """Predicts all of an epoch but the first layers' products.

    Args:
        rates: of the core.
        members: what trains.
        workload: how.
    """

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
        """Return the nanoseconds of an epoch that every plan takes."""
        rates, rows = self._rates, self._rows
        ns = (rows * (1 - BATCH) + self.batches * BATCH) * rates.step
        # All networks beyond the first have layers of their own behind the first ones.
        ns += (len(self._members) - 1) * rows * (1 - BATCH) * rates.step
        for member in self._members:
            sizes = [int(units) for units in member.layers[:, UNITS]]
            # A layer behind the first one is in `Rates.step`.
            ns += self.batches * (len(sizes) - 2) * LAYER * rates.step
            if sizes[-1] > 1:
                ns += rows * sizes[-1] * LOGIT * rates.step
            for inputs, units in itertools.pairwise(sizes):
                ns += self._layer_ns(inputs * units)
        return ns

    def _layer_ns(self, weights: int) -> float:
        rates, rows, batch = self._rates, self._rows, self._batch
        if batch == 1 or batch * weights <= LOOPS_UP_TO:
            ns = rows * weights * rates.behind
        else:
            ns = rows * 3 * weights * rates.mac + self.batches * 3 * GEMM * rates.step
        if self._form == MOVING:
            ns += self.batches * weights * MOVED_BEHIND * rates.behind
        elif self._form == DECAYING and batch == 1:
            ns += rows * weights * DECAYED_BEHIND * rates.behind
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
        if self._form == MOVING:
            macs += ahead
        unit = self._ld * macs * rates.mac
        return self._rows * (unit + max(rates.unit - rates.behind, 0.0) * (self._ld - LANES))
