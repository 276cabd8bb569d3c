"""Networks that train at once, split into groups that are stacked and that threads take in turn."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samplewise.contract import Plan, Workload
from samplewise.contract.plan import DUAL
from samplewise_backends.numba_cpu.plans.arrays import DType
from samplewise_backends.numba_cpu.plans.coefficients import form_of, velocity_rows
from samplewise_backends.numba_cpu.plans.members import Member

# Of a group's first layers, or its coefficients. On an EPYC core whose second-level cache has
# 512 KiB, 64 networks of 1 to 60 units on 784 inputs took 17 % less time with 2 MiB than with
# 512 KiB: wider products are worth more than that cache. More would leave fewer groups to threads.
GROUP_BYTES = 2**21
# Multiply-adds of a row that cost as much as what a group costs by itself, and a network beside its
# weights. Measured with 16 networks of 20 units and 25 of one, on 800 rows: 0.3 and 0.15
# microseconds a row.
GROUP_COST, NETWORK_COST = 7_000, 3_000
# A later layer's weights are read for its values, for its input gradient and for its step.
LATER_WEIGHT_COST = 3
PARTS, LEAST_PART = 8, 12 * GROUP_COST
"""Groups into which all is split, so that no thread waits long for the last; the least of them."""
FEW = 3
"""Networks that are not split for threads alone; more always make two groups."""


def groups_of(
    members: Sequence[Member], indices: Sequence[int], plan: Plan, workload: Workload, dtype: DType
) -> list[list[int]]:
    """Split networks into groups that train at once, the same whatever the number of threads.

    Returns:
        Indices of each group, the one that takes longest first; all optimizers of a group have one
        form.
    """
    terms = {i: _terms(members[i], plan, workload, dtype) for i in indices}
    units = {i: members[i].units for i in indices}
    around = {i: _around(members[i]) for i in indices}

    def cost(group: Sequence[int]) -> float:
        # The slowest velocity decides how many steps the dual plan keeps for all.
        longest = max(terms[i] for i in group)
        return sum(longest * units[i] + around[i] for i in group)

    alike: list[list[int]] = []
    for form in sorted({form_of(members[i].optimizer) for i in indices}):
        chosen = [i for i in indices if form_of(members[i].optimizer) == form]
        alike += _alike(sorted(chosen, key=terms.__getitem__), terms, units)
    whole = sum(map(cost, alike))
    part = max(whole / PARTS, min(LEAST_PART, whole / 2 if len(indices) > FEW else whole))
    length = min(members[indices[0]].network.inputs, workload.rows)
    groups = []
    for group in alike:
        fit = -(-sum(units[i] for i in group) * length * dtype.itemsize // GROUP_BYTES)
        groups += parts_of(
            group, [cost([i]) for i in group], max(fit, round(cost(group) / part), 1)
        )
    return sorted(groups, key=cost, reverse=True)


def _terms(member: Member, plan: Plan, workload: Workload, dtype: DType) -> int:
    """Return the multiply-adds of a row for each unit of the first layer."""
    moves = member.optimizer.slots > 0
    if plan.name != DUAL:
        return (1 + moves) * member.network.inputs
    rows, optimizers = workload.rows, [member.optimizer]
    last = velocity_rows(optimizers, rows, workload.batch_size, plan.block or 1, dtype)
    return rows + moves * last


def _around(member: Member) -> int:
    """Return the cost of a row without the first layer's products, in multiply-adds."""
    # A first layer without weights has units, too, but no product.
    later = max(member.network.multiply_adds - member.units * member.network.inputs, 0)
    return NETWORK_COST + LATER_WEIGHT_COST * later


def _alike(chosen: Sequence[int], terms: dict[int, int], units: dict[int, int]) -> list[list[int]]:
    """Cut networks, sorted by `terms`, where a group of its own costs less than more terms."""
    groups: list[list[int]] = []
    for i in chosen:
        more = sum(units[k] * (terms[i] - terms[k]) for k in groups[-1]) if groups else GROUP_COST
        if more < GROUP_COST:
            groups[-1].append(i)
        else:
            groups.append([i])
    return groups


def parts_of(group: Sequence[int], costs: Sequence[float], count: int) -> list[list[int]]:
    """Return a group in at most `count` parts of like cost."""
    places = (np.cumsum(costs) - np.array(costs) / 2) * count // sum(costs)
    parts = ([i for i, at in zip(group, places, strict=True) if at == k] for k in range(count))
    return [part for part in parts if part]
