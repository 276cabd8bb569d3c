"""Options as fields of frozen dataclasses: each is defined, documented and checked in one place."""

from __future__ import annotations

import dataclasses
import inspect
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Generic, TypeVar, cast

from samplewise.checks import must_be, one_of
from samplewise.errors import ErrorList, ParameterError
from samplewise.options.kinds import Kind

T = TypeVar("T")
K = TypeVar("K", bound=type)
_OPTION = "option"


@dataclass(frozen=True, kw_only=True)
class Option:
    """The definition of an option.

    Args:
        kind: the values it may take.
        help: a term that users know, its unit and its meaning; no full stop.
        panel: the heading that help lists it under; None takes that of the class.
        word: its flat name; None takes the field's.
        shown: its default in help texts; None shows that of the field.
        flags: of a switch, its two flags as in "--on/--off"; None makes them of its name.
    """

    kind: Kind
    help: str
    panel: str | None = None
    word: str | None = None
    shown: str | None = None
    flags: str | None = None


def option(default: Any, kind: Kind, help: str, **rest: Any) -> Any:  # noqa: A002 - its name in typer
    """Return a dataclass field that is an option; the rest is as `Option` takes it.

    A field whose default is None may always be None, which leaves the choice to its reader.
    """
    metadata = {_OPTION: Option(kind=kind, help=help, **rest)}
    return dataclasses.field(default=default, metadata=metadata)


def once_a_class(function: Callable[[type[Any]], T]) -> Callable[[type[Any]], T]:
    """Return a function of a class that is called once for each; to mypy, a class has no hash."""
    return cast("Callable[[type[Any]], T]", cache(function))


@once_a_class
def options_of(kind: type[Any]) -> tuple[tuple[str, dataclasses.Field[Any], Option], ...]:
    """Return the flat name, the field and the definition of each option of a dataclass."""
    return tuple(
        (field.metadata[_OPTION].word or field.name, field, field.metadata[_OPTION])
        for field in dataclasses.fields(kind)
        if _OPTION in field.metadata
    )


def check_options(described: object) -> None:
    """Check the options of a frozen object that is being built, and keep the checked values.

    Checks return Python's own numbers: NumPy's float64 would lift a step in float32 to float64, and
    JSON takes none of NumPy's integers.

    Raises:
        ParameterError: values are out of their range, or of the wrong kind.
    """
    errors = ErrorList(ParameterError)
    for word, field, found in options_of(type(described)):
        value = getattr(described, field.name)
        # A default needs no check.
        if value is not field.default:
            with errors:
                object.__setattr__(described, field.name, found.kind.check(word, value))
    errors.check()


def changed_fields(described: Any) -> dict[str, Any]:
    """Return the fields of a dataclass that differ from their defaults, by name."""
    values = {field: getattr(described, field.name) for field in dataclasses.fields(described)}
    return {field.name: value for field, value in values.items() if value != field.default}


def documented(kind: K) -> K:
    """Return a dataclass whose docstring lists its fields, from their definitions."""
    options = {field.name: found.help for _, field, found in options_of(kind)}
    lines = ["Args:"]
    for field in dataclasses.fields(kind):
        descriptor = vars(kind).get(field.name)
        if isinstance(descriptor, Chosen):
            meaning = f"{descriptor.help}; an object, or a name of {', '.join(descriptor.kinds)}"
        else:
            meaning = options.get(field.name, f"an instance of {type(field.default).__name__}")
        lines.append(f"    {field.name}: {meaning}.")
    before, raises, after = inspect.cleandoc(kind.__doc__ or "").partition("Raises:")
    kind.__doc__ = "\n".join([before.rstrip(), "", *lines, "", raises + after]).rstrip()
    return kind


class Chosen(Generic[T]):
    """A field that holds one of several kinds of objects, and also takes a kind's name.

    The options of all kinds join the flat words of the dataclass that has the field.

    Args:
        kinds: dataclasses by name, read when asked, so that users may add to them.
        base: the class, or classes, of the objects.
        default: a name.
        help: as `Option`.
        panel: the heading for the field and the options of all its kinds.
        check: returns a name that is one of the kinds, as `one_of`.
    """

    def __init__(
        self,
        kinds: Mapping[str, type[T]],
        base: type[T] | tuple[type[T], ...],
        default: str,
        help: str,  # noqa: A002 - as `Option`
        panel: str,
        check: Callable[[str, object, Collection[str]], str] = one_of,
    ) -> None:
        self.check = check
        self.kinds, self.default, self.help, self.panel = kinds, default, help, panel
        self._base = base
        self.name = ""

    def __set_name__(self, owner: type, name: str) -> None:
        self.name = name

    def __get__(self, instance: object | None, owner: type) -> T:
        """Return the object; of the class, the default, which `dataclass` asks for."""
        if instance is None:
            return self.kinds[self.default]()
        found: T = vars(instance)[self.name]
        return found

    def __set__(self, instance: object, given: T | str) -> None:
        """Keep an object, or make one of a name."""
        # Not by setattr, which would come back here; a frozen dataclass allows it only once.
        vars(instance)[self.name] = self.made(given)

    def made(self, given: T | str, options: Mapping[str, Any] | None = None) -> T:
        """Return an object itself, or the one of a name with options.

        Raises:
            ParameterError: the name is not known, or an option is out of its range.
        """
        if isinstance(given, self._base):
            return given
        if isinstance(given, type) and issubclass(given, self._base):
            made = f"{self.name}={given.__name__}()"
            raise ParameterError(must_be(self.name, "an object", given, f"write {made}"))
        return self.kinds[self.check(self.name, given, self.kinds)](**(options or {}))
