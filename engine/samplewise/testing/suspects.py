"""Which capability the failures of a rung follow."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from samplewise.contract.capabilities import Need

MOST_SUSPECTS = 3


def suspects(rung: str, trials: Sequence[tuple[list[Need], bool, float]]) -> list[str]:
    """Return a line for each capability that failures follow, the likeliest first.

    The likeliest is the one whose trials are most nearly those that failed: the share of trials
    with both, of trials with either. What the rung is for comes first among equals.

    Args:
        rung: its name.
        trials: what each tested, the purpose of the rung first, and whether it failed.
    """
    with_it = Counter(need for needs, _, _ in trials for need in needs)
    failed = Counter(need for needs, wrong, _ in trials if wrong for need in needs)
    total, wrong = len(trials), sum(failing for _, failing, _ in trials)

    def overlap(need: Need) -> float:
        return failed[need] / (wrong + with_it[need] - failed[need])

    likeliest = sorted(failed, key=overlap, reverse=True)[:MOST_SUSPECTS]
    return [_line(need, failed[need], with_it[need], wrong, total, rung) for need in likeliest]


def _line(need: Need, failed: int, with_it: int, wrong: int, total: int, rung: str) -> str:
    kind, name = need
    rest = (
        f"{wrong - failed} of the {total - with_it} without it" if total > with_it else "no others"
    )
    return (
        f"{kind} '{name}': fails in {failed} of the {with_it} trials with it, {rest} ({rung} rung)"
    )
