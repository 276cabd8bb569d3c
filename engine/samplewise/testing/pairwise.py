"""A few cases in place of a full product: any two values of two factors meet in one of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations, product
from typing import Any

Row = dict[str, Any]
# A factor with its value, and another factor with its value.
Pair = tuple[tuple[str, Any], tuple[str, Any]]


def pairwise(factors: Mapping[str, Sequence[Any]]) -> list[Row]:
    """Return rows in which any two values of two factors meet, the same ones in every call.

    A row starts from the first pair that has not met yet, and takes from every other factor the
    value that meets most values of the row anew; of equals, the one that was taken least. There
    are as many rows as the two longest factors have pairs, or somewhat more.

    Args:
        factors: name to values, hashable and different from one another; at least two.
    """
    missing = dict.fromkeys(all_pairs(factors))
    rows: list[Row] = []
    while missing:
        row = dict(next(iter(missing)))
        for name in factors:
            if name not in row:
                row[name] = _newest(name, factors, row, missing, rows)
        rows.append({name: row[name] for name in factors})
        for pair in combinations(rows[-1].items(), 2):
            missing.pop(pair, None)
    return rows


def all_pairs(factors: Mapping[str, Sequence[Any]]) -> list[Pair]:
    """Return every pair of values of two different factors."""
    return [
        ((a, x), (b, y))
        for a, b in combinations(factors, 2)
        for x, y in product(factors[a], factors[b])
    ]


def _newest(
    name: str,
    factors: Mapping[str, Sequence[Any]],
    row: Row,
    missing: Mapping[Pair, None],
    rows: Sequence[Row],
) -> Any:
    """Return the value of a factor that meets most values of a row for the first time."""
    order = {each: i for i, each in enumerate(factors)}

    def is_new(mine: tuple[str, Any], other: tuple[str, Any]) -> bool:
        return ((mine, other) if order[name] < order[other[0]] else (other, mine)) in missing

    def worth(value: Any) -> tuple[int, int]:
        taken = sum(earlier[name] == value for earlier in rows)
        return sum(is_new((name, value), other) for other in row.items()), -taken

    return max(factors[name], key=worth)
