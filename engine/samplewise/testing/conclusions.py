"""Conclusions from climbed rungs: the capability that failures follow, and the untested ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterator, Sequence

from samplewise.contract import PENALTIES, PLANS, RATES, WEIGHTS, Capabilities
from samplewise.contract.capabilities import Need
from samplewise.contract.plan import AUTO_PLAN
from samplewise.network import ACTIVATIONS, FROZEN, LAYERS, OPTIMIZERS
from samplewise.network.custom import CUSTOM_ACTIVATIONS, CUSTOM_LOSSES, CUSTOM_OPTIMIZERS
from samplewise.testing import ladder
from samplewise.testing.certificate import Untested
from samplewise.testing.factors import DTYPES
from samplewise.text import counted

MOST_SUSPECTS = 3
CUSTOM_KINDS = (CUSTOM_ACTIVATIONS, CUSTOM_LOSSES, CUSTOM_OPTIMIZERS)
KNOWN: dict[str, frozenset[str]] = {
    "layer": frozenset(LAYERS) | {FROZEN},
    "activation": frozenset(ACTIVATIONS),
    "loss": CUSTOM_LOSSES.builtin,
    "optimizer": frozenset(
        name
        for optimizer in CUSTOM_OPTIMIZERS.builtin
        for name in (optimizer, *OPTIMIZERS[optimizer].options)
    ),
    "dtype": frozenset(DTYPES),
    "plan": frozenset(PLANS),
    "step field": frozenset({RATES, WEIGHTS, PENALTIES}),
}
"""Names that the kit has cases for, by kind."""


def suspects(rung: str, trials: Sequence[tuple[list[Need], bool, float]]) -> list[str]:
    """Return a line for each capability that failures follow, the likeliest first.

    The likeliest is the one whose trials are most nearly those that failed: the number of trials
    with both, divided by the number with either. The purpose of the rung comes first among equals.

    Args:
        rung: its name.
        trials: capabilities that each tested, the purpose of the rung first; whether it failed; and
            its largest difference / tolerance.
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
        f"{kind} '{name}': fails in {failed} of the {counted(with_it, 'trial')} with it, {rest} "
        f"({rung} rung)"
    )


def untested(
    offered: Capabilities, tested: Collection[Need], rungs: Collection[str], strength: int
) -> Iterator[Untested]:
    """Yield each thing that was not tested."""
    for kind, names in offered.names().items():
        for name in sorted(names - {AUTO_PLAN}):
            if (kind, name) not in tested:
                yield Untested(f"{kind} '{name}'", _reason(kind, name))
        for name in sorted(KNOWN[kind] - names):
            yield Untested(f"{kind} '{name}'", "not offered")
    for rung in ladder.RUNGS:
        if rung not in rungs:
            asked = rung in ladder.rungs_for(offered)
            yield Untested(f"{rung} rung", "not asked for" if asked else "not offered")
    together = f"more than {strength} capabilities at a time"
    yield Untested(together, "cases are chosen, not multiplied out")
    sizes = "more than 50 inputs, 33 units a layer or 301 rows"
    yield Untested(sizes, "larger cases would take minutes")
    clocks = "several threads, and speed"
    yield Untested(clocks, "each case runs on one thread, and nothing is timed")


def _reason(kind: str, name: str) -> str:
    if any(name in custom.names for custom in CUSTOM_KINDS):
        return "registered by the user; the check has no case of it"
    if name not in KNOWN[kind]:
        return "unknown to this version of samplewise"
    return "every case of it needs something that is not offered, or a rung that was not climbed"
