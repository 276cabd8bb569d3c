"""Interleaved timing: every contestant meets the same noise."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from samplewise.checks import whole_number
from samplewise.report.wording import three_digits
from samplewise_bench.contestants import Run

ROUNDS = 5

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class Spread:
    """Wall times of one contestant over the rounds, in milliseconds."""

    median_ms: float
    min_ms: float
    max_ms: float

    @classmethod
    def of(cls, runs: list[Run]) -> Spread:
        """Return the spread of at least one run."""
        times = [run.seconds * 1e3 for run in runs]
        return cls(median(times), min(times), max(times))

    def __str__(self) -> str:
        median_ms, min_ms, max_ms = map(three_digits, (self.median_ms, self.min_ms, self.max_ms))
        return f"{median_ms} ({min_ms}..{max_ms})"


def interleave(
    contestants: Mapping[Key, Callable[[], Run]], rounds: int = ROUNDS
) -> dict[Key, list[Run]]:
    """Run A B C, A B C, ...: a slow minute of the machine then hits all alike.

    Args:
        contestants: each call trains once from fresh weights.
        rounds: runs of each, at least 1; a figure to publish needs `ROUNDS` or more.

    Returns:
        The runs of each contestant, in the order of the rounds.

    Raises:
        ParameterError: `rounds` is out of range.
    """
    whole_number("rounds", rounds)
    runs: dict[Key, list[Run]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run_once in contestants.items():
            runs[name].append(run_once())
    return runs
