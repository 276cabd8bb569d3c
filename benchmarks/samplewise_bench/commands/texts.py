"""Shared by the commands: texts of options are read, and results printed, in one way."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from samplewise.checks import must_be, one_of
from samplewise.cli import console
from samplewise.errors import ParameterError
from samplewise.name_lists import listed_names
from samplewise.options.kinds import whole
from samplewise_bench.timing import ROUNDS

ALL = "all"


def rounds_of(text: str) -> int:
    """Return the number of rounds."""
    return int(whole(ROUNDS).from_text("rounds", text))


def listed(name: str, text: str) -> list[str]:
    """Return the names in a text, each once.

    Raises:
        ParameterError: one is blank.
    """
    try:
        return list(dict.fromkeys(listed_names(text)))
    except ValueError:
        raise ParameterError(must_be(name, "one or more, joined by commas", text)) from None


def known(name: str, text: str | None, all_names: Iterable[str]) -> list[str]:
    """Return the names in a text, which must be among `all_names`; none or "all" is all of them."""
    everything = list(all_names)
    if text is None or text == ALL:
        return everything
    return [one_of(name, each, [*everything, ALL]) for each in listed(name, text)]


def result(
    measured: Any, headers: Iterable[str], rows: Iterable[Any], *, as_json: bool, keys: int = 1
) -> None:
    """Print a measurement as JSON, or as a table with its caption; `keys` as `console.table`."""
    if as_json:
        console.result_json(measured.to_json())
        return
    console.table([row.cells() for row in rows], tuple(headers), numbers=True, keys=keys)
    console.result(f"\n{measured.caption()}")
