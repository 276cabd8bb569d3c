"""A table in a CSV file: one header line, one label column, numbers in all others."""

from __future__ import annotations

import csv
import io
import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.labels import encode_labels
from samplewise.data.pixels import rows_from
from samplewise.data.regular_file import check_bytes, open_unchanged
from samplewise.errors import DataError

LABEL_NAMES = ("label", "labels", "class", "target")
"""Header names of the label column, in any case. No position is guessed."""

# Python's own float() also takes 1_000, Arabic digits, nan and infinity.
_NUMBER = r"[ \t]*+[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?[ \t]*+"
_IS_NUMBER = re.compile(_NUMBER)
_DECIMAL_COMMA = re.compile(r"\s*[+-]?[0-9]+,[0-9]+\s*")
_MISSING = frozenset({"", "?", "na", "n/a", "nan", "null", "none"})
_LINE_END = re.compile(r"\r\n|\r|\n")
_PLAIN_CHARACTERS = b"0123456789+-.eE,"
_SHOWN_COLUMNS = 20


def load_csv(path: Path, max_bytes: int | None = None) -> Dataset:
    """Read a dataset from a comma-separated file in UTF-8, with or without a byte-order mark.

    The first line names the columns; exactly one is called `label`, `labels`, `class` or `target`,
    in any case. Labels are all numbers or all text. Every other cell is a plain decimal number.
    Rows that look like square images are taken as such (`rows_from`).

    Args:
        path: the file.
        max_bytes: limit of its size; None for half of the free memory.

    Raises:
        DataError: the file cannot be read as such a table; the message names line and column.
    """
    name = printable(path)
    text = _text(path, max_bytes)
    header = next(_records(text, name), (1, []))[1]
    label = _label_column(header, name)
    columns = [column.strip() for column in header]
    labels, values = _plain_table(text, len(columns), label) or _table(text, columns, label, name)
    rows = rows_from(values, name)
    class_names, indices = encode_labels(_typed(labels, name), name)
    return Dataset(
        name=printable(path.stem),
        X=rows.X,
        labels=indices,
        class_names=class_names,
        source=f"the file {printable(path.name)}",
        image_shape=rows.image_shape,
        full_scale=rows.full_scale,
    )


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
    return len(_LINE_END.findall(text_before)) + 1


def _records(text: str, name: str) -> Iterator[tuple[int, list[str]]]:
    """Yield line number (of the record's first line, from 1) and fields; skip empty lines."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    first_line = 1
    try:
        for record in reader:
            if record:
                yield first_line, record
            first_line = reader.line_num + 1
    except csv.Error as error:
        raise DataError(
            f"{name}, line {first_line}: {error}; is a quote not closed, or text not quoted?"
        ) from error


def _label_column(header: list[str], name: str) -> int:
    names = [column.strip() for column in header]
    if all(_IS_NUMBER.fullmatch(column) for column in names):
        raise DataError(
            f"{name} has no header: its first line is blank or all numbers; "
            f"expected column names, one of them {' or '.join(LABEL_NAMES)}"
        )
    for position, column in enumerate(names):
        if not column:
            raise DataError(
                f"{name}: column {position + 1} has no name; "
                "name it, or leave out a row index (pandas: index=False)"
            )
        if column in names[:position]:
            raise DataError(f"{name}: two columns are named '{printable(column)}'; rename one")
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
        what = f"has no label column; name one {' or '.join(LABEL_NAMES)}"
    return f"{name} {what}. Its columns: {shown}{more}"


def _plain_table(
    text: str, columns: int, label: int
) -> tuple[list[str], NDArray[np.float64]] | None:
    """Read a table without quotes, blanks or oddities, in half the time; None for any other.

    Accepts a part of what `_table` accepts, with the same result: of the characters let through,
    NumPy's parser makes no number that is not one in the grammar above.
    """
    if '"' in text:
        return None
    lines = [line for line in _LINE_END.split(text)[1:] if line]
    if not lines or max(map(len, lines)) > csv.field_size_limit():
        return None
    if any(line.count(",") != columns - 1 for line in lines):
        return None
    labels, numbers = [], []
    for line in lines:
        cells = line.split(",", label + 1)
        labels.append(cells.pop(label).strip())
        numbers.append(",".join(cells))
    if "".join(numbers).encode().translate(None, _PLAIN_CHARACTERS) or "" in numbers:
        return None
    try:
        return labels, np.loadtxt(numbers, delimiter=",", comments=None, ndmin=2)
    except ValueError:
        return None


def _table(
    text: str, columns: list[str], label: int, name: str
) -> tuple[list[str], NDArray[np.float64]]:
    """Read any table, cell by cell where a line is not all numbers.

    Raises:
        DataError: no line of data, a line with another number of cells, or a cell that is no
            number; line and column are named.
    """
    numbers_only = re.compile(f"{_NUMBER}(?:,{_NUMBER}){{{len(columns) - 2}}}")
    features = [column for position, column in enumerate(columns) if position != label]
    labels, numbers = [], []
    records = _records(text, name)
    next(records)
    for line, cells in records:
        if len(cells) != len(columns):
            raise DataError(
                f"{name}, line {line}: {len(cells):,} cells, "
                f"but the header names {len(columns):,} columns"
            )
        labels.append(cells.pop(label).strip())
        joined = ",".join(cells)
        if not numbers_only.fullmatch(joined):
            raise DataError(f"{name}, line {line}, {_cell_problem(cells, features)}")
        numbers.append(joined)
    if not numbers:
        raise DataError(f"{name} has a header only; expected at least one line of data")
    return labels, np.loadtxt(numbers, delimiter=",", comments=None, ndmin=2)


def _cell_problem(cells: list[str], features: list[str]) -> str:
    cell, column = next(
        (cell, column)
        for cell, column in zip(cells, features, strict=True)
        if not _IS_NUMBER.fullmatch(cell)
    )
    where = f"column '{printable(column)}'"
    if cell.strip().lower() in _MISSING:
        return f"{where}: missing value ('{printable(cell)}'); fill it or remove the row"
    if _DECIMAL_COMMA.fullmatch(cell):
        return f"{where}: '{printable(cell)}' has a decimal comma; write a point"
    return (
        f"{where}: '{printable(cell)}' is no plain decimal number; "
        "expected digits 0-9 with an optional sign, point and exponent, such as -1.5e3"
    )


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
    is_number = [_IS_NUMBER.fullmatch(label) is not None for label in different]
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
