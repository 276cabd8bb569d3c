"""The columns of a table: their names, and the categories of those that hold text."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from samplewise.checks import one_of, printable
from samplewise.errors import DataError, ErrorList

NUMBER = "number"
BOOLEAN = "boolean"
CATEGORY = "category"
KINDS = (NUMBER, BOOLEAN, CATEGORY)

MAX_NAME_CHARACTERS = 1_000
"""Maximum length of the name of a column or category."""
MAX_COLUMNS_BYTES = 8 * 2**20
"""Maximum size of all names and categories in UTF-8: a model file holds them."""

# Controls, lone surrogates, line and paragraph separators: they forge lines of output.
UNPRINTABLE = frozenset({"Cc", "Cs", "Zl", "Zp"})


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: as the header of a file has it, without surrounding blanks, or as a data frame has it.
        kind: one of `KINDS`.
        categories: of a column of text, its values in code-point order; a row has one feature for
            each, 1 where the cell holds it and 0 elsewhere. Else empty.
    """

    name: str
    kind: str = NUMBER
    categories: tuple[str, ...] = ()

    @property
    def width(self) -> int:
        """The number of features that the column becomes."""
        return len(self.categories) if self.kind == CATEGORY else 1

    @property
    def features(self) -> tuple[str, ...]:
        """The names of the features that the column becomes."""
        if self.kind != CATEGORY:
            return (self.name,)
        return tuple(f"{self.name}={category}" for category in self.categories)


Columns = tuple[Column, ...]


def feature_names(columns: Sequence[Column]) -> tuple[str, ...]:
    """Return the names of the features of a row, in order."""
    return tuple(name for column in columns for name in column.features)


def width(columns: Sequence[Column]) -> int:
    """Return the number of features of a row."""
    return sum(column.width for column in columns)


def check_columns(columns: Sequence[Column], where: str) -> None:
    """Refuse columns that could not be matched, shown or stored; `where` is for messages.

    Raises:
        DataError: a name or category is blank, repeated, over 1,000 characters or not printable; a
            column of text has no category, or another one has some; all have over 8 MiB together.
        ParameterError: a kind that is not one of `KINDS`.
    """
    _check_names([column.name for column in columns], f"{where}: the column name")
    for column in columns:
        if column.kind == NUMBER and not column.categories:
            continue
        name = printable(column.name)
        one_of(f"{where}: kind of the column '{name}'", column.kind, KINDS)
        if (column.kind == CATEGORY) != bool(column.categories):
            raise DataError(
                f"{where}: the column '{name}' of kind {column.kind} has "
                f"{len(column.categories):,} categories; text has at least one, others have none"
            )
        _check_names(column.categories, f"{where}, column '{name}': the category")
    texts = (text for column in columns for text in (column.name, *column.categories))
    size = sum(len(text.encode("utf-8")) for text in texts)
    if size > MAX_COLUMNS_BYTES:
        raise DataError(
            f"{where}: the names of the columns have {size:,} bytes together, at most "
            f"{MAX_COLUMNS_BYTES:,} are allowed; shorten them"
        )


def columns_named(names: Iterable[str]) -> Columns | None:
    """Return columns of numbers with these names; None where they cannot be found by them.

    The names in a data frame need not be texts, nor differ, and an array has none.
    """
    columns = tuple(map(Column, names))
    try:
        check_columns(columns, "columns")
    except DataError:
        return None
    distinct = {found_name(column.name) for column in columns}
    return columns if 0 < len(distinct) == len(columns) else None


def _check_names(names: Sequence[str], what: str) -> None:
    errors = ErrorList(DataError)
    for text in names:
        if problem := _problem(text):
            errors.add(DataError(f"{what} '{printable(text)}' {problem}"))
    errors.check()
    name, count = Counter(names).most_common(1)[0] if names else ("", 1)
    if count > 1:
        raise DataError(f"{what} '{printable(name)}' occurs {count:,} times; rename all but one")


def _problem(text: object) -> str | None:
    if not isinstance(text, str):
        return "is not a text"
    if not text.strip():
        return "is blank; expected a text"
    if len(text) > MAX_NAME_CHARACTERS:
        return (
            f"has {len(text):,} characters, at most {MAX_NAME_CHARACTERS:,} are allowed; shorten it"
        )
    if not printable_text(text):
        return "holds control characters or lone surrogates; expected printable text"
    return None


def composed(text: str) -> str:
    """Return a name or category in Unicode form NFC, so that texts that look alike are equal.

    macOS writes letters and accents apart, other systems as one.
    """
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def found_name(name: str) -> str:
    """Return the form of a column's name by which it is found: `composed`, without outer blanks.

    The header of a CSV file is read without blanks beside its commas, but pandas keeps them.
    """
    return composed(name.strip())


def places(names: Iterable[str]) -> dict[str, int]:
    """Return the place of each name, by the name as `composed`."""
    return {composed(name): place for place, name in enumerate(names)}


def printable_text(text: str) -> bool:
    """Return True if a text is free of control characters, lone surrogates and line separators."""
    # The first is quick, and stricter: it refuses characters for private use, too.
    return text.isprintable() or not any(unicodedata.category(c) in UNPRINTABLE for c in text)
