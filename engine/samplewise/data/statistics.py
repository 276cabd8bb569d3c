"""Mean and standard deviation, and the statistics of a dataset as the rows of a table."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import CATEGORY, NUMBER, Column
from samplewise.data.dataset import Dataset
from samplewise.text import counted

Numbers = NDArray[np.float64]
Axis = Literal[0, 1]
_EPSILON = float(np.finfo(np.float64).eps)
# Values that a program has computed differ from a constant by some units in the last place.
_ROUNDING = 100
# The squares of smaller differences lose digits, or are 0.
_UNDERFLOW = float(np.sqrt(np.finfo(np.float64).tiny)) / _EPSILON

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
        return f"{counted(dataset.features, 'value')} a row"
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
        return f"{column.name} ({counted(len(column.categories), 'category', 'categories')})"
    return column.name if column.kind == NUMBER else f"{column.name} (true or false)"


def _targets(dataset: Dataset) -> list[tuple[str, str]]:
    if dataset.values is not None:
        values = dataset.values
        with np.errstate(over="ignore", invalid="ignore"):
            mean, deviation = values.mean(), values.std()
        return [
            ("targets", f"{_named(dataset)}, {values.min():g} to {values.max():g}"),
            ("mean of targets", f"{mean:.4g}, standard deviation {deviation:.4g}"),
        ]
    names = ", ".join(dataset.class_names)
    return [
        ("classes", f"{len(dataset.class_names):,}: {printable(names)}"),
        ("rows per class", _rows_per_class(dataset)),
    ]


def _named(dataset: Dataset) -> str:
    return printable(", ".join(dataset.target_names)) or f"{dataset.targets.shape[1]:,} a row"


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


def without_rounding(deviation: Numbers, mean: Numbers, values: Numbers, axis: Axis) -> Numbers:
    """Return standard deviations along an axis, those of constants exactly 0.

    Summing n values of mean m is off by up to n eps |m|, so a constant such as 0.1 gets a
    deviation of that size instead of 0. A deviation not above that is suspected, as in
    scikit-learn's StandardScaler. It is then taken again from the differences to the first value,
    which have no such error: large values with small, real differences keep their deviation. So
    do values so small that their squares underflow: the differences are scaled meanwhile.

    Args:
        deviation: as computed, (m,).
        mean: likewise.
        values: float64, (n, m) for axis 0 or (m, n) for axis 1; their mean may be subtracted.
        axis: 0 for the columns, 1 for the rows.
    """
    n = values.shape[axis]
    bound = _EPSILON * np.abs(mean)
    suspected = _suspected(deviation, mean, n)
    if len(suspected) == 0:
        return deviation
    differences = np.take(values, suspected, axis=1 - axis)
    differences -= np.take(differences, [0], axis=axis)
    exponents = np.frexp(np.abs(differences).max(axis=axis, keepdims=True))[1]
    scaled = np.ldexp(differences, -exponents).std(axis=axis)
    again, settled = np.ldexp(scaled, exponents.reshape(-1)), deviation.copy()
    settled[suspected] = np.where(again > min(n, _ROUNDING) * bound[suspected], again, 0.0)
    return settled


def _suspected(deviation: Numbers, mean: Numbers, n: int) -> NDArray[np.intp]:
    """Return the places of standard deviations of n values that may be nothing but rounding."""
    bound = np.maximum(n * _EPSILON * np.abs(mean), _UNDERFLOW)
    return np.flatnonzero((deviation <= bound) & np.isfinite(mean))


def of_columns(values: Numbers) -> tuple[Numbers, Numbers]:
    """Return mean and standard deviation of each column of values (n, m); 0 for a constant."""
    mean, computed = values.mean(axis=0), values.std(axis=0)
    deviation = without_rounding(computed, mean, values, axis=0)
    # The mean is off by as much as the deviation: nanoseconds since 1970, by some minutes.
    suspected = _suspected(computed, mean, len(values))
    first = values[0, suspected]
    mean[suspected] = first + (values[:, suspected] - first).mean(axis=0)
    return mean, deviation


def vary(values: Numbers) -> bool:
    """Return True if a column of values (n, m) holds more than one value, up to rounding."""
    return bool((of_columns(values)[1] > 0).any())
