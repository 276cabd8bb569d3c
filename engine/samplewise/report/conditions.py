"""What both parts of a report say of data, settings and machine."""

from __future__ import annotations

from samplewise.data.dataset import Dataset
from samplewise.data.preprocessing import Preprocessing
from samplewise.report.document import Facts
from samplewise.training.history import History

_PREPROCESSING = {
    "scale": "each pixel divided by that of white, as in the report",
    "standardize": "zero mean and unit variance, of each image or of each column of a table",
    "none": "values as they are",
}


def warning(dataset: Dataset) -> str:
    """Return that the data is synthetic, else an empty text."""
    if not dataset.synthetic:
        return ""
    return (
        "The images are synthetic: a program drew them. Losses and accuracies on them say nothing "
        "about photographs of hands; the times are as good as on any data of this size."
    )


def machine(history: History, threads: int) -> Facts:
    """Return what a run was executed on, with so many threads at most."""
    environment = history.environment
    versions = ", ".join(f"{name} {number}" for name, number in environment["versions"].items())
    return [
        ("processor", environment["processor"]),
        ("cores", f"{environment['cores']} usable, {threads_text(threads)} used"),
        ("system", environment["platform"]),
        ("versions", versions),
        ("libraries", "; ".join(environment["libraries"]) or "none found"),
    ]


def preprocessing_text(step: Preprocessing) -> str:
    """Return the name of a preprocessing, and what it does."""
    return f"{step.name}: {_PREPROCESSING[step.name]}"


def threads_text(count: int) -> str:
    """Return "1 thread", "2 threads"."""
    return f"{count} thread{'' if count == 1 else 's'}"
