"""The figure that decides which candidates go on; never one of the test rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

from samplewise.sweep.candidates import FAILED, GREATER_IS_BETTER, first_measured
from samplewise.sweep.journal import Entry

METRICS = tuple(name for name in GREATER_IS_BETTER if not name.startswith("test_"))


def metric_of(entries: Sequence[Entry]) -> str:
    """Return the first metric that all trained trials have: of validation rows, if there are."""
    figures = [entry["figures"] for entry in entries if entry["status"] != FAILED]
    return first_measured(figures, METRICS)


def cost(entries: Sequence[Entry], metric: str) -> float:
    """Return the cost of a candidate, the less the better: infinite where one of its trials failed.

    Args:
        entries: of its seeds, at least one.
        metric: one of `METRICS`.
    """
    values = [entry.get("figures", {}).get(metric) for entry in entries]
    numbers = [value for value in values if value is not None]
    if len(numbers) < len(values):
        return math.inf
    mean = math.fsum(numbers) / len(numbers)
    return -mean if GREATER_IS_BETTER[metric] else mean


def best_first(candidates: Mapping[int, Sequence[Entry]]) -> list[int]:
    """Return the numbers of candidates, best first; of equals the smaller network, then number."""
    metric = metric_of([entry for entries in candidates.values() for entry in entries])

    def order(number: int) -> tuple[float, int, int]:
        entries = candidates[number]
        return cost(entries, metric), entries[0]["parameters"] or 0, number

    return sorted(candidates, key=order)
