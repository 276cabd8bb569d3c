"""Timing in turns: every contestant meets the same noise."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import TypeVar

from samplewise.checks import whole_number
from samplewise.text import three_digits

ROUNDS = 5
"""A median of fewer says little on a machine that does other work too."""
Key = TypeVar("Key", bound=Hashable)
Run = TypeVar("Run")


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
        return TimeSpread(factor * self.median_ms, factor * self.min_ms, factor * self.max_ms)

    def __str__(self) -> str:
        middle, least, most = map(three_digits, (self.median_ms, self.min_ms, self.max_ms))
        return f"{middle} ({least}..{most})"


def interleave(
    contestants: Mapping[Key, Callable[[], Run]],
    rounds: int,
    log: Callable[[str], None] = lambda _: None,
) -> dict[Key, list[Run]]:
    """Run A B C, A B C, ...: a slow minute of the machine then hits all alike.

    Each call runs once, from a fresh start; `log` gets a line for each round.

    Raises:
        ParameterError: `rounds` is below 1.
    """
    whole_number("rounds", rounds)
    runs: dict[Key, list[Run]] = {name: [] for name in contestants}
    for number in range(1, rounds + 1):
        log(f"round {number} of {rounds}")
        for name, run_once in contestants.items():
            runs[name].append(run_once())
    return runs
