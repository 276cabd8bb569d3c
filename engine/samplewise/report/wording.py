"""How a report writes names and numbers."""

from __future__ import annotations

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.text import three_digits


def class_names(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the classes, safe to print."""
    return tuple(map(printable, dataset.class_names))


def printable_line(text: str) -> str:
    """Return `text` of any length on one line, control characters escaped."""
    return "".join(c if c.isprintable() else printable(c) for c in text)


def runs(count: int) -> str:
    """Return "1 run", "3 runs"."""
    return f"{count:,} run{'' if count == 1 else 's'}"


def times(ratio: float) -> str:
    """Return a ratio as "187 ×", "1.85 ×"."""
    return f"{three_digits(ratio)} ×"


def percent(share: float) -> str:
    """Return a share as "88.5 %"."""
    return f"{100 * share:.1f} %"
