"""Columns found by name: those of a table, a data frame, or a mapping from names to values."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Iterable, Mapping, Sequence
from decimal import Decimal
from numbers import Real
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable, shown
from samplewise.data.arrays import is_frame, is_missing
from samplewise.data.columns import (
    BOOLEAN,
    CATEGORY,
    NUMBER,
    Column,
    Columns,
    composed,
    feature_names,
    found_name,
    width,
)
from samplewise.data.labels import counted_from_zero
from samplewise.errors import DataError, ErrorList
from samplewise.name_lists import option_value

_TRUTHS = {"true": 1.0, "1": 1.0, "false": 0.0, "0": 0.0}
_SHOWN = 10
_NAMES_SHOWN = 5
# Comparing each missing name with each other one would take minutes in the widest tables.
_COMPARED = 100


def is_named_row(row: object) -> bool:
    """Return True if one row is a mapping or series, whose values have names."""
    named = isinstance(row, Mapping) or (hasattr(row, "keys") and hasattr(row, "__getitem__"))
    return named and not is_frame(row)


def rows_of_frame(frame: Any, columns: Columns, where: str) -> NDArray[np.float64]:
    """Return the rows of a data frame of pandas or polars, its columns found by name.

    Args:
        frame: with the columns of `columns` in any order, and no others, as scikit-learn has it: a
            label or a dropped column that is still there is refused.
        columns: those that a model was trained on.
        where: name of the frame in messages.

    Returns:
        New array, (rows, features).

    Raises:
        DataError: columns are missing, additional or named alike; a value is missing, not a number,
            or of a category that the model does not know.
    """
    names = _distinct(frame.columns, where)
    drop, renamed = "as with frame.drop(columns=[{}])", "frame.to_numpy() goes by position"
    places = matched(names, columns, (), where, drop, renamed)
    return _side_by_side(columns, [_values(frame, place) for place in places], where)


def row_of_mapping(row: Any, columns: Columns, where: str) -> NDArray[np.float64]:
    """Return one row (features,) of a dict or a series of pandas by the names of the columns.

    Raises:
        DataError: as `rows_of_frame`.
    """
    keys = list(row.keys())
    places = matched(_distinct(keys, where), columns, (), where, "they have no use")
    values = []
    for place in places:
        value = np.empty(1, object)
        value[0] = row[keys[place]]
        values.append(value)
    return _side_by_side(columns, values, where)[0]


def note_on_order(
    known: Columns | None, found: Columns | None, name: str, *, of_images: bool
) -> str | None:
    """Return a note where columns are taken by their position, though some have names.

    Args:
        known: those of a model; None where they have no names.
        found: likewise, those of rows for it.
        name: of these rows.
        of_images: whether the model takes images.

    Raises:
        DataError: some hold text, whose categories only a model with names would know.
    """
    if known is None and found is not None:
        text = [column.name for column in found if column.kind == CATEGORY]
        if text:
            raise DataError(
                f"{name}: the column '{printable(text[0])}' holds text, but this model has no "
                "column names and no categories; train one on such a table"
            )
        return f"this model has no column names; the columns of {name} are taken in their order"
    if known is not None and found is None and not of_images:
        first = ", ".join(printable(feature) for feature in feature_names(known)[:_NAMES_SHOWN])
        more = ", ..." if width(known) > _NAMES_SHOWN else ""
        return f"the values of {name} have no names; they are taken in the order {first}{more}"
    return None


def _distinct(given: Iterable[object], where: str) -> list[str]:
    names = [found_name(str(name)) for name in given]
    if len(set(names)) < len(names):
        twice = next(name for name in names if names.count(name) > 1)
        raise DataError(f"{where}: two columns are named '{printable(twice)}'; rename one")
    return names


def _values(frame: Any, place: int) -> NDArray[Any]:
    series = frame.iloc[:, place] if hasattr(frame, "iloc") else frame[frame.columns[place]]
    return np.asarray(series.to_numpy() if hasattr(series, "to_numpy") else series)


def _side_by_side(columns: Columns, values: list[NDArray[Any]], where: str) -> NDArray[np.float64]:
    X = np.zeros((len(values[0]), width(columns)))
    start, errors = 0, ErrorList(DataError)
    for column, of_column in zip(columns, values, strict=True):
        stop = start + column.width
        with errors:
            X[:, start:stop] = _features(column, of_column, where)
        start = stop
    errors.check()
    return X


def _features(column: Column, values: NDArray[Any], where: str) -> NDArray[np.float64]:
    """Return the features of a column's values, (rows, `column.width`)."""
    place = f"{where}: column '{printable(column.name)}'"
    if column.kind in (NUMBER, BOOLEAN) and values.dtype.kind in "buif":
        numbers = values.astype(np.float64).reshape(-1, 1)
        _check(~np.isfinite(numbers[:, 0]), values, place, "a finite number")
        if column.kind == BOOLEAN:
            _check(~np.isin(numbers[:, 0], (0.0, 1.0)), values, place, "true or false")
        return numbers
    known = {composed(category): k for k, category in enumerate(column.categories)}
    features = np.zeros((len(values), column.width))
    errors = ErrorList(DataError)
    for row, value in enumerate(values.tolist()):
        try:
            if is_missing(value):
                raise _odd(value, row, place, "a value")
            if column.kind == CATEGORY:
                features[row, _category(value, known, row, place)] = 1.0
            else:
                read = _number if column.kind == NUMBER else _truth
                features[row] = read(value, row, place)
        except DataError as error:
            errors.add(error)
    errors.check()
    return features


def _check(odd: NDArray[np.bool_], values: NDArray[Any], place: str, expected: str) -> None:
    errors = ErrorList(DataError)
    for row in np.flatnonzero(odd):
        errors.add(_odd(values[row], int(row), place, expected))
    errors.check()


def _number(value: object, row: int, place: str) -> float:
    if isinstance(value, Real | Decimal) and np.isfinite(number := float(value)):
        return number
    raise _odd(value, row, place, "a finite number")


def _truth(value: object, row: int, place: str) -> float:
    found = _TRUTHS.get(str(value).lower())
    if found is None:
        raise _odd(value, row, place, "true or false")
    return found


def _category(value: object, known: dict[str, int], row: int, place: str) -> int:
    found = known.get(composed(str(value).strip()))
    if found is None:
        first = ", ".join(f"'{printable(category)}'" for category in list(known)[:_SHOWN])
        more = f" and {len(known) - _SHOWN:,} more" if len(known) > _SHOWN else ""
        raise _odd(value, row, place, f"a category that the model knows: {first}{more}")
    return found


def _odd(value: object, row: int, place: str, expected: str) -> DataError:
    where = counted_from_zero(row)
    if is_missing(value):
        what = f"missing value ('{printable(value)}') in {where}; fill it or remove the row"
    else:
        what = f"{shown(value)} in {where}; expected {expected}"
    return DataError(f"{place}: {what}")


def matched(
    names: Sequence[str],
    columns: Columns,
    ignored: Collection[str],
    where: str,
    drop: str = "",
    renamed: str = "",
) -> list[int]:
    """Return the position of each column of a model in a table.

    Args:
        names: of the table's columns, in its order, each once as `found_name`.
        columns: those that the model was trained on.
        ignored: names that may be in the table although the model does not know them.
        where: name of the table, for messages.
        drop: how additional columns are left out, for messages, with {} for their names; empty
            speaks of --drop.
        renamed: the way out where only names differ, likewise; empty knows none.

    Raises:
        DataError: columns are missing, additional, or both, which may be one renamed.
    """
    places = {found_name(name): place for place, name in enumerate(names) if name not in ignored}
    wanted = [found_name(column.name) for column in columns]
    missing = [name for name in wanted if name not in places]
    known = set(wanted)
    additional = [name for name in places if name not in known]
    if missing or additional:
        problems = [_missing(missing, additional)] if missing else []
        problems += [_additional(additional, missing, drop)] if additional else []
        problems += [renamed] if renamed and len(missing) == len(additional) else []
        raise DataError(
            f"{where}: the columns are not those that the model was trained on: "
            f"{'; '.join(problems)}"
        )
    return [places[name] for name in wanted]


def _missing(missing: list[str], additional: list[str]) -> str:
    candidates = {name.lower(): name for name in reversed(additional[:_COMPARED])}
    said = []
    for name in missing[:_NAMES_SHOWN]:
        close = difflib.get_close_matches(name.lower(), candidates, n=1)
        renamed = f" (is it '{printable(candidates[close[0]])}'? rename that)" if close else ""
        said.append(f"'{printable(name)}'{renamed}")
    return f"missing {', '.join(said)}{_more(missing)}"


def _additional(additional: list[str], missing: list[str], drop: str) -> str:
    said = ", ".join(f"'{printable(name)}'" for name in additional[:_NAMES_SHOWN])
    hint = ""
    if not missing:
        names = said + ", ..." * (len(additional) > _NAMES_SHOWN)
        how = drop.format(names) or f"--drop {option_value(additional[:_NAMES_SHOWN])}"
        hint = f": leave {'it' if len(additional) == 1 else 'them'} out, {how}"
    return f"additional {said}{_more(additional)}{hint}"


def _more(names: list[str]) -> str:
    return f" and {len(names) - _NAMES_SHOWN:,} more" if len(names) > _NAMES_SHOWN else ""
