"""Timing in turns: every contestant meets the same noise."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from samplewise.checks import whole_number
from samplewise.text import three_digits
from samplewise_bench.training import TimedRun

ROUNDS = 5

Key = TypeVar("Key", bound=Hashable)


@dataclass(frozen=True)
class TimeSpread:
    """Median and range of times, in milliseconds."""

    median_ms: float
    min_ms: float
    max_ms: float

    @classmethod
    def of(cls, seconds: Sequence[float]) -> TimeSpread:
        """Return the spread of at least one time."""
        times = [each * 1e3 for each in seconds]
        return cls(median(times), min(times), max(times))

    def scaled(self, factor: float) -> TimeSpread:
        """Return the spread in another unit."""
        return TimeSpread(*(factor * each for each in (self.median_ms, self.min_ms, self.max_ms)))

    def __str__(self) -> str:
        median_ms, min_ms, max_ms = map(three_digits, (self.median_ms, self.min_ms, self.max_ms))
        return f"{median_ms} ({min_ms}..{max_ms})"


def interleave(
    contestants: Mapping[Key, Callable[[], TimedRun]], rounds: int = ROUNDS
) -> dict[Key, list[TimedRun]]:
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
    runs: dict[Key, list[TimedRun]] = {name: [] for name in contestants}
    for _ in range(rounds):
        for name, run_once in contestants.items():
            runs[name].append(run_once())
    return runs
