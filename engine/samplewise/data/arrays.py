"""Arrays, lists, series and data frames of a caller, as NumPy arrays of numbers or text."""

from __future__ import annotations

import math
from decimal import Decimal
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.errors import DataError, raised_by_signal_handler
from samplewise.text import counted

# Kinds of dtypes: bool, unsigned, integer, float.
NUMBERS = "buif"
TEXT = "US"


def as_array(name: str, given: object) -> NDArray[Any]:
    """Return an argument as an array; its kind is one of `NUMBERS`, text, or another dtype.

    Objects become what all of them are: bool, integers, floats or text.

    Args:
        name: of the argument, for messages.
        given: an array, nested lists, or a series or data frame of pandas or polars.

    Raises:
        DataError: it has missing or masked values, is sparse, mixes numbers and text, or has rows
            of different lengths.
    """
    if type(given) is np.ndarray and given.dtype.kind in NUMBERS:
        return given
    _refuse_sparse(name, given)
    _refuse_masked(name, given)
    if is_frame(given) and hasattr(given, "dtypes"):
        return _frame(name, given)
    return _plain(name, given)


def is_frame(given: object) -> bool:
    """Return True if this is a data frame that holds its rows; a lazy one, or the class, is not."""
    members = ("__len__", "__getitem__", "columns")
    return not isinstance(given, type) and all(hasattr(given, member) for member in members)


def as_numbers(name: str, given: object) -> NDArray[Any]:
    """Return an argument as an array whose kind is one of `NUMBERS`.

    Raises:
        DataError: as `as_array`, or it holds anything else.
    """
    array = as_array(name, given)
    if array.dtype.kind not in NUMBERS:
        raise DataError(f"{name}: expected numbers, got {kind_of_values(array)}")
    return array


def kind_of_values(array: NDArray[Any]) -> str:
    """Return the kind of values in an array that is not of numbers, for messages."""
    if array.dtype.kind not in TEXT:
        return f"{printable(array.dtype)} values"
    first = f", such as '{printable(array.flat[0])}'" if array.size else ""
    return f"text{first}"


def _plain(name: str, given: object) -> NDArray[Any]:
    """Return an argument that is not a data frame as an array, objects as what all of them are."""
    array = _converted(name, given)
    if array.dtype.kind in TEXT and isinstance(given, list | tuple):
        # NumPy has made text of numbers and of NaN that stood among text.
        array = np.array(given, dtype=object)
    if array.dtype.kind == "T":  # NumPy's own texts of any length, which may be missing
        array = array.astype(object)
    if array.dtype != object:
        return array
    if array.ndim == 0:
        # A lazy frame of polars is a query, without rows.
        remedy = "; collect() it first" if hasattr(given, "collect") else ""
        raise DataError(
            f"{name}: expected an array, a list or a data frame, got a {type(given).__name__}"
            f"{remedy}"
        )
    return _of_objects(name, array)


def _converted(name: str, given: object) -> NDArray[Any]:
    """Return the array that NumPy, or the argument itself, makes of an argument."""
    if given is None:
        raise DataError(f"{name}: expected an array, got None")
    try:
        # A series knows best how to give up its values; np.asarray makes objects of some.
        return np.asarray(given.to_numpy() if hasattr(given, "to_numpy") else given)
    except ValueError as error:
        raise DataError(
            f"{name}: cannot be made an array ({printable(error)}); expected rows of equal length"
        ) from error
    except MemoryError:
        raise
    except Exception as error:
        if raised_by_signal_handler(error):
            raise
        # The conversions of other libraries, of a tensor on a GPU for one, raise anything.
        raise DataError(
            f"{name}: a {type(given).__name__} cannot be made an array "
            f"({type(error).__name__}: {printable(error)}); expected an array, a list or a data "
            "frame"
        ) from error


def _frame(name: str, frame: Any) -> NDArray[Any]:
    """Return the columns of a data frame side by side, (rows, columns)."""
    columns, labels = [], list(frame.columns)
    for index, label in enumerate(labels):
        # By position in pandas, where two columns may have one name.
        series = frame.iloc[:, index] if hasattr(frame, "iloc") else frame[label]
        where = f"{name}: column '{printable(label)}' (dtype {printable(series.dtype)})"
        columns.append(_column(where, series, alone=len(labels) == 1))
    if not columns:
        raise DataError(f"{name}: the data frame has no columns; expected at least one")
    return np.column_stack(columns)


def _column(where: str, series: object, *, alone: bool) -> NDArray[Any]:
    values = _plain(where, series)
    if values.dtype.kind not in NUMBERS and not (alone and values.dtype.kind in TEXT):
        raise DataError(
            f"{where}: expected numbers or true/false, got {kind_of_values(values)}; drop the "
            "column, or encode it as numbers"
        )
    if values.dtype.kind == "f" and not np.isfinite(values).all():
        row = int((~np.isfinite(values)).argmax())
        what = "a missing value" if np.isnan(values[row]) else f"{values[row]}"
        raise DataError(f"{where}: {what} in row {row} (counted from 0); remove or fill it first")
    return values


def _refuse_sparse(name: str, given: object) -> None:
    if hasattr(given, "toarray") and hasattr(given, "nnz"):
        raise DataError(
            f"{name}: expected a dense array, got a sparse {type(given).__name__}; pass "
            f"{name.rsplit(' ', 1)[-1]}.toarray()"
        )


def _refuse_masked(name: str, given: object) -> None:
    """Refuse masked values, in a list of masked arrays too: NumPy would drop the mask."""
    parts = given if isinstance(given, list | tuple) else [given]
    for part in parts:
        if isinstance(part, np.ma.MaskedArray) and np.ma.getmaskarray(part).any():
            raise DataError(
                f"{name}: got a masked array with masked values; fill or drop them first"
            )


def _of_objects(name: str, array: NDArray[Any]) -> NDArray[Any]:
    kinds = set()
    for place in np.ndindex(array.shape):
        value = array[place]
        kind = _kind_of(value)
        if kind is None:
            raise DataError(
                f"{name}: {_said(value)} in {_place(place)}; "
                f"{'remove or fill it first' if is_missing(value) else 'expected numbers or text'}"
            )
        kinds.add(kind)
        if len(kinds) > 1 and not kinds.isdisjoint({str, bytes}):
            raise DataError(
                f"{name}: numbers and text are mixed, with {_said(value)} in {_place(place)}; "
                "expected one of them"
            )
    if kinds <= {bool} or not kinds.isdisjoint({str, bytes}):
        return np.array(array, dtype=next(iter(kinds), bool))
    try:
        return array.astype(np.float64 if float in kinds else np.int64)
    except OverflowError as error:
        raise DataError(f"{name}: a whole number beyond 64 bits; divide it first") from error


def _kind_of(value: object) -> type | None:
    if is_missing(value):
        return None
    if isinstance(value, bool | np.bool_):
        return bool
    if isinstance(value, Integral):
        return int
    if isinstance(value, Real | Decimal):
        return float
    return next((kind for kind in (str, bytes) if isinstance(value, kind)), None)


def is_missing(value: object) -> bool:
    """Return True if one value is None, NaN, NaT, pandas' NA or masked."""
    if value is None or value is np.ma.masked:
        return True
    try:
        # NaN and NaT differ from themselves; pandas' NA refuses to say.
        return bool(value != value)
    except (TypeError, ArithmeticError):  # a signalling NaN of Decimal raises the latter
        return True
    except ValueError:  # an array
        return False


def _said(value: object) -> str:
    if is_missing(value):
        return f"a missing value ({printable(value)})"
    return f"a {type(value).__name__}, {printable(value)},"


def _place(place: tuple[int, ...]) -> str:
    axes = ("row", "column")
    said = [f"{axes[axis]} {k}" for axis, k in enumerate(place[:2])]
    return f"{', '.join(said)} (counted from 0)"


def sum_is_finite(X: NDArray[Any]) -> bool:
    """Return True if the sum of all values is finite, and so is each of them.

    It takes one pass and no array of answers. A sum of large finite values may overflow too, and
    NumPy warns of that unless the caller has switched it off.
    """
    return math.isfinite(np.add.reduce(X, axis=None))


def check_finite(X: NDArray[Any], name: str) -> None:
    """Refuse NaN and infinity, naming the first row and column (both from 0).

    Raises:
        DataError: a value is not finite.
    """
    if X.dtype.kind != "f" or np.isfinite(X).all():
        return
    bad = np.argwhere(~np.isfinite(X))
    row, column = bad[0]
    raise DataError(
        f"{name}: {counted(len(bad), 'value is', 'values are')} NaN or inf, the first "
        f"in row {row}, column {column} "
        "(counted from 0); remove or fill them first"
    )
