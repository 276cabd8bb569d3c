"""A few cases in place of a full product: any two (or three) values of different factors meet."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

Row = dict[str, Any]
# Factors with their values.
Meeting = frozenset[tuple[str, Any]]


def covering(factors: Mapping[str, Sequence[Any]], strength: int) -> list[Row]:
    """Return rows in which any `strength` values of as many factors meet.

    A row starts from the first meeting that is missing, and takes from every other factor the
    value that adds most meetings; of equals, the one that was taken least. There are as many rows
    as the longest factors have meetings, or somewhat more.

    Args:
        factors: name to values, hashable and different from one another; at least two factors,
            none of them empty.
        strength: 2 or 3; at most the number of factors is used.
    """
    size = min(strength, len(factors))
    missing = dict.fromkeys(all_meetings(factors, size))
    rows: list[Row] = []
    taken: Counter[tuple[str, Any]] = Counter()
    while missing:
        row = dict(next(iter(missing)))
        for name in factors:
            if name not in row:
                row[name] = _best(name, factors, row, missing, taken, size)
        rows.append({name: row[name] for name in factors})
        taken.update(rows[-1].items())
        for meeting in combinations(rows[-1].items(), size):
            missing.pop(frozenset(meeting), None)
    return rows


def all_meetings(factors: Mapping[str, Sequence[Any]], size: int = 2) -> list[Meeting]:
    """Return every choice of `size` factors with every choice of their values."""
    return [
        frozenset(zip(names, values, strict=True))
        for names in combinations(factors, size)
        for values in product(*(factors[name] for name in names))
    ]


def _best(
    name: str,
    factors: Mapping[str, Sequence[Any]],
    row: Row,
    missing: Mapping[Meeting, None],
    taken: Mapping[tuple[str, Any], int],
    size: int,
) -> Any:
    """Return the value of a factor that adds most meetings to a row."""
    others = list(combinations(row.items(), size - 1))

    def worth(value: Any) -> tuple[int, int]:
        mine = (name, value)
        return sum(frozenset((mine, *other)) in missing for other in others), -taken[mine]

    return max(factors[name], key=worth)
