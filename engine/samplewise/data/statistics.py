"""What there is to know of a dataset, as the rows of a table."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import CATEGORY, NUMBER, Column
from samplewise.data.dataset import Dataset

FINGERPRINT_DIGITS = 12
_VALUES_AT_ONCE = 2**20


def statistics(dataset: Dataset) -> list[tuple[str, str]]:
    """Return (label, value) rows in the order of a report's data table.

    Mean and standard deviation are over all values of all rows, before preprocessing.
    """
    X = dataset.X
    # Finite values may have a sum that is not; the table then says inf or nan.
    with np.errstate(over="ignore", invalid="ignore"):
        mean = X.mean(dtype=np.float64)
        deviation = _standard_deviation(X, mean)
    return [
        ("dataset", printable(dataset.name)),
        ("source", printable(dataset.source)),
        ("synthetic", "yes" if dataset.synthetic else "no"),
        ("images" if dataset.image_shape else "rows", f"{len(dataset):,}"),
        ("size", _size(dataset)),
        ("values", f"{_dtype(dataset)}, {X.min():g} to {X.max():g}"),
        ("mean", f"{mean:.4g}"),
        ("standard deviation", f"{deviation:.4g}"),
        ("full scale", "none" if dataset.full_scale is None else f"{dataset.full_scale:g}"),
        *_columns(dataset),
        *_targets(dataset),
        ("memory", _bytes(X.nbytes + dataset.targets.nbytes)),
        ("fingerprint", dataset.fingerprint()[:FINGERPRINT_DIGITS]),
    ]


def _standard_deviation(X: NDArray[Any], mean: np.float64) -> float:
    """Return that of all values; NumPy's own takes eight times the room of bytes."""
    rows = max(1, _VALUES_AT_ONCE // X.shape[1])
    squares = (np.square(X[i : i + rows] - mean).sum() for i in range(0, len(X), rows))
    return math.sqrt(sum(squares, np.float64(0)) / X.size)


def _size(dataset: Dataset) -> str:
    if dataset.image_shape is None:
        return f"{dataset.features:,} values a row"
    height, width = dataset.image_shape
    return f"{height} x {width} pixels"


def _dtype(dataset: Dataset) -> str:
    stored, kept = dataset.array_dtype, str(dataset.X.dtype)
    return kept if stored in (None, kept) else f"{stored}, kept as {kept}"


def _columns(dataset: Dataset) -> list[tuple[str, str]]:
    if dataset.columns is None:
        return []
    names = ", ".join(_kind_of(column) for column in dataset.columns)
    return [("columns", f"{len(dataset.columns):,}: {printable(names)}")]


def _kind_of(column: Column) -> str:
    if column.kind == CATEGORY:
        return f"{column.name} ({len(column.categories):,} categories)"
    return column.name if column.kind == NUMBER else f"{column.name} (true or false)"


def _targets(dataset: Dataset) -> list[tuple[str, str]]:
    if dataset.values is not None:
        values = dataset.values
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = values.mean(), values.std()
        return [
            ("targets", f"{values.shape[1]:,} a row, {values.min():g} to {values.max():g}"),
            ("mean of targets", f"{mean:.4g}, standard deviation {deviation:.4g}"),
        ]
    names = ", ".join(dataset.class_names)
    return [
        ("classes", f"{len(dataset.class_names):,}: {printable(names)}"),
        ("rows per class", _rows_per_class(dataset)),
    ]


def _rows_per_class(dataset: Dataset) -> str:
    counts = dataset.counts()
    fewest, most = int(counts.argmin()), int(counts.argmax())
    if counts[fewest] == counts[most]:
        return f"{counts[most]:,} each"
    fewest_name, most_name = (printable(dataset.class_names[i]) for i in (fewest, most))
    return f"{counts[fewest]:,} ('{fewest_name}') to {counts[most]:,} ('{most_name}')"


def _bytes(count: int) -> str:
    """Return a number of bytes in decimal units: "812 B", "4.8 kB", "3.9 MB"."""
    if count < 1000:
        return f"{count} B"
    size = count / 1000
    for unit in ("kB", "MB"):
        if size < 1000:
            return f"{size:.1f} {unit}"
        size /= 1000
    return f"{size:.1f} GB"
