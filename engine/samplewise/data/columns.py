"""The columns of a table: their names, and the categories of those that hold text."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

NUMBER = "number"
BOOLEAN = "boolean"
CATEGORY = "category"
KINDS = (NUMBER, BOOLEAN, CATEGORY)


@dataclass(frozen=True)
class Column:
    """One column of a table.

    Args:
        name: as the header has it, without surrounding blanks.
        kind: one of `KINDS`.
        categories: of a column of text, its values in code-point order; a row has one feature for
            each, 1 where the cell holds it and 0 elsewhere. Else empty.
    """

    name: str
    kind: str = NUMBER
    categories: tuple[str, ...] = ()

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
