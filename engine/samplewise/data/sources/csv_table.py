"""A table cell by cell: numbers, true and false, and text as indicators of its categories."""

from __future__ import annotations

import itertools
import re
from array import array
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import BOOLEAN, CATEGORY, NUMBER, Column, Columns, composed, width
from samplewise.data.labels import FEW_ROWS, check_distinct
from samplewise.data.sources import csv_cells as cells
from samplewise.data.sources.csv_cells import IS_NUMBER, TRUTHS
from samplewise.errors import DataError, ErrorList
from samplewise.io.reading import check_bytes
from samplewise.name_lists import option_value
from samplewise.text import counted
from samplewise.warn import warn

MANY_CATEGORIES = 100
"""Up to so many, half as many categories as rows are plausible."""
MAX_CATEGORIES = 1_000
FEW_ROWS_EACH = 5
"""Fewer rows for each of many categories are a warning."""
_SHOWN = 10

_Record = tuple[int, list[str]]


@dataclass(eq=False)
class _Text:
    """A column of text being read: the number of each row's text.

    Args:
        first: its first cell, and the line of that.
        known: the column that a model knows; None where the cells decide.
    """

    where: str
    name: str
    position: int
    first: tuple[int, str]
    known: Column | None = None
    numbers: dict[str, int] = field(default_factory=dict)
    rows: array[int] = field(default_factory=lambda: array("l"))

    def add(self, line: int, cell: str) -> None:
        """Take the next row's cell."""
        text = composed(cell.strip())
        number = self.numbers.get(text)
        if number is None:
            self._check(line, text)
            number = self.numbers[text] = len(self.numbers)
        self.rows.append(number)

    def _check(self, line: int, text: str) -> None:
        place = f"{self.where}, line {line}, column '{printable(self.name)}'"
        if cells.is_missing(text):
            raise DataError(f"{place}: {cells.missing_value(text)}")
        if self.known is not None:
            _check_known(self.known, text, place)
        elif IS_NUMBER.fullmatch(text):
            first_line, first = self.first
            if cells.is_missing(first) or cells.is_like_a_number(first):
                return  # an error of that line, which says nothing of this one
            raise DataError(
                f"{place}: '{printable(text)}' is a number, but '{printable(first)}' in line "
                f"{first_line} is not; expected all numbers or all text: correct it, or leave the "
                f"column out with --drop {option_value([self.name])}"
            )
        elif cells.is_like_a_number(text):
            raise DataError(f"{place}: {cells.not_a_number(text)}")

    def column(self) -> Column:
        """Return the column that the cells make."""
        if self.known is not None:
            return self.known
        if all(text.lower() in TRUTHS for text in self.numbers):
            return Column(self.name, BOOLEAN)
        self._check_categories()
        place = f"{self.where}, column '{printable(self.name)}'"
        check_distinct(self.numbers, place, what="categories")
        return Column(self.name, CATEGORY, tuple(sorted(self.numbers)))

    def _check_categories(self) -> None:
        count, rows = len(self.numbers), len(self.rows)
        each_its_own = count == rows and rows > FEW_ROWS
        mostly = count > MANY_CATEGORIES and 2 * count > rows
        if each_its_own or mostly or count > MAX_CATEGORIES:
            raise DataError(
                f"{self.where}: the column '{printable(self.name)}' has {count:,} different texts "
                f"in {rows:,} rows, such as '{printable(self.first[1])}'; this looks like names, "
                f"dates or free text: leave it out with --drop {option_value([self.name])}"
            )
        if count > FEW_ROWS and rows < FEW_ROWS_EACH * count:
            warn(
                f"{self.where}: the column '{printable(self.name)}' has {count:,} different texts "
                f"in {rows:,} rows, such as '{printable(self.first[1])}'; each becomes an input, "
                "and rows with another text cannot be predicted: if these are names, dates or free "
                f"text, leave it out with --drop {option_value([self.name])}"
            )

    def features(self, column: Column) -> NDArray[np.float64]:
        """Return the features of the rows, (rows, `column.width`)."""
        if column.kind == BOOLEAN:
            values = np.array([text.lower() in ("true", "1") for text in self.numbers], np.float64)
            return values[np.frombuffer(self.rows, self.rows.typecode)].reshape(-1, 1)
        place = {category: k for k, category in enumerate(column.categories)}
        positions = np.array([place[text] for text in self.numbers])
        indicators = np.zeros((len(self.rows), column.width))
        chosen = positions[np.frombuffer(self.rows, self.rows.typecode)]
        indicators[np.arange(len(self.rows)), chosen] = 1.0
        return indicators


def _check_known(column: Column, text: str, place: str) -> None:
    if column.kind == BOOLEAN:
        if text.lower() not in TRUTHS and text not in ("0", "1"):
            raise DataError(f"{place}: '{printable(text)}' is not true or false")
    elif text not in column.categories:
        shown = ", ".join(f"'{printable(known)}'" for known in column.categories[:_SHOWN])
        more = len(column.categories) - _SHOWN
        raise DataError(
            f"{place}: '{printable(text)}' is not a category that the model knows; it knows "
            f"{shown}{f' and {more:,} more' if more > 0 else ''}"
        )


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
    texts = _text_columns(first, wanted)
    positions = [position for position in wanted.features if position not in texts]
    labels, numbers, errors = [], [], ErrorList(DataError)
    numbers_only = re.compile(f"{cells.NUMBER}(?:,{cells.NUMBER}){{{len(positions) - 1}}}")
    with errors:
        for line, record in itertools.chain([first], records):
            try:
                _check_width(line, record, wanted)
                if wanted.label is not None:
                    labels.append(_label(line, record[wanted.label], wanted.label, wanted))
                for text in texts.values():
                    text.add(line, record[text.position])
                if positions:
                    joined = ",".join([record[position] for position in positions])
                    if not numbers_only.fullmatch(joined):
                        raise DataError(line)  # the block below says which
                    numbers.append(joined)
            except DataError:
                _note_errors((line, record), texts.values(), positions, wanted, errors)
    errors.check()
    values = cells.numbers_of_lines(numbers, np.float64) if positions else np.empty((0, 0))
    if not texts:
        return labels, values, tuple(Column(wanted.names[i]) for i in positions)
    X, columns = _features(values, texts, wanted)
    return labels, X, columns


def _check_width(line: int, found: list[str], wanted: Wanted) -> None:
    if len(found) != len(wanted.names):
        raise DataError(
            f"{wanted.where}, line {line}: {counted(len(found), 'cell')}, "
            f"but the header names {counted(len(wanted.names), 'column')}; correct the line, and "
            "quote a cell that has the separator in it"
        )


def _text_columns(first: _Record, wanted: Wanted) -> dict[int, _Text]:
    """Return, by position, the columns that do not hold numbers."""
    line, record = first
    texts = {}
    for k, position in enumerate(wanted.features):
        known = None if wanted.known is None else wanted.known[k]
        cell = record[position]
        if IS_NUMBER.fullmatch(cells.bare(cell)) if known is None else known.kind == NUMBER:
            continue
        name = wanted.names[position]
        texts[position] = _Text(wanted.where, name, position, (line, cell.strip()), known)
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


def _note_errors(
    found: _Record,
    texts: Iterable[_Text],
    positions: Sequence[int],
    wanted: Wanted,
    errors: ErrorList,
) -> None:
    """Note every error of a line."""
    line, record = found
    with errors:
        _check_width(line, record, wanted)
        if wanted.label is not None:
            with errors:
                _label(line, record[wanted.label], wanted.label, wanted)
        for text in texts:
            with errors:
                text.add(line, record[text.position])
        for position in positions:
            if not IS_NUMBER.fullmatch(record[position]):
                errors.add(DataError(_odd_cell(line, record[position], position, wanted)))


def _odd_cell(line: int, cell: str, position: int, wanted: Wanted) -> str:
    place = f"{wanted.where}, line {line}, column '{printable(wanted.names[position])}'"
    if cells.is_missing(cell):
        return f"{place}: {cells.missing_value(cell.strip())}"
    return f"{place}: {cells.not_a_number(cell)}"


def _features(
    values: NDArray[Any], texts: dict[int, _Text], wanted: Wanted
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
