"""The reason of a choice in words."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.contract import PENALTIES, RATES, PlanSpec, Workload
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DUAL
from samplewise_backends.numba_cpu.kernels.products import ABREAST, THIN
from samplewise_backends.numba_cpu.planner.candidates import MIB, Candidate, Sizes
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.members import Member

_ONE_BY_ONE = {
    RATES: "the learning rate changes from step to step",
    PENALTIES: "the penalty of each step takes the weights before it",
}
_LANES = {
    THIN: "the rows of a batch in the lanes of vectors",
    ABREAST: "a network in each lane of vectors",
}


def lanes_words(kinds: Sequence[int]) -> list[str]:
    """Return the words for the lanes of a plan with these kinds of product; none without lanes."""
    return [_LANES[kind] for kind in kinds[:1] if kind in _LANES]


def why_direct(members: Sequence[Member], workload: Workload | None, dtype: DType) -> str | None:
    """Return why only the direct plan can train this, or None where others can."""
    for member in members:
        if not member.starts_dense:
            kind = member.network.layers[0].kind
            return f"no other plan for a network that starts with a {kind} layer"
        if not member.optimizer.is_linear:
            optimizer = ", ".join(member.optimizer.words)
            return (
                f"no other plan for {optimizer}: its steps are not linear in weights and gradient"
            )
        if not member.first_is_trained:
            return "no other plan where the first layer is frozen"
        for field, reason in _ONE_BY_ONE.items():
            if field in member.step_fields:
                return f"no other plan where {reason}"
    if workload is None or (workload.rows == 1 and workload.plan == AUTO_PLAN):
        return "nothing to weigh: no rows to train on were announced"
    overflow = workload.overflow_of_products(members[0].network.inputs, dtype)
    return None if overflow is None else f"no other plan where {overflow}"


def reason_of(
    taken: Candidate, best: dict[str, Candidate], sizes: Sizes, workload: Workload
) -> str:
    """Return why a plan was taken."""
    others = [f"{name} {_ms(best[name].ns)}" for name in best if name != taken.name]
    if workload.plan == taken.name:
        parts = [f"asked for; predicted {_ms(taken.ns)} an epoch"]
    elif workload.plan != AUTO_PLAN:
        asked = PlanSpec(workload.plan, workload.block)
        parts = [f"{asked} was asked for, but does not fit the memory"]
    else:
        parts = [f"the fastest by prediction, {_ms(taken.ns)} an epoch"]
    if others:
        parts.append(", ".join(others))
    if workload.plan == AUTO_PLAN and any(other.ns < taken.ns for other in best.values()):
        parts.append("too close to give up blocked, which is predicted best and keeps little")
    if DUAL not in best:
        kept = f"a Gram matrix of {_mib(sizes.gram())}"
        parts.append(f"dual would keep {kept}, and {workload.memory_mb} MiB are allowed")
    parts += lanes_words(taken.estimate.kinds)
    if taken.name == BLOCKED:
        parts.append(_gram_words(taken, workload))
    return "; ".join(parts)


def _gram_words(taken: Candidate, workload: Workload) -> str:
    if taken.block == workload.batch_size:
        return "a block is a batch, which needs no Gram matrix"
    if taken.keeps_gram:
        return f"Gram blocks kept, {_mib(taken.memory)} in all"
    why = "the order changes" if workload.shuffle else "they do not fit the memory"
    return f"Gram blocks computed every epoch, as {why}"


def _ms(ns: float) -> str:
    return f"{ns / 1e6:.3g} ms"


def _mib(size: int) -> str:
    return f"{size / MIB:,.1f} MiB"
