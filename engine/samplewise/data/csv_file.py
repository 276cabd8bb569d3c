"""A table in a CSV file: one header line, one label column, numbers in all others."""

from __future__ import annotations

import os
import re
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.csv_cells import IS_NUMBER, LINE_END, plain_table, records, table
from samplewise.data.dataset import Dataset
from samplewise.data.labels import check_class_name, encode_labels, no_classes, numbers_of
from samplewise.data.pixels import dataset_of_file, table_rows
from samplewise.data.source_options import DEFAULT, SourceOptions
from samplewise.errors import DataError
from samplewise.regular_file import check_bytes, open_unchanged

LABEL_NAMES = ("label", "labels", "class", "target")
"""Header names of the label column, in any case. No position is guessed."""

_SHOWN_COLUMNS = 20
_ONE_OF_NAMES = f"{', '.join(LABEL_NAMES[:-1])} or {LABEL_NAMES[-1]}"


def load_csv(path: Path, max_bytes: int | None = None, options: SourceOptions = DEFAULT) -> Dataset:
    """Read a dataset from a comma-separated file in UTF-8, with or without a byte-order mark.

    The first line names the columns; exactly one is called `label`, `labels`, `class` or `target`,
    in any case. Labels are all numbers or all text. Every other cell is a plain decimal number.
    A table is float64; with `options.full_scale`, its rows are pixels.

    Args:
        path: the file.
        max_bytes: limit of its size; None for half of the free memory.
        options: which columns to take, and what the labels are.

    Raises:
        DataError: the file cannot be read as such a table; the message names line and column.
    """
    name = printable(path)
    text = _text(path, max_bytes)
    header = next(records(text, name), (1, []))[1]
    label = _label_column(header, name)
    columns = [column.strip() for column in header]
    labels, values = plain_table(text, len(columns), label) or table(text, columns, label, name)
    _check_finite(values, [c for i, c in enumerate(columns) if i != label], name)
    rows = table_rows(_pixels_where_whole(values), name, options.full_scale)
    typed = _typed(labels, name)
    if options.numbers:
        return dataset_of_file(path, rows, no_classes(len(typed)), numbers_of(typed, name))
    return dataset_of_file(path, rows, encode_labels(typed, name))


def _text(path: Path, max_bytes: int | None) -> str:
    name = printable(path)
    with open_unchanged(path) as file:
        check_bytes(os.fstat(file.fileno()).st_size, max_bytes, name)
        content = file.readall()
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise DataError(
            f"{name} is not UTF-8 (byte 0x{content[error.start]:02x} in line "
            f"{_line_of(content[: error.start].decode('latin-1'))}); save it again as UTF-8"
        ) from error
    if (position := text.find("\0")) >= 0:
        raise DataError(
            f"{name}, line {_line_of(text[:position])}: a NUL byte; expected text, "
            "is this a damaged or a binary file?"
        )
    return text


def _line_of(text_before: str) -> int:
    return len(LINE_END.findall(text_before)) + 1


def _label_column(header: list[str], name: str) -> int:
    names = [column.strip() for column in header]
    if all(IS_NUMBER.fullmatch(column) for column in names):
        raise DataError(
            f"{name} has no header: its first line is blank or all numbers; "
            f"expected column names, one of them {_ONE_OF_NAMES}"
        )
    if "" in names:
        raise DataError(
            f"{name}: column {names.index('') + 1} has no name; "
            "name it, or leave out a row index (pandas: index=False)"
        )
    column, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(f"{name}: {count} columns are named '{printable(column)}'; rename them")
    found = [i for i, column in enumerate(names) if column.lower() in LABEL_NAMES]
    if len(found) != 1 or len(names) < 2:
        raise DataError(_column_problem(names, found, name))
    return found[0]


def _column_problem(names: list[str], found: list[int], name: str) -> str:
    shown = ", ".join(printable(column) for column in names[:_SHOWN_COLUMNS])
    more = f" and {len(names) - _SHOWN_COLUMNS:,} more" if len(names) > _SHOWN_COLUMNS else ""
    separator = next((c for c in ";\t" if len(names) == 1 and c in names[0]), None)
    if separator:
        what = f"is separated by {separator!r}; separate the columns by commas"
    elif len(names) == 1 and found:
        what = "has a label column only; expected at least one column of numbers"
    elif found:
        what = f"has {len(found)} label columns; rename all but one"
    else:
        what = f"has no label column; name one {_ONE_OF_NAMES}"
    return f"{name} {what}. Its columns: {shown}{more}"


def _check_finite(values: NDArray[Any], columns: list[str], name: str) -> None:
    """Refuse what was written with digits but is too large for float64, such as 1e999."""
    if values.dtype == np.uint8 or np.isfinite(values).all():
        return
    row, column = np.argwhere(~np.isfinite(values))[0]
    raise DataError(
        f"{name}: data row {row + 1}, column '{printable(columns[column])}': the number is beyond "
        "1.8e308, inf in float64; correct it or remove the row"
    )


def _pixels_where_whole(values: NDArray[Any]) -> NDArray[Any]:
    if values.dtype == np.uint8 or values.min() < 0 or values.max() > 255:
        return values
    pixels = values.astype(np.uint8)
    return pixels if np.array_equal(pixels, values) else values


def _typed(labels: list[str], name: str) -> NDArray[Any]:
    """Return the labels as integers, as floats, or as text.

    Raises:
        DataError: a label is blank, or some are numbers and some are text.
    """
    if "" in labels:
        raise DataError(
            f"{name}: data row {labels.index('') + 1} has no label; add it or remove the row"
        )
    different = sorted(set(labels))
    # Before NumPy gives every row the room of the longest label.
    for label in different:
        check_class_name(label, name)
    is_number = [IS_NUMBER.fullmatch(label) is not None for label in different]
    if not any(is_number):
        return np.array(labels)
    if not all(is_number):
        number = different[is_number.index(True)]
        words = different[is_number.index(False)]
        raise DataError(
            f"{name}: labels mix numbers ('{printable(number)}') and text ('{printable(words)}'); "
            "use one kind, for example class_1 for 1"
        )
    if all(re.fullmatch(r"[+-]?[0-9]{1,18}", label) for label in different):
        return np.array([int(label) for label in labels], dtype=np.int64)
    return np.array([float(label) for label in labels])
