"""Mean and range of repeated runs, and how a report writes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Spread:
    """Mean and range of repeats. A standard deviation of three runs would say less than these."""

    mean: float
    low: float
    high: float

    @classmethod
    def of(cls, values: Sequence[float]) -> Spread:
        """Return the spread of at least one value."""
        return cls(math.fsum(values) / len(values), min(values), max(values))

    def scaled(self, factor: float) -> Spread:
        """Return the spread in another unit."""
        return Spread(factor * self.mean, factor * self.low, factor * self.high)


def spread_text(spread: Spread, shown: Callable[[float], str]) -> str:
    """Return a range as text; empty where its ends read the same."""
    low, high = shown(spread.low), shown(spread.high)
    return "" if low == high else f"{low}–{high}"


def mean_text(spread: Spread, shown: Callable[[float], str]) -> str:
    """Return a mean as text, and behind it the range where there is one."""
    text = spread_text(spread, shown)
    return f"{shown(spread.mean)} ({text})" if text else shown(spread.mean)
