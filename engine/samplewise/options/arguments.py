"""Keyword arguments of public classes: an unknown one is an error that names the one meant."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Callable, Mapping
from typing import Any, ClassVar, Self

from samplewise.checks import meant, printable, suggestion_or_list
from samplewise.errors import ErrorList, UnknownArgumentError
from samplewise.options.fields import check_options, once_a_class

if sys.version_info >= (3, 14):
    from annotationlib import Format


class NamedArguments:
    """Base of classes that refuse an unknown keyword argument, with the one that is meant.

    Attributes:
        ELSEWHERE: names that users look for here but that another class has, each with that class.
    """

    ELSEWHERE: ClassVar[Mapping[str, str]] = {}

    def __new__(cls, /, *given: Any, **named: Any) -> Self:
        """Refuse an argument that the constructor does not have.

        Raises:
            UnknownArgumentError: it names the argument that is meant, or all that there are.
        """
        known = _arguments_of(cls)
        if known is not None and not named.keys() <= known.keys():
            errors = ErrorList(UnknownArgumentError)
            for name in named:
                if name not in known:
                    errors.add(UnknownArgumentError(cls._unknown(name, tuple(known), named)))
            errors.check()
        make: Callable[..., Self] = super().__new__
        # Another base may have a `__new__` of its own; Python's takes no arguments from here.
        return make(cls) if make is object.__new__ else make(cls, *given, **named)

    @classmethod
    def _unknown(cls, name: str, known: tuple[str, ...], named: Mapping[str, Any]) -> str:
        """Return the message on an unknown argument.

        Args:
            name: of the argument.
            known: those that the constructor has.
            named: all that are given by name, with their values.
        """
        found = meant(name, [*known, *cls.ELSEWHERE])
        if found is not None and found in cls.ELSEWHERE:
            hint = f"; write {cls.ELSEWHERE[found]}({found}={named[name]!r})"
        else:
            hint = suggestion_or_list(name, known, "Arguments") if known else "; it takes none"
        return f"{cls.__name__}: '{printable(name)}' is not an argument{hint}"


class CheckedOptions(NamedArguments):
    """Base of frozen dataclasses whose options are checked when one is built."""

    def __post_init__(self) -> None:
        check_options(self)


def parameters_of(function: Callable[..., Any]) -> Mapping[str, inspect.Parameter]:
    """Return the parameters of a function or class by name.

    Their annotations may name what only type checkers import: from Python 3.14 on, `inspect` would
    evaluate them.

    Raises:
        TypeError, ValueError: as `inspect.signature`, for some built-in functions.
    """
    if sys.version_info >= (3, 14):
        return inspect.signature(function, annotation_format=Format.STRING).parameters
    return inspect.signature(function).parameters


@once_a_class
def _arguments_of(kind: type[Any]) -> Mapping[str, inspect.Parameter] | None:
    """Return a constructor's arguments by name; None where it takes any."""
    arguments = parameters_of(kind)
    open_ended = any(each.kind is each.VAR_KEYWORD for each in arguments.values())
    return None if open_ended else dict(arguments)
