"""JSON from a file that nobody vouches for, and for people to read.

Python's own reader takes NaN and Infinity, turns 1e999 into infinity, lets the last of two equal
keys win, and reads integers of any length.
"""

from __future__ import annotations

import json
import math
from typing import Any

MAX_DEPTH = 16
MAX_INTEGER_DIGITS = 18


def parse(text: str) -> Any:
    """Return the value of a JSON text.

    Raises:
        ValueError: no JSON, a number that is not finite or an integer of over 18 digits, an object
            with one key twice, or nesting deeper than 16; the message may be long.
    """
    try:
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError(f"it is nested deeper than {MAX_DEPTH}") from None
    _check_depth(value)
    return value


def text_of(value: Any) -> str:
    """Return a value as indented JSON; NaN and infinity raise ValueError, as it has neither."""
    return json.dumps(value, indent=2, allow_nan=False)


def _check_depth(value: Any) -> None:
    """Walk level by level: a recursive walk, even `repr`, would fail on what this is to find."""
    level = [value]
    for _ in range(MAX_DEPTH):
        children: list[Any] = []
        for parent in level:
            if isinstance(parent, dict):
                children.extend(parent.values())
            elif isinstance(parent, list):
                children.extend(parent)
        if not children:
            return
        level = children
    raise ValueError(f"it is nested deeper than {MAX_DEPTH}")


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = dict(pairs)
    if len(keys) < len(pairs):
        seen: set[str] = set()
        twice = next(key for key, _ in pairs if key in seen or seen.add(key))  # type: ignore[func-returns-value]
        raise ValueError(f"it has the key {twice!a} twice")
    return keys


def _float(text: str) -> float:
    value = float(text)
    if not math.isfinite(value):
        raise ValueError(f"{text} is not finite in float64")
    return value


def _integer(text: str) -> int:
    digits = len(text.removeprefix("-"))
    if digits > MAX_INTEGER_DIGITS:
        raise ValueError(f"an integer has {digits:,} digits, at most {MAX_INTEGER_DIGITS}")
    return int(text)


def _constant(text: str) -> float:
    raise ValueError(f"{text} is not a JSON number")


_DECODER = json.JSONDecoder(
    object_pairs_hook=_object,
    parse_float=_float,
    parse_int=_integer,
    parse_constant=_constant,
)
