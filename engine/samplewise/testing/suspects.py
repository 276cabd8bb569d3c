"""Which capability the failures of a rung follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from samplewise.contract.capabilities import Need

MOST_SUSPECTS = 3


def suspects(rung: str, trials: Sequence[tuple[list[Need], bool, float]]) -> list[str]:
    """Return a line for each capability that failures follow, the likeliest first.

    The likeliest is the one of whose trials the largest share failed; of equals, the one in most
    failed trials, as others stand out only by always going with it; then what the rung is for.

    Args:
        rung: its name.
        trials: what each tested, the purpose of the rung first, and whether it failed.
    """
    with_it = Counter(need for needs, _, _ in trials for need in needs)
    failed = Counter(need for needs, wrong, _ in trials if wrong for need in needs)
    total, wrong = len(trials), sum(failing for _, failing, _ in trials)

    def likelihood(need: Need) -> tuple[float, int]:
        return failed[need] / with_it[need], failed[need]

    return [
        f"{kind} '{name}': fails in {failed[kind, name]} of the {with_it[kind, name]} trials with "
        f"it on the {rung} rung, and in {wrong - failed[kind, name]} of the "
        f"{total - with_it[kind, name]} without it"
        for kind, name in sorted(failed, key=likelihood, reverse=True)[:MOST_SUSPECTS]
    ]
