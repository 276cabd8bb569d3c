"""Checks of settings, shared by every place that takes one."""

from __future__ import annotations

import difflib
import math
import os
from collections.abc import Iterable
from numbers import Integral, Real
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

from samplewise.errors import ParameterError
from samplewise.other_names import ours

if TYPE_CHECKING:
    from numpy.typing import NDArray

T = TypeVar("T")
SHOWN_CHARACTERS = 200
SHOWN_NAMES = 20


def printable(text: object, most: int = SHOWN_CHARACTERS) -> str:
    """Return `text` for a message: control characters escaped, cut at so many characters."""
    escaped = "".join(c if c.isprintable() else ascii(c)[1:-1] for c in str(text))
    return escaped if len(escaped) <= most else escaped[:most] + "…"


def shown(value: object) -> str:
    """Return a value for a message; a text in quotes, others without."""
    return f"'{printable(value)}'" if isinstance(value, str) else printable(value)


def must_be(name: str, wanted: str, given: object, remedy: str = "") -> str:
    """Return the message on a value that is wrong, such as "epochs: must be at least 1, got 0".

    Args:
        name: of the setting, or "augment: shift" for a part of one.
        wanted: the values that are right, such as "at least 1".
        given: the value; a text is put in quotes.
        remedy: what to do, put at the end.
    """
    place = name if ": " in name else f"{name}:"
    return f"{place} must be {wanted}, got {shown(given)}" + (f"; {remedy}" if remedy else "")


def meant(given: str, known: Iterable[str], likeness: float = 0.6) -> str | None:
    """Return the known name that a user means most likely; None where none is close.

    Args:
        given: an unknown name: of another library, or mistyped.
        known: the names that there are.
        likeness: the least ratio of `difflib` between a mistyped name and a close one, 0 to 1.
    """
    names = list(known)
    same = [name for name in ours(given) if name in names]
    close = same or difflib.get_close_matches(given.lower(), names, 1, likeness)
    return close[0] if close else None


def suggestion(given: str, known: Iterable[str]) -> str:
    """Return "; did you mean 'x'?" where one of `known` is meant, else an empty text."""
    name = meant(given, known)
    return "" if name is None else f"; did you mean '{printable(name)}'?"


def listed(names: Iterable[str]) -> str:
    """Return names for a message, "a, b and 55 more": at most 20 of them."""
    names = list(names)
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return ", ".join(map(printable, names[:SHOWN_NAMES])) + more


def suggestion_or_list(given: str, known: Iterable[str], title: str, remedy: str = "") -> str:
    """Return the end of a message about an unknown name: the closest known one, or a list of them.

    Args:
        given: the unknown name.
        known: the names that there are.
        title: of the list, such as "Options".
        remedy: put after the list, such as "; see --help".
    """
    names = list(known)
    return suggestion(given, names) or f". {title}: {listed(names)}{remedy}"


def one_of(name: str, given: object, known: Iterable[str]) -> str:
    """Return `given` where it is one of `known`; `name` is the setting's name in messages.

    Raises:
        ParameterError: it is not; the message lists the known names and the closest one.
    """
    names = list(known)
    if isinstance(given, str) and given in names:
        return given
    hint = suggestion(given, names) if isinstance(given, str) else ""
    raise ParameterError(must_be(name, f"one of {listed(names)}", given) + hint)


def whole_number(name: str, given: object, *, minimum: int = 1, maximum: int | None = None) -> int:
    """Return `given` as an int of at least `minimum` (and at most `maximum`).

    Raises:
        ParameterError: not a whole number (a bool is not one), or out of range.
    """
    # The abstract class takes ten times as long to ask as the type itself.
    whole = type(given) is int or (isinstance(given, Integral) and not isinstance(given, bool))
    value = int(given) if whole else minimum  # type: ignore[call-overload]
    if whole and value >= minimum and (maximum is None or value <= maximum):
        return value
    span = f"of at least {minimum}" if maximum is None else f"from {minimum} to {maximum:,}"
    raise ParameterError(must_be(name, f"a whole number {span}", given))


def whole_numbers(name: str, given: object) -> tuple[int, ...]:
    """Return whole numbers of at least 1 as a tuple; a single one may stand by itself.

    Raises:
        ParameterError: neither a whole number nor several of them.
    """
    if isinstance(given, Integral):
        return (whole_number(name, given),)
    items = items_of(given)
    if items is None:
        raise ParameterError(must_be(name, "whole numbers, as in (128, 32)", given))
    return tuple(whole_number(name, one) for one in items)


def items_of(given: object) -> list[Any] | None:
    """Return the items of a list or the like; None for a text, and for all that has no items."""
    if isinstance(given, str) or not isinstance(given, Iterable):
        return None
    # An array without dimensions says that it has items, and raises when asked for them.
    return None if getattr(given, "ndim", 1) == 0 else list(given)


def positive_number(name: str, given: object) -> float:
    """Return `given` as a finite float above 0.

    Raises:
        ParameterError: not a number (a bool is not one), not finite, or not above 0.
    """
    value = _number(name, given, "a number above 0")
    if not math.isfinite(value) or value <= 0.0:
        raise ParameterError(must_be(name, "a finite number above 0", value))
    return value


def not_negative(name: str, given: object) -> float:
    """Return `given` as a finite float of at least 0.

    Raises:
        ParameterError: not a number (a bool is not one), not finite, or below 0.
    """
    value = _number(name, given, "a number of at least 0")
    if not math.isfinite(value) or value < 0.0:
        raise ParameterError(must_be(name, "a finite number of at least 0", value))
    return value


def open_fraction(name: str, given: object) -> float:
    """Return `given` as a float strictly between 0 and 1.

    Raises:
        ParameterError: not a number, or outside (0, 1).
    """
    value = _number(name, given, "a number above 0 and below 1")
    if not 0.0 < value < 1.0:
        raise ParameterError(must_be(name, "above 0 and below 1", value))
    return value


def decay_factor(name: str, given: object) -> float:
    """Return `given` as a float of at least 0 and below 1.

    Raises:
        ParameterError: not a number, or outside [0, 1).
    """
    value = _number(name, given, "a number of at least 0 and below 1")
    if not 0.0 <= value < 1.0:
        raise ParameterError(must_be(name, "at least 0 and below 1", value))
    return value


def _number(name: str, given: object, wanted: str) -> float:
    if type(given) is float:
        return given
    if isinstance(given, bool) or not isinstance(given, Real):
        raise ParameterError(must_be(name, wanted, given))
    try:
        return float(given)
    except OverflowError:
        return math.inf


def instance_of(name: str, given: object, kind: type[T], made_by: str = "") -> T:
    """Return `given` where it is an instance of `kind`.

    Args:
        name: of the argument, for messages.
        given: its value.
        kind: the class.
        made_by: the call that makes an instance, for messages; that of the class unless given.

    Raises:
        ParameterError: it is not an instance.
    """
    if not isinstance(given, kind):
        wanted = f"a {kind.__module__.split('.')[0]}.{kind.__name__}"
        remedy = f"{made_by or f'{kind.__name__}(...)'} makes one"
        raise ParameterError(must_be(name, wanted, given, remedy))
    return given


def text(name: str, given: object, example: str) -> str:
    """Return `given` where it is a text; `name` is the setting's in messages, with an example.

    Raises:
        ParameterError: it is anything else.
    """
    if not isinstance(given, str):
        raise ParameterError(must_be(name, f"a text, as in '{example}'", given))
    return given


def file_path(name: str, given: object) -> Path:
    """Return `given`, a text or a path, as a path; `name` is the argument's in messages.

    Raises:
        ParameterError: it is anything else, or no path can be so.
    """
    text = os.fspath(given) if isinstance(given, str | os.PathLike) else ""
    if not (isinstance(text, str) and text) or "\0" in text:
        raise ParameterError(must_be(name, "the path of a file", given))
    return Path(text)


def true_or_false(name: str, given: object) -> bool:
    """Return `given` where it is a bool.

    Raises:
        ParameterError: it is anything else.
    """
    if not isinstance(given, bool):
        raise ParameterError(must_be(name, "true or false", given))
    return given


def same_numbers(one: NDArray[Any], other: NDArray[Any]) -> bool:
    """Return True if two arrays are equal in shape and numbers.

    To `numpy.array_equal`, what the handler of a signal raises meanwhile is a difference.
    """
    return one.shape == other.shape and bool((one == other).all())
