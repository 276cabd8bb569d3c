"""Words that tables, figures and prose of a report share."""

from __future__ import annotations

from samplewise.checks import printable
from samplewise.data.dataset import Dataset


def data_label(dataset: Dataset) -> str:
    """Return the data's name, with "synthetic" in it where a program drew the rows."""
    name = printable(dataset.name)
    if not dataset.synthetic:
        return name
    if name == "synthetic":
        return "synthetic data"
    return name if "synthetic" in name else f"{name} (synthetic data)"


def class_names(dataset: Dataset) -> tuple[str, ...]:
    """Return the names of the classes, safe to print."""
    return tuple(map(printable, dataset.class_names))


def runs(count: int) -> str:
    """Return "1 run", "3 runs"."""
    return f"{count:,} run{'' if count == 1 else 's'}"
