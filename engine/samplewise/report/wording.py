"""Names and numbers as a report writes them."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samplewise.checks import printable
from samplewise.data.dataset import Dataset


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

    def range_text(self, written: Callable[[float], str]) -> str:
        """Return the range as text; empty where its ends read the same."""
        low, high = written(self.low), written(self.high)
        return "" if low == high else f"{low}–{high}"

    def text(self, written: Callable[[float], str]) -> str:
        """Return the mean as text, and behind it the range where there is one."""
        ends = self.range_text(written)
        return f"{written(self.mean)} ({ends})" if ends else written(self.mean)


def class_names(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the classes, safe to print."""
    return tuple(map(printable, dataset.class_names))


def printable_line(text: str) -> str:
    """Return `text` of any length on one line, control characters escaped."""
    return "".join(c if c.isprintable() else printable(c) for c in text)
