"""What a setting may be, read from the text of a flag or from a value of a TOML file."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from samplewise.checks import listed_names, printable
from samplewise.errors import ParameterError

# Python's int and float also take "1_000", "٣" and " 7 ", which are more likely mistakes.
_INTEGER = re.compile(r"[+-]?[0-9]{1,100}")
_NUMBER = re.compile(r"[+-]?(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?|[+-]?(?:inf|nan)")
_SWITCHES = {"true": True, "false": False}
NO_LAYERS = "none"


class _UnreadableError(Exception):
    """The text or value is of another kind."""


@dataclass(frozen=True)
class ValueKind:
    """A kind of setting.

    Args:
        text_form, toml_form: what is expected, for messages.
        parse: reads a text.
        accept: takes a TOML value.
    """

    text_form: str
    toml_form: str
    parse: Callable[[str], Any]
    accept: Callable[[Any], Any]

    def from_text(self, field: str, text: str) -> Any:
        """Return the value that a flag's or variable's text means.

        Raises:
            ParameterError: it means none.
        """
        try:
            return self.parse(text)
        except _UnreadableError:
            raise ParameterError(
                f"{field} is '{printable(text)}', but must be {self.text_form}"
            ) from None

    def from_toml(self, field: str, value: Any) -> Any:
        """Return the value that a TOML value means.

        Raises:
            ParameterError: it is of another kind.
        """
        try:
            return self.accept(value)
        except _UnreadableError:
            raise ParameterError(
                f"{field} is '{printable(value)}', but must be {self.toml_form}"
            ) from None


def _integer(text: str) -> int:
    if not _INTEGER.fullmatch(text):
        raise _UnreadableError
    return int(text)


def _number(text: str) -> float:
    if not _NUMBER.fullmatch(text):
        raise _UnreadableError
    return float(text)


def _switch(text: str) -> bool:
    if text not in _SWITCHES:
        raise _UnreadableError
    return _SWITCHES[text]


def _names(text: str) -> tuple[str, ...]:
    try:
        return listed_names(text)
    except ValueError:
        raise _UnreadableError from None


def _integers(text: str) -> tuple[int, ...]:
    if text == NO_LAYERS:
        return ()
    return tuple(_integer(part.strip()) for part in text.split(","))


def _instance_of(*types: type) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        # By exact type: TOML's true is an int to Python.
        if type(value) not in types:
            raise _UnreadableError
        return value

    return accept


def _float(value: Any) -> float:
    try:
        return float(_instance_of(int, float)(value))
    except OverflowError:
        raise _UnreadableError from None


def _tuple_of(kind: type) -> Callable[[Any], Any]:
    def accept(value: Any) -> Any:
        if type(value) is not list or any(type(item) is not kind for item in value):
            raise _UnreadableError
        return tuple(value)

    return accept


VALUE_KINDS = {
    "str": ValueKind("a text", "a text in quotes", str, _instance_of(str)),
    # Weights of classes; in files and on the command line they are always a text.
    "str | Mapping[str | int, float]": ValueKind(
        "balanced or as in cat:1,dog:2.5",
        '"balanced" or as in "cat:1,dog:2.5"',
        str,
        _instance_of(str),
    ),
    "int": ValueKind("a whole number", "a whole number", _integer, _instance_of(int)),
    "float": ValueKind("a number such as 0.1", "a number such as 0.1", _number, _float),
    "bool": ValueKind("true or false", "true or false", _switch, _instance_of(bool)),
    "tuple[str, ...]": ValueKind(
        "names such as 4,9, one with a comma in double quotes",
        'texts in a list, such as ["4", "9"]',
        _names,
        _tuple_of(str),
    ),
    "tuple[int, ...]": ValueKind(
        "whole numbers such as 128,32, or none",
        "whole numbers in a list, such as [128, 32]",
        _integers,
        _tuple_of(int),
    ),
}
"""By the annotation of the field, without "| None"."""
