"""A column of text, true and false or categories, as indicators of its categories."""

from __future__ import annotations

from array import array
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.data.columns import BOOLEAN, CATEGORY, Column, composed
from samplewise.data.labels import FEW_ROWS, check_distinct
from samplewise.data.sources import csv_cells as cells
from samplewise.data.sources.csv_cells import IS_NUMBER, TRUTHS
from samplewise.errors import DataError
from samplewise.name_lists import option_value
from samplewise.warn import warn

MANY_CATEGORIES = 100
"""Up to so many, half as many categories as rows are plausible."""
MAX_CATEGORIES = 1_000
FEW_ROWS_EACH = 5
"""Fewer rows for each of many categories are a warning."""
_SHOWN = 10


@dataclass(eq=False)
class TextColumn:
    """A column of text being read: the number of each row's text among the different ones.

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
