"""A table cell by cell: columns of numbers, and columns of text."""

from __future__ import annotations

import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import NUMBER, Column, Columns, width
from samplewise.data.sources import csv_cells as cells
from samplewise.data.sources.csv_cells import IS_NUMBER
from samplewise.data.sources.csv_text_column import TextColumn
from samplewise.errors import DataError, ErrorList
from samplewise.io.reading import check_bytes
from samplewise.text import counted

_Record = tuple[int, list[str]]


@dataclass(frozen=True)
class Wanted:
    """The columns to read.

    Args:
        where: name of the file, for messages.
        names: all columns of the header.
        features: positions of those to read as features, in the order wanted.
        known: what a model knows of those, in the same order; None where the cells decide.
        label: position of the label; None where there is none, or it is not read.
        numeric_label: whether labels are numbers to learn.
        needs_label: whether every row must have one; else a missing one is an empty text.
    """

    where: str
    names: Sequence[str]
    features: Sequence[int]
    known: Columns | None = None
    label: int | None = None
    numeric_label: bool = False
    needs_label: bool = True


def read_cells(
    records: Iterator[_Record], wanted: Wanted
) -> tuple[list[str], NDArray[np.float64], Columns]:
    """Read any table. A column is numbers or text, as its first cell is; text may be true or false.

    Args:
        records: line number and cells of each line, without the header.
        wanted: the columns to read.

    Returns:
        The labels, or an empty list; the features, (rows, features); and the columns.

    Raises:
        DataError: no line of data, a line with another number of cells, or cells that are missing,
            mix numbers and text in their column, or are unknown to the model; line and column are
            named. Or a column has so many categories that they cannot be any.
    """
    first = next(records, None)
    if first is None:
        raise DataError(f"{wanted.where} has a header only; expected at least one line of data")
    _check_width(*first, wanted)
    lines, errors = _Lines(first, wanted), ErrorList(DataError)
    with errors:
        for line, record in itertools.chain([first], records):
            if not lines.take(line, record):
                lines.note_errors(line, record, errors)
    errors.check()
    values = lines.values()
    if not lines.texts:
        return lines.labels, values, tuple(Column(wanted.names[i]) for i in lines.positions)
    X, columns = _features(values, lines.texts, wanted)
    return lines.labels, X, columns


class _Lines:
    """The lines read so far: labels, texts by their columns, and the cells of numbers.

    Attributes:
        labels: of the lines; empty where none are read.
        texts: by position, the columns that do not hold numbers.
        positions: of the columns that do.
    """

    def __init__(self, first: _Record, wanted: Wanted) -> None:
        self._wanted = wanted
        self.labels: list[str] = []
        self.texts = _text_columns(first, wanted)
        self.positions = [position for position in wanted.features if position not in self.texts]
        self._numbers: list[str] = []
        more = len(self.positions) - 1
        self._numbers_only = re.compile(f"{cells.NUMBER}(?:,{cells.NUMBER}){{{more}}}")

    def take(self, line: int, record: list[str]) -> bool:
        """Read a line; return False where a cell of it is wrong."""
        wanted = self._wanted
        try:
            _check_width(line, record, wanted)
            if wanted.label is not None:
                self.labels.append(_label(line, record[wanted.label], wanted.label, wanted))
            for text in self.texts.values():
                text.add(line, record[text.position])
        except DataError:
            return False
        if not self.positions:
            return True
        # One match for all cells of a line takes a fraction of the time of one for each.
        joined = ",".join([record[position] for position in self.positions])
        self._numbers.append(joined)
        return self._numbers_only.fullmatch(joined) is not None

    def note_errors(self, line: int, record: list[str], errors: ErrorList) -> None:
        """Note every error of a line that `take` refused."""
        wanted = self._wanted
        with errors:
            _check_width(line, record, wanted)
            if wanted.label is not None:
                with errors:
                    _label(line, record[wanted.label], wanted.label, wanted)
            for text in self.texts.values():
                with errors:
                    text.add(line, record[text.position])
            for position in self.positions:
                if not IS_NUMBER.fullmatch(record[position]):
                    errors.add(DataError(_odd_cell(line, record[position], position, wanted)))

    def values(self) -> NDArray[np.float64]:
        """Return the numbers of all lines, (rows, positions)."""
        if not self.positions:
            return np.empty((0, 0))
        return cells.numbers_of_lines(self._numbers, np.float64)


def _check_width(line: int, found: list[str], wanted: Wanted) -> None:
    if len(found) != len(wanted.names):
        raise DataError(
            f"{wanted.where}, line {line}: {counted(len(found), 'cell')}, "
            f"but the header names {counted(len(wanted.names), 'column')}; correct the line, and "
            "quote a cell that has the separator in it"
        )


def _text_columns(first: _Record, wanted: Wanted) -> dict[int, TextColumn]:
    """Return, by position, the columns that do not hold numbers."""
    line, record = first
    texts = {}
    for k, position in enumerate(wanted.features):
        known = None if wanted.known is None else wanted.known[k]
        cell = record[position]
        if IS_NUMBER.fullmatch(cells.bare(cell)) if known is None else known.kind == NUMBER:
            continue
        name = wanted.names[position]
        texts[position] = TextColumn(wanted.where, name, position, (line, cell.strip()), known)
    return texts


def _label(line: int, cell: str, position: int, wanted: Wanted) -> str:
    place = f"{wanted.where}, line {line}, column '{printable(wanted.names[position])}'"
    if cells.is_missing(cell):
        if not wanted.needs_label:
            return ""
        hint = f"; a class of this name needs another one, such as 'class {printable(cell)}'"
        also = hint if cell.strip() and not wanted.numeric_label else ""
        raise DataError(
            f"{place}: missing label ('{printable(cell.strip())}'); add it or remove the row{also}"
        )
    if wanted.numeric_label and not IS_NUMBER.fullmatch(cell):
        raise DataError(f"{place}: {cells.not_a_number(cell)}")
    return cell.strip()


def _odd_cell(line: int, cell: str, position: int, wanted: Wanted) -> str:
    place = f"{wanted.where}, line {line}, column '{printable(wanted.names[position])}'"
    if cells.is_missing(cell):
        return f"{place}: {cells.missing_value(cell.strip())}"
    return f"{place}: {cells.not_a_number(cell)}"


def _features(
    values: NDArray[Any], texts: dict[int, TextColumn], wanted: Wanted
) -> tuple[NDArray[np.float64], Columns]:
    """Return numbers and indicators side by side, in the order wanted, and their columns."""
    columns, errors = [], ErrorList(DataError)
    for i in wanted.features:
        with errors:
            columns.append(texts[i].column() if i in texts else Column(wanted.names[i]))
    errors.check()
    rows = len(next(iter(texts.values())).rows)
    check_bytes(rows * width(columns) * 8, None, f"{wanted.where}, as numbers,")
    X = np.empty((rows, width(columns)))
    start, number = 0, 0
    for position, column in zip(wanted.features, columns, strict=True):
        stop = start + column.width
        if position in texts:
            X[:, start:stop] = texts[position].features(column)
        else:
            X[:, start] = values[:, number]
            number += 1
        start = stop
    return X, tuple(columns)
