"""From raw numbers to the rows of a dataset: which are images, and the value of white."""

from __future__ import annotations

import math
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable, same_numbers
from samplewise.data.arrays import check_finite
from samplewise.data.columns import Columns
from samplewise.data.dataset import Dataset
from samplewise.errors import DataError
from samplewise.text import counted
from samplewise.warn import warn

SMALLEST_IMAGE = 64
"""A table may well have 4, 9 or 16 columns; from 64 on, a square of uint8 is taken for an image."""
BYTE_WHITE = 255.0
_RESHAPING = {
    1: "; reshape it to (rows, 1) or (1, features)",
    4: "; make images grey, as the mean over their channels, or train on them in Python",
}
"""Remedies for an array X of the wrong number of dimensions, by that number."""


@dataclass(frozen=True)
class RawRows:
    """Raw values of rows, and what is known of them as images; fields as in `Dataset`."""

    X: NDArray[Any]
    image_shape: tuple[int, int] | None
    full_scale: float | None
    array_dtype: str | None = None


@dataclass(frozen=True)
class Scale:
    """The value of white in rows.

    Args:
        white: the value of a white pixel; None where nothing says it.
        dtype: of the array that the rows came as, by name; None where they came otherwise.
    """

    white: float | None
    dtype: str | None = None


def rows_from(values: NDArray[Any], name: str, full_scale: float | None = None) -> RawRows:
    """Turn an array into rows, images or a table by its dtype and shape, or by the user's word.

    | dtype | shape | rows | white |
    |---|---|---|---|
    | uint8 | (n, height, width), or (n, features) of squares from 64 on | images | 255 |
    | bool | (n, height, width) | images | 1 |
    | other | (n, height, width) | images | unknown: "auto" standardizes each image |
    | any, with `full_scale` | (n, height, width), or (n, features) of squares | images | as given |
    | any | else | a table | none |

    No value is looked at. With `full_scale`, rows that are not squares are pixels of unknown shape.
    Whole numbers within 0..255 are kept as uint8, all else as float64 (those above 2^53 rounded).

    Args:
        values: bool, integer or float of shape (n, features) or (n, height, width).
        name: the file, for messages.
        full_scale: the value of a white pixel, where the user says it.

    Raises:
        DataError: 0-d, 1-d or more than 3-d, empty, or a value is NaN or inf.
    """
    return _rows(values, name, full_scale, values.dtype.name)


def table_rows(values: NDArray[Any], name: str, full_scale: float | None = None) -> RawRows:
    """Turn the numbers of a text file, whose dtype says nothing, into rows of a table.

    With `full_scale`, they are pixels. Args, raises: as `rows_from`.
    """
    if full_scale is None:
        check_finite(values, name)
        return RawRows(np.ascontiguousarray(values, dtype=np.float64), None, None)
    return _rows(values, name, full_scale, None)


def _rows(values: NDArray[Any], name: str, full_scale: float | None, dtype: str | None) -> RawRows:
    if values.ndim not in (2, 3):
        hint = _RESHAPING.get(values.ndim, "")
        raise DataError(
            f"{name}: the data has shape {values.shape}; "
            f"expected (rows, features) or (rows, height, width){hint}"
        )
    if values.size == 0:
        raise DataError(
            f"{name}: the data has shape {values.shape}, no value at all; expected at least one "
            "row of at least one value"
        )
    X = _compact(values.reshape(len(values), math.prod(values.shape[1:])))
    check_finite(X, name)
    if values.ndim == 3:
        white = full_scale or _white_of(dtype)
        return RawRows(X, (values.shape[1], values.shape[2]), white, dtype)
    if full_scale is not None:
        return RawRows(X, _square(X.shape[1]), full_scale, dtype)
    if dtype == "uint8" and X.shape[1] >= SMALLEST_IMAGE and _square(X.shape[1]):
        return RawRows(X, _square(X.shape[1]), BYTE_WHITE, dtype)
    return RawRows(X, None, None, dtype)


def _white_of(dtype: str | None) -> float | None:
    return {"uint8": BYTE_WHITE, "bool": 1.0}.get(dtype or "")


def _square(features: int) -> tuple[int, int] | None:
    side = math.isqrt(features)
    return (side, side) if side > 0 and side * side == features else None


def on_scale(
    X: NDArray[Any],
    source: Scale,
    model: Scale,
    name: str,
    *,
    said: bool = False,
    beside: bool = False,
) -> NDArray[Any]:
    """Return raw rows with white where a model was trained to find it.

    No value decides. An array of the dtype trained on is on the model's scale. Else an array of
    uint8 has white 255, one of bool 1, and any other is on the model's scale. What a user says,
    an image file or a named dataset has the white that it is said to have.

    Args:
        X: raw rows, (n, features).
        source: where white lies in X.
        model: where it lay in the rows trained on.
        name: of the rows, for warnings.
        said: whether the user gave `source.white`.
        beside: whether they are read beside the rows trained on, whose white --full-scale gives.

    Warns:
        SamplewiseWarning: an array is multiplied because of its dtype, or seems to be on another
            scale.
    """
    if model.white is None:
        if said:
            warn(f"{name}: --full-scale plays no part, since the model was not trained on pixels")
        return X
    white = source.white if source.white is not None else _white_of(source.dtype)
    of_array = source.dtype is not None and not said
    if white is None or (of_array and source.dtype == model.dtype):
        _warn_of_other_scale(X, model.white, name, beside=beside)
        return X
    if white == model.white:
        return X
    factor = model.white / white
    if of_array:
        remedy = f"--full-scale {model.white:g} takes them as they are"
        if beside:
            remedy = f"an array of {model.dtype or 'float64'} is taken as it is"
        warn(
            f"{name}: white is {white:g} in an array of {source.dtype}, but was {model.white:g} "
            f"in training, so values are multiplied by {factor:g}; {remedy}"
        )
    return np.asarray(X.astype(np.float64) * factor)


def _warn_of_other_scale(X: NDArray[Any], white: float, name: str, *, beside: bool) -> None:
    peak = float(X.max())
    other = 1.0 if 0 < peak <= 1 < white else BYTE_WHITE if white < peak <= BYTE_WHITE else None
    if other is not None:
        warn(
            f"{name}: values reach {peak:g}, but white was {white:g} in training; "
            f"if white is {other:g} here, "
            + (f"multiply them by {white / other:g}" if beside else f"say --full-scale {other:g}")
        )


def warn_of_scale(dataset: Dataset) -> None:
    """Say where rows seem to be pixels, but nothing tells that they are, or where their white is.

    Warns:
        SamplewiseWarning: they do.
    """
    peak = float(dataset.X.max())
    if dataset.full_scale is not None:
        if dataset.array_dtype == "uint8" and dataset.full_scale == BYTE_WHITE and peak == 1:
            warn(f"{dataset.name}: no value exceeds 1; if white is 1, say --full-scale 1")
        return
    features = dataset.features
    squares = features >= SMALLEST_IMAGE and _square(features) is not None
    if not (dataset.image_shape or squares) or not _like_pixels(dataset.X, peak):
        return
    found = f"a table of {counted(features, 'number')} a row"
    if dataset.image_shape is not None:
        found = f"images of {dataset.array_dtype}, whose white nothing says"
    warn(
        f"{dataset.name} is read as {found}, up to {peak:g}; if these are grey images, say the "
        f"value of white, as in --full-scale {1 if peak <= 1 else 255}"
    )


def _like_pixels(X: NDArray[Any], peak: float) -> bool:
    if peak > BYTE_WHITE or X.min() < 0:
        return False
    return peak <= 1 or X.dtype == np.uint8 or same_numbers(X, np.rint(X))


def _compact(X: NDArray[Any]) -> NDArray[Any]:
    if X.dtype.kind in "biu" and (X.size == 0 or (X.min() >= 0 and X.max() <= 255)):
        return np.ascontiguousarray(X, dtype=np.uint8)
    with np.errstate(invalid="ignore"):  # a signalling NaN; `check_finite` reports it better
        return np.ascontiguousarray(X, dtype=np.float64)


def dataset_of_file(
    path: Path,
    rows: RawRows,
    classes: tuple[tuple[str, ...], NDArray[np.int64]],
    values: NDArray[np.float64] | None = None,
    columns: Columns | None = None,
    target_names: tuple[str, ...] = (),
) -> Dataset:
    """Return the dataset of a file.

    Args:
        path: of the file, for name and source.
        rows: its values.
        classes: the names of the classes, and the index of each row's, int64 (n,).
        values: the numbers of each row, where it has those instead.
        columns: as in `Dataset`.
        target_names: likewise.
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
        array_dtype=rows.array_dtype,
        values=values,
        columns=columns,
        target_names=target_names,
    )
