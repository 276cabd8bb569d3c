"""A table in a CSV file: one header line, a label column, numbers or text in all others."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import listed, printable, same_numbers
from samplewise.data.columns import (
    NUMBER,
    Column,
    Columns,
    check_columns,
    feature_names,
    found_name,
)
from samplewise.data.dataset import Dataset
from samplewise.data.labels import encode_labels, no_classes, numbers_of
from samplewise.data.named_rows import matched
from samplewise.data.pixels import RawRows, dataset_of_file, table_rows
from samplewise.data.sources import csv_header as header
from samplewise.data.sources.csv_cells import IS_NUMBER, plain_table, typed_labels
from samplewise.data.sources.csv_dialect import LINE_END, Body, body_of
from samplewise.data.sources.csv_table import Wanted, read_cells
from samplewise.data.sources.options import DEFAULT_OPTIONS, SourceOptions
from samplewise.errors import DataError, ErrorList
from samplewise.io.reading import decoded, read_whole


@dataclass(frozen=True, eq=False)
class CsvTable:
    """The content of a CSV file.

    Args:
        columns: of the features.
        X: float64 or uint8, (rows, features).
        labels: the label of each row, empty where it is missing; None without a label column.
        body: the lines that it was read from.
        label_name: the name of that column.
    """

    columns: Columns
    X: NDArray[Any]
    labels: list[str] | None
    body: Body
    label_name: str | None = None


def load_csv(
    path: Path, options: SourceOptions = DEFAULT_OPTIONS, columns: Columns | None = None
) -> Dataset:
    """Read a dataset from a table of text in UTF-8, with or without a byte-order mark.

    Commas, semicolons or tabs separate the columns, as the header shows, or a first line such as
    `sep=;` says. The header names the columns. Labels are all numbers or all text; numbers of which
    one has leading zeros are text. A column whose cells are all `true` or `false`, in any case,
    gives 1 and 0; one of other text an indicator for each category; every other cell is a plain
    decimal number. A table is float64; with `options.full_scale` its rows are images.

    Args:
        path: the file, at most half as large as the free memory.
        options: the label column, the columns to leave out, and what the labels are.
        columns: the columns that a model knows: they are found by name, in any order.

    Raises:
        DataError: the file cannot be read as such a table; the message names line and column.
    """
    name = printable(path)
    table = read_table(path, options, columns, needs_label=True)
    rows = rows_of(table, options, name)
    if options.numbers:
        values = numbers_of(np.array(table.labels, np.float64), name)
        names = () if table.label_name is None else (table.label_name,)
        return dataset_of_file(path, rows, no_classes(len(values)), values, table.columns, names)
    classes = encode_labels(typed_labels(table.labels or [], name), name, table.body.place)
    return dataset_of_file(path, rows, classes, columns=table.columns)


def read_table(
    path: Path,
    options: SourceOptions = DEFAULT_OPTIONS,
    columns: Columns | None = None,
    *,
    needs_label: bool = False,
) -> CsvTable:
    """Read a table as `load_csv`; without `needs_label`, each label or all may be missing.

    Raises:
        DataError: as `load_csv`.
    """
    name = printable(path)
    body = body_of(_text(path, name), name)
    records = body.records(name)
    names = _names(records, name)
    wanted = _wanted(names, options, columns, name, needs_label=needs_label)
    if not wanted.features:
        raise DataError(
            f"{name} has no column of features, only {listed(names)}; expected at least one"
        )
    table = _plain(body, wanted)
    if table is None:
        labels, X, known = read_cells(records, wanted)
        table = CsvTable(known, X, None if wanted.label is None else labels, body)
    if wanted.label is not None:
        table = replace(table, label_name=names[wanted.label])
    check_columns(table.columns, name)
    _check_finite(table, name, numeric_label=options.numbers)
    return table


def read_names(path: Path) -> list[str]:
    """Return the names in the header of a table.

    Raises:
        DataError: as `load_csv`.
    """
    name = printable(path)
    return _names(body_of(_text(path, name), name).records(name), name)


def rows_of(table: CsvTable, options: SourceOptions, name: str) -> RawRows:
    """Return the rows of a table: numbers, or images where the user gives the value of white.

    Raises:
        DataError: of images, a column is not of numbers; `name` is the file's.
    """
    if options.full_scale is not None:
        odd = [column.name for column in table.columns if column.kind != NUMBER]
        if odd:
            raise DataError(
                f"{name}: a full scale makes the rows images, but the column "
                f"'{printable(odd[0])}' holds no numbers; leave out --full-scale, or drop the "
                "column"
            )
        return table_rows(_whole_bytes(table.X), name, options.full_scale)
    return table_rows(np.asarray(table.X, np.float64), name)


def _names(records: Iterator[tuple[int, list[str]]], name: str) -> list[str]:
    return header.checked_names(next(records, (1, []))[1], name)


def _whole_bytes(values: NDArray[Any]) -> NDArray[Any]:
    """Return values as uint8 where all are whole within 0..255."""
    if values.dtype == np.uint8 or values.min() < 0 or values.max() > 255:
        return values
    pixels = values.astype(np.uint8)
    return pixels if same_numbers(pixels, values) else values


def _wanted(
    names: list[str],
    options: SourceOptions,
    columns: Columns | None,
    name: str,
    *,
    needs_label: bool,
) -> Wanted:
    known = () if columns is None else [found_name(column.name) for column in columns]
    label = header.label_position(names, options, known, name)
    left_out = header.dropped_positions(
        names, options.drop, name, absent_is_fine=columns is not None
    )
    if label in left_out:
        raise DataError(
            f"{name}: the label column '{printable(names[label])}' cannot be dropped; name another "
            "with --label"
        )
    if label is None and needs_label:
        raise header.no_label(names, options, name)
    left_out |= {label} if label is not None else set()
    features = [i for i in range(len(names)) if i not in left_out]
    if columns is not None:
        features = matched(names, columns, {names[i] for i in left_out}, name)
    return Wanted(name, names, features, columns, label, options.numbers, needs_label)


def _plain(body: Body, wanted: Wanted) -> CsvTable | None:
    """Return a table of numbers, quickly; None for others."""
    if wanted.known is not None and any(column.kind != NUMBER for column in wanted.known):
        return None
    in_file = sorted(wanted.features)
    left_out = set(range(len(wanted.names))).difference(in_file)
    found = plain_table(body, len(wanted.names), left_out, wanted.label)
    if found is None:
        return None
    labels, values = found
    if wanted.numeric_label and not all(map(IS_NUMBER.fullmatch, set(labels))):
        return None
    if in_file != list(wanted.features):
        values = values[:, np.searchsorted(in_file, wanted.features)]
    columns = wanted.known or tuple(Column(wanted.names[i]) for i in wanted.features)
    return CsvTable(columns, values, None if wanted.label is None else labels, body)


def _check_finite(table: CsvTable, name: str, *, numeric_label: bool) -> None:
    """Refuse numbers too large for float64, such as 1e999."""
    errors, names = ErrorList(DataError), feature_names(table.columns)
    if table.X.dtype != np.uint8 and not np.isfinite(table.X).all():
        for row, feature in np.argwhere(~np.isfinite(table.X)):
            errors.add(_beyond_float64(table, int(row), names[feature], name))
    if numeric_label:
        for row in np.flatnonzero(np.isinf([float(label or 0) for label in table.labels or ()])):
            errors.add(_beyond_float64(table, int(row), table.label_name or "", name))
    errors.check()


def _beyond_float64(table: CsvTable, row: int, column: str, name: str) -> DataError:
    return DataError(
        f"{name}, {table.body.place(row)}, column '{printable(column)}': the number is beyond "
        "1.8e308, inf in float64; correct it or remove the row"
    )


def _text(path: Path, name: str) -> str:
    text = decoded(read_whole(path), name)
    if (position := text.find("\0")) >= 0:
        line = len(LINE_END.findall(text[:position])) + 1
        raise DataError(
            f"{name}, line {line}: a NUL byte; expected text, is this a damaged or a binary file?"
        )
    return text
