"""From raw numbers to the rows of a dataset, and whether they look like images."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import Columns
from samplewise.data.dataset import Dataset, check_finite
from samplewise.errors import DataError

SMALLEST_IMAGE = 64
"""A table may well have 4, 9 or 16 columns; from 64 on, a perfect square is taken for an image."""


@dataclass(frozen=True)
class Rows:
    """The feature side of a dataset; fields as in `Dataset`."""

    X: NDArray[Any]
    image_shape: tuple[int, int] | None
    full_scale: float | None


def rows_from(values: NDArray[Any], name: str) -> Rows:
    """Turn raw values into rows.

    Integers within 0..255 become uint8, all else float64 (whole numbers above 2^53 are rounded).
    Rows are images where `values` is 3-d, or where a row is a square of at least 64 values that are
    all whole within 0..255 or all within [0, 1]. White is then 1 where
    no value exceeds 1, else 255.

    Args:
        values: bool, integer or float of shape (n, features) or (n, height, width).
        name: the file, for messages.

    Raises:
        DataError: 0-d, 1-d or more than 3-d, or a value is NaN or inf.
    """
    if values.ndim not in (2, 3):
        hint = "; reshape it to (rows, 1) or (1, features)" if values.ndim == 1 else ""
        raise DataError(
            f"{name}: the data has shape {values.shape}; "
            f"expected (rows, features) or (rows, height, width){hint}"
        )
    X = _compact(values.reshape(len(values), math.prod(values.shape[1:])))
    check_finite(X, name)
    full_scale = _white(X)
    if values.ndim == 3:
        height, width = values.shape[1:]
        return Rows(X, (height, width), full_scale)
    side = math.isqrt(X.shape[1])
    if full_scale is None or side * side != X.shape[1] or X.shape[1] < SMALLEST_IMAGE:
        return Rows(X, None, None)
    return Rows(X, (side, side), full_scale)


def table_rows(values: NDArray[Any], name: str, full_scale: float | None = None) -> Rows:
    """Turn the numbers of a text file, whose dtype says nothing, into rows of a table.

    With `full_scale`, they are pixels. Args, raises: as `rows_from`.
    """
    if full_scale is None:
        return Rows(np.ascontiguousarray(values, dtype=np.float64), None, None)
    side = math.isqrt(values.shape[1])
    X = _compact(values)
    check_finite(X, name)
    return Rows(X, (side, side) if side * side == X.shape[1] else None, full_scale)


def _compact(X: NDArray[Any]) -> NDArray[Any]:
    if X.dtype.kind in "biu" and (X.size == 0 or (X.min() >= 0 and X.max() <= 255)):
        return np.ascontiguousarray(X, dtype=np.uint8)
    with np.errstate(invalid="ignore"):  # a signalling NaN; `check_finite` reports it better
        return np.ascontiguousarray(X, dtype=np.float64)


def _white(X: NDArray[Any]) -> float | None:
    """Return 1 for values within [0, 1], 255 for other whole values within 0..255, else None."""
    if X.size == 0 or X.min() < 0 or X.max() > 255:
        return None
    if X.max() <= 1:
        return 1.0
    return 255.0 if X.dtype == np.uint8 or np.array_equal(X, np.rint(X)) else None


def dataset_of_file(
    path: Path,
    rows: Rows,
    classes: tuple[tuple[str, ...], NDArray[np.int64]],
    values: NDArray[np.float64] | None = None,
    columns: Columns | None = None,
) -> Dataset:
    """Return the dataset of a file.

    Args:
        path: of the file, for name and source.
        rows: its values.
        classes: the names of the classes, and the index of each row's, int64 (n,).
        values: the numbers of each row, where it has those instead.
        columns: as in `Dataset`.
    """
    class_names, labels = classes
    return Dataset(
        name=printable(path.stem),
        X=rows.X,
        labels=labels,
        class_names=class_names,
        source=f"the file {printable(path.name)}",
        image_shape=rows.image_shape,
        full_scale=rows.full_scale,
        values=values,
        columns=columns,
    )
