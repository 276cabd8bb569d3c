"""Kinds of values: how each reads as a text and in TOML, and which values it may be."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection
from dataclasses import dataclass
from functools import partial
from typing import Any

from samplewise.checks import must_be, one_of, true_or_false, whole_number, whole_numbers
from samplewise.errors import ParameterError
from samplewise.name_lists import listed_names

Check = Callable[[str, Any], Any]
"""Function of an option's name and a value: returns the checked value, or raises ParameterError."""

# Python's int and float also take "1_000", "٣" and " 7 ", which are more likely mistakes.
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?|[+-]?(?:inf|nan)")
_SWITCHES = {"true": True, "false": False}
NO_LAYERS = "none"


@dataclass(frozen=True)
class Kind:
    """A kind of value.

    Args:
        metavar: its name in help texts, such as INTEGER.
        text_form: the expected form of a text, for messages.
        toml_form: the expected form of a TOML value, for messages.
        parse: reads a text, or raises ValueError.
        accept: takes a TOML value, or raises ValueError or OverflowError.
        check: refuses a value of the right type that is out of range.
        names: the names to choose from; None where any text or number may come.
    """

    metavar: str
    text_form: str
    toml_form: str
    parse: Callable[[str], Any]
    accept: Callable[[Any], Any]
    check: Check
    names: Collection[str] | None = None

    def from_text(self, name: str, text: str) -> Any:
        """Return the value of a flag's or variable's text, once it has passed the check.

        Raises:
            ParameterError: the text is of another kind, or the value is out of range.
        """
        return self._checked(name, _read(name, text, self.parse, self.text_form))

    def from_toml(self, name: str, value: Any) -> Any:
        """Return the value of a TOML value, once it has passed the check.

        Raises:
            ParameterError: it is of another kind, or out of range.
        """
        return self._checked(name, _read(name, value, self.accept, self.toml_form))

    def _checked(self, name: str, value: Any) -> Any:
        # As it was read: the field of the settings keeps what its check returns.
        self.check(name, value)
        return value


def _read(name: str, given: Any, read: Callable[[Any], Any], form: str) -> Any:
    try:
        return read(given)
    except (ValueError, OverflowError):
        raise ParameterError(must_be(name, form, given)) from None


def whole(minimum: int = 1, maximum: int | None = None) -> Kind:
    """Return the kind of whole numbers from `minimum` to `maximum`."""
    form, check = "a whole number", partial(whole_number, minimum=minimum, maximum=maximum)
    return Kind("INTEGER", form, form, _integer, _instance_of(int), check)


def number(check: Check) -> Kind:
    """Return the kind of numbers that pass a check of their range."""
    form = "a number such as 0.1"
    return Kind("FLOAT", form, form, _number, _float, check)


def text(
    check: Check, metavar: str = "TEXT", forms: tuple[str, str] = ("a text", "a text in quotes")
) -> Kind:
    """Return the kind of texts that pass a check; `forms` are those of `Kind`."""
    return Kind(metavar, *forms, str, _instance_of(str), check)


def choice(names: Collection[str], check: Check | None = None) -> Kind:
    """Return the kind of names out of a collection, which may grow; None checks for membership."""
    known = check or (lambda name, given: one_of(name, given, names))
    return Kind("NAME", "a text", "a text in quotes", str, _instance_of(str), known, names)


def names(check: Check) -> Kind:
    """Return the kind of several names that pass a check, a tuple."""
    return Kind(
        "NAMES",
        "names such as 4,9, one with a comma in double quotes",
        'texts in a list, such as ["4", "9"]',
        listed_names,
        _tuple_of(str),
        check,
    )


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise ValueError
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise ValueError
    return float(text)


def _switch(text: str) -> bool:
    if text not in _SWITCHES:
        raise ValueError
    return _SWITCHES[text]


def _integers(text: str) -> tuple[int, ...]:
    if text == NO_LAYERS:
        return ()
    return tuple(_integer(part.strip()) for part in text.split(","))


def _instance_of(*types: type) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        # By exact type: TOML's true is an int to Python.
        if type(value) not in types:
            raise ValueError
        return value

    return accept


def _float(value: Any) -> float:
    return float(_instance_of(int, float)(value))


def _tuple_of(kind: type) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        if type(value) is not list or any(type(item) is not kind for item in value):
            raise ValueError
        return tuple(value)

    return accept


SWITCH = Kind(
    "SWITCH", "true or false", "true or false", _switch, _instance_of(bool), true_or_false
)
WHOLES = Kind(
    "INTEGERS",
    "whole numbers such as 128,32, or none",
    "whole numbers in a list, such as [128, 32]",
    _integers,
    _tuple_of(int),
    whole_numbers,
)
