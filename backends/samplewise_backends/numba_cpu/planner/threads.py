"""How many threads a call is split over, of those that are allowed."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.contract import DECISIONS, RATES, WEIGHTS, Plan, Workload
from samplewise.contract.plan import DIRECT
from samplewise_backends.numba_cpu.compile.settings import compiles_nothing
from samplewise_backends.numba_cpu.planner.candidates import CALL_NS
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.members import Member, can_be_shared

# To start a thread and wait for its end. Medians of 300 on an idle AVX2 EPYC were from 144 to 175
# microseconds; seven trainings of many networks on an AVX-512 one, beside other work, lost from 300
# to 640 to a second thread. A constant, so that threads never depend on the moment.
HAND_OVER_NS = 300_000.0
# The step fields that a training may have where threads share a batch.
SHARED_STEP_FIELDS = frozenset({RATES, WEIGHTS, DECISIONS})
# Multiply-adds of a training step for one of a prediction: forward, both gradients.
TRAINING = 3.0
# A thread's part of a step takes at least so long: it meets the others twice, and packs weights.
SHARED_STEP_NS = 20_000.0
# Four networks with convolutions took from 0.026 to 0.06 in float32, on the AVX-512 machine above.
NS_OF_MULTIPLY_ADD = {"float32": 0.03, "float64": 0.05}


def threads_for(ns: float, allowed: int, parts: int) -> int:
    """Return the number of threads, of those allowed, by which a call ends soonest.

    On one thread it takes `ns`; its work can be cut into so many parts, about equally long.
    """

    def ns_on(threads: int) -> float:
        rounds = -(-parts // threads)
        return ns * rounds / max(parts, 1) + (threads - 1) * HAND_OVER_NS

    return min(range(1, max(min(allowed, parts), 1) + 1), key=ns_on)


def training_ns(plan: Plan, members: Sequence[Member], rows: int, dtype: DType) -> float:
    """Return the nanoseconds of one call of a training: an epoch, or as long as a call may take.

    Where the plan has no prediction, they are those of its products.
    """
    adds = sum(member.network.multiply_adds for member in members)
    least = TRAINING * adds * rows * NS_OF_MULTIPLY_ADD[dtype.name]
    return min(least if plan.epoch_ms is None else plan.epoch_ms * 1e6, CALL_NS)


def sharing_threads(member: Member, plan: Plan, dtype: DType, workload: Workload) -> int:
    """Return the number of threads that share each batch of a network: 1 where that does not pay.

    It decides last bits, so it depends on its arguments alone: products count as at the full speed
    of one processor.
    """
    alone = plan.name != DIRECT or plan.products != "" or not can_be_shared(member)
    alone = alone or not workload.step_fields <= SHARED_STEP_FIELDS
    if workload.threads == 1 or alone or compiles_nothing():
        return 1
    rows, batch = workload.rows, min(workload.batch_size, workload.rows)
    step = TRAINING * member.network.multiply_adds * batch * NS_OF_MULTIPLY_ADD[dtype.name]
    allowed = min(workload.threads, int(step / SHARED_STEP_NS))
    return threads_for(min(step * rows / batch, CALL_NS), allowed, batch)


def words_for(threads: int, allowed: int, groups: int, ns: float) -> str:
    """Return in words over how many threads networks are split, for the reason of a plan."""
    if threads > 1:
        return f"networks split over {threads} threads"
    if groups == 1:
        return f"one thread of {allowed}: all networks train as one group"
    return f"one thread of {allowed}: a call of {ns / 1e6:.2g} ms does not pay for another"
