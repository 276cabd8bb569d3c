"""The choice of plan and block for a workload, with its reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samplewise.contract import Plan, Workload
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DIRECT, DUAL
from samplewise_backends.numba_cpu.kernels.products import THIN, WHOLE
from samplewise_backends.numba_cpu.planner.calibration import (
    Calibration,
    calibrate,
    known_rates,
    nearest_machine,
    pays,
)
from samplewise_backends.numba_cpu.planner.candidates import (
    Candidate,
    Sizes,
    chunk_without_rates,
    fastest_of_each,
)
from samplewise_backends.numba_cpu.planner.costs import Costs
from samplewise_backends.numba_cpu.planner.direct_costs import abreast_to_weigh
from samplewise_backends.numba_cpu.planner.products import word_of
from samplewise_backends.numba_cpu.planner.rates import Rates
from samplewise_backends.numba_cpu.planner.reasons import lanes_words, reason_of, why_direct
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.members import Member, can_be_thin

# Required speed-up over the blocked plan: direct by rows is predicted less closely, and dual keeps
# more memory.
DOUBT = {DIRECT: 1.05, BLOCKED: 1.0, DUAL: 1.05}


@dataclass(frozen=True)
class PlanChoice:
    """A plan and how to carry it out.

    Args:
        kinds: how to take each product, as `kernels.products` numbers them.
        keeps_gram: whether the Gram blocks of an epoch are kept for the next.
    """

    plan: Plan
    kinds: tuple[int, int, int]
    keeps_gram: bool


def choose(members: Sequence[Member], workload: Workload | None, dtype: DType) -> PlanChoice:
    """Choose the fastest plan that fits the workload's memory.

    The choice depends on its arguments and on the calibration of the machine, on nothing else: not
    even on that where the workload names block and products. The machine is measured first where
    rates decide, and the training is long enough to pay for it.

    Raises:
        ParameterError: the workload asks for products that there are not.
    """
    why = why_direct(members, workload, dtype)
    if workload is None or (why is not None and not _has_lanes(members, workload, dtype)):
        chunk = None if workload is None else chunk_without_rates(members, workload)
        plan = Plan(DIRECT, why or "", chunk=chunk)
        return PlanChoice(plan, (WHOLE, WHOLE, WHOLE), keeps_gram=False)
    known, best = _weighed(members, workload, dtype, only_direct=why is not None)
    taken = _taken(best, workload.plan)
    kinds = taken.estimate.kinds
    products = word_of(taken.name, kinds)
    if why is not None:
        reason = "; ".join([why, *lanes_words(kinds)])
        plan = Plan(DIRECT, reason, chunk=taken.chunk(workload.rows), products=products)
        return PlanChoice(plan, kinds, keeps_gram=False)
    reason = reason_of(taken, best, Sizes(members, workload, dtype.itemsize), workload)
    if known.built_in:
        reason += f"; by built-in rates of {nearest_machine()}, as {known.built_in}"
    plan = Plan(
        name=taken.name,
        reason=reason,
        block=taken.block,
        memory_bytes=taken.memory,
        epoch_ms=taken.ns / 1e6,
        alternatives={name: candidate.ns / 1e6 for name, candidate in best.items()},
        chunk=taken.chunk(workload.rows),
        in_place=taken.name != DUAL,
        products=products,
    )
    return PlanChoice(plan, kinds, taken.keeps_gram)


def _has_lanes(members: Sequence[Member], workload: Workload, dtype: DType) -> bool:
    thin = can_be_thin(members, workload.batch_size)
    return thin or bool(abreast_to_weigh(members, workload, dtype))


def _weighed(
    members: Sequence[Member], workload: Workload, dtype: DType, *, only_direct: bool
) -> tuple[Calibration, dict[str, Candidate]]:
    """Return the rates to go by, and the fastest way to train by each plan that fits, by name."""
    sizes = Sizes(members, workload, dtype.itemsize)

    def by(rates: Rates) -> dict[str, Candidate]:
        costs = Costs(rates, members, workload, dtype)
        return fastest_of_each(costs, sizes, workload, only_direct=only_direct)

    known = known_rates(dtype.name)
    best = by(known.rates)
    open_to_rates = workload.plan != DIRECT and not workload.products
    if known.built_in and open_to_rates:
        taken = _taken(best, workload.plan)
        if pays(taken.ns * workload.epochs):
            known = calibrate(dtype.name)
            best = by(known.rates)
    return known, best


def _taken(best: dict[str, Candidate], asked: str) -> Candidate:
    if asked != AUTO_PLAN:
        return next(best[name] for name in (asked, BLOCKED, DIRECT) if name in best)

    def doubted_ns(candidate: Candidate) -> float:
        is_thin = candidate.estimate.kinds[0] == THIN
        return candidate.ns * (1.0 if is_thin else DOUBT[candidate.name])

    return min(best.values(), key=doubted_ns)
