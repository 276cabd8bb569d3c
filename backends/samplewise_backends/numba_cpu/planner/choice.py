"""The choice of plan and block for a workload, with its reason."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from samplewise.contract import Plan, Workload
from samplewise.contract.plan import AUTO_PLAN, BLOCKED, DIRECT, DUAL
from samplewise_backends.numba_cpu.kernels.block import WITH_MOMENTUM
from samplewise_backends.numba_cpu.kernels.products import WHOLE
from samplewise_backends.numba_cpu.planner.calibration import calibration
from samplewise_backends.numba_cpu.planner.costs import Costs, Estimate
from samplewise_backends.numba_cpu.plans.coefficients import form_of
from samplewise_backends.numba_cpu.plans.lowering import padded
from samplewise_backends.numba_cpu.plans.storage import Member

BLOCKS = (16, 32, 64, 128)
# Maximum time of a call: half the time that an interrupt may wait, for predictions err.
CALL_NS = 0.15e9
# Required speed-up over the blocked plan: direct is predicted less closely, and dual keeps more
# memory.
DOUBT = {DIRECT: 1.05, BLOCKED: 1.0, DUAL: 1.05}
MIB = 2**20
# Arrays of a block: values, deltas, Q, steps, scratch.
BLOCK_ARRAYS = 5


@dataclass(frozen=True)
class Chosen:
    """A plan and how to carry it out.

    Args:
        plan: the plan.
        kinds: how to take each product, as `kernels.products` numbers them.
        keeps_gram: whether the Gram blocks of an epoch are kept for the next.
    """

    plan: Plan
    kinds: tuple[int, int, int]
    keeps_gram: bool


@dataclass(frozen=True)
class _Candidate:
    """A plan that fits the memory.

    Args:
        memory: bytes kept.
        ns: predicted time of an epoch, with its share of setting up.
    """

    name: str
    block: int | None
    keeps_gram: bool
    memory: int
    ns: float
    estimate: Estimate


def choose(
    members: Sequence[Member],
    workload: Workload | None,
    dtype: np.dtype[Any],
    blocks: Sequence[int] = BLOCKS,
) -> Chosen:
    """Choose the fastest plan that fits the workload's memory.

    The choice depends on its arguments and on the calibration of the machine, on nothing else.

    Args:
        members: the networks, trained at once.
        workload: None where it is not known.
        dtype: of everything.
        blocks: approximate rows of a block to weigh; each becomes whole batches.
    """
    reason = _no_choice(members, workload, dtype)
    if reason is not None or workload is None:
        return Chosen(Plan(DIRECT, reason or ""), (WHOLE, WHOLE, WHOLE), keeps_gram=False)
    known = calibration(dtype.name)
    costs = Costs(known.rates, members, workload, dtype.itemsize)
    sizes = _Sizes(members, workload, dtype.itemsize)
    limit = workload.memory_mb * MIB
    whole = _whole_batches(blocks, workload)
    best = {
        name: min(found, key=lambda candidate: candidate.ns)
        for name, found in (
            (DIRECT, [_candidate(DIRECT, None, False, 0, costs.direct(), workload)]),
            (BLOCKED, list(_blocked(costs, sizes, workload, limit, whole))),
            (DUAL, list(_dual(costs, sizes, workload, limit, whole))),
        )
        if found
    }
    taken = _taken(best, workload.plan)
    reason = _reason(taken, best, sizes, workload)
    if known.built_in:
        reason += f"; by built-in rates, as {known.built_in}"
    plan = Plan(
        name=taken.name,
        reason=reason,
        block=taken.block,
        memory_bytes=taken.memory,
        epoch_ms=taken.ns / 1e6,
        alternatives={name: candidate.ns / 1e6 for name, candidate in best.items()},
        chunk=_chunk(taken, workload),
        in_place=taken.name != DUAL,
    )
    return Chosen(plan, taken.estimate.kinds, taken.keeps_gram)


def _no_choice(
    members: Sequence[Member], workload: Workload | None, dtype: np.dtype[Any]
) -> str | None:
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
        if member.rates_vary:
            return "no other plan where the learning rate changes from step to step"
    if workload is None or (workload.rows == 1 and workload.plan == AUTO_PLAN):
        return "nothing to weigh: no rows to train on were announced"
    overflow = workload.overflow_of_products(members[0].network.inputs, dtype)
    return None if overflow is None else f"no other plan where {overflow}"


class _Sizes:
    """The memory of plans in bytes, beside data, parameters and one batch."""

    def __init__(self, members: Sequence[Member], workload: Workload, itemsize: int) -> None:
        self.many = len(members) > 1
        self._rows, self._batch = workload.rows, workload.batch_size
        self._inputs, self._itemsize = members[0].network.inputs, itemsize
        self._units = sum(member.units for member in members)
        self._matrices = 1 + any(form_of(member.optimizer) == WITH_MOMENTUM for member in members)

    def blocked(self, block: int, *, keeps_gram: bool) -> int:
        """Return the bytes of the blocked plan."""
        gram = self._rows * block if keeps_gram and block > self._batch else 0
        return (gram + block * self._inputs + self._buffers(block)) * self._itemsize

    def dual(self, block: int) -> int:
        """Return the bytes of the dual plan."""
        coefficients = 4 * self._rows * self._units
        first = self._matrices * self._inputs * self._units
        gram = self.gram() // self._itemsize + block * self._rows
        return (gram + coefficients + first + self._buffers(block)) * self._itemsize

    def gram(self) -> int:
        """Return the bytes of the Gram matrix of all rows."""
        return self._rows**2 * self._itemsize

    def _buffers(self, block: int) -> int:
        ld = padded(self._units)
        # Powers and lags of the recurrence have six entries a batch.
        return block * (block + BLOCK_ARRAYS * ld) + 6 * (block // self._batch + 1) * ld


def _candidate(
    name: str, block: int | None, keeps: bool, memory: int, estimate: Estimate, workload: Workload
) -> _Candidate:
    ns = estimate.setup_ns / workload.epochs + estimate.epoch_ns
    return _Candidate(name, block, keeps, memory, ns, estimate)


def _whole_batches(blocks: Sequence[int], workload: Workload) -> list[int]:
    """Return the blocks to weigh: whole batches, no more than there are."""
    batch = workload.batch_size
    batches = -(-workload.rows // batch)
    return sorted({min(max(block // batch, 1), batches) * batch for block in blocks})


def _blocked(
    costs: Costs, sizes: _Sizes, workload: Workload, limit: int, blocks: list[int]
) -> Iterable[_Candidate]:
    # Several networks share Gram blocks, even those of a single epoch.
    keeping = (False,) if workload.shuffle and not sizes.many else (True, False)
    for block in _quick(blocks, lambda b: costs.blocked(b, keeps_gram=False)):
        for keeps in keeping:
            memory = sizes.blocked(block, keeps_gram=keeps)
            if memory <= limit:
                estimate = costs.blocked(block, keeps_gram=keeps)
                yield _candidate(BLOCKED, block, keeps, memory, estimate, workload)


def _dual(
    costs: Costs, sizes: _Sizes, workload: Workload, limit: int, blocks: list[int]
) -> Iterable[_Candidate]:
    for block in _quick(blocks, costs.dual):
        memory = sizes.dual(block)
        if memory <= limit:
            yield _candidate(DUAL, block, True, memory, costs.dual(block), workload)


def _quick(blocks: list[int], estimate: Callable[[int], Estimate]) -> Iterable[int]:
    """Yield the blocks that let an interrupt act in time, and the smallest one."""
    for block in blocks:
        if block == blocks[0] or block * estimate(block).row_ns <= CALL_NS:
            yield block


def _taken(best: dict[str, _Candidate], asked: str) -> _Candidate:
    if asked != AUTO_PLAN:
        return next(best[name] for name in (asked, BLOCKED, DIRECT) if name in best)
    return min(best.values(), key=lambda candidate: candidate.ns * DOUBT[candidate.name])


def _chunk(taken: _Candidate, workload: Workload) -> int | None:
    """Return a chunk of whole blocks: cut blocks cost more, and have other last bits."""
    if taken.block is None:
        return None
    blocks = max(int(CALL_NS / taken.estimate.row_ns) // taken.block, 1)
    return min(blocks, -(-workload.rows // taken.block)) * taken.block


def _reason(
    taken: _Candidate, best: dict[str, _Candidate], sizes: _Sizes, workload: Workload
) -> str:
    others = [f"{name} {_ms(best[name].ns)}" for name in best if name != taken.name]
    if workload.plan == taken.name:
        parts = [f"asked for; predicted {_ms(taken.ns)} an epoch"]
    elif workload.plan != AUTO_PLAN:
        parts = [f"{workload.plan} was asked for, but does not fit the memory"]
    else:
        parts = [f"the fastest by prediction, {_ms(taken.ns)} an epoch"]
    if others:
        parts.append(", ".join(others))
    if workload.plan == AUTO_PLAN and any(other.ns < taken.ns for other in best.values()):
        parts.append("too close to give up blocked, which is predicted best and keeps little")
    if DUAL not in best:
        kept = f"a Gram matrix of {_mib(sizes.gram())}"
        parts.append(f"dual would keep {kept}, and {workload.memory_mb} MiB are allowed")
    if taken.name == BLOCKED:
        parts.append(_gram_words(taken, workload))
    return "; ".join(parts)


def _gram_words(taken: _Candidate, workload: Workload) -> str:
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
