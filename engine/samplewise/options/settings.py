"""Composed settings, and the flat words that describe them."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any, ClassVar, Self

from samplewise.checks import must_be, printable, suggestion_or_list
from samplewise.errors import CombinationError, ErrorList, ParameterError
from samplewise.options.arguments import CheckedOptions
from samplewise.options.fields import Chosen, once_a_class, options_of
from samplewise.options.words import Part, Plain, members, owners_of, parts, words_of


class Settings(CheckedOptions):
    """Base of settings: frozen dataclasses of options, choices and other settings.

    Attributes:
        PANEL: the heading that help lists the options under.
    """

    PANEL: ClassVar[str] = ""

    @classmethod
    def _unknown(cls, name: str, known: tuple[str, ...], named: Mapping[str, Any]) -> str:
        """Return the message on an unknown argument; a flat word belongs to a part."""
        words = words_of(cls)
        if name not in words:
            return super()._unknown(name, tuple(dict.fromkeys([*known, *words])), named)
        value = named[name]
        place = _place(cls, name, value, named)
        return (
            f"{name} belongs to {place.partition('=')[0]}; write {place}, or "
            f"{cls.__name__}.from_options({name}={value!r})"
        )

    def __post_init__(self) -> None:
        """Check the options, and the class of each part."""
        super().__post_init__()
        for member in parts(type(self)):
            part = getattr(self, member.name)
            if not isinstance(part, member.kind):
                kind = member.kind.__name__
                remedy = (
                    f"write {member.name}={kind}(...), or pass flat words to "
                    f"{type(self).__name__}.from_options"
                )
                raise ParameterError(must_be(member.name, f"an instance of {kind}", part, remedy))

    @classmethod
    def from_options(cls, **words: Any) -> Self:
        """Return the settings that flat words describe, those of the command line and of TOML.

        Args:
            words: values by name; the others keep their defaults. A choice, such as the optimizer,
                is a name or an object; None leaves an option of a choice at its default.

        Raises:
            ParameterError: a word is unknown, or its value out of range.
            CombinationError: an option belongs to another choice than the one made.
        """
        return cls().with_options(**words)

    def with_options(self, **words: Any) -> Self:
        """Return the settings with some flat words changed; a new choice starts from its defaults.

        Args:
            words: as `from_options`.

        Raises:
            ParameterError: as `from_options`.
            CombinationError: as `from_options`.
        """
        known, errors = words_of(type(self)), ErrorList(ParameterError)
        for name in words:
            if name not in known:
                hint = suggestion_or_list(name, known, "Options")
                errors.add(ParameterError(f"'{printable(name)}' is not an option{hint}"))
        errors.check()
        return _changed(self, words)

    def to_options(self) -> dict[str, Any]:
        """Return all flat words with their values.

        An option that only some kinds of a choice have is None at its default, so that the words
        also fit another choice.
        """
        found: dict[str, Any] = {}
        for member in members(type(self)):
            value = getattr(self, member.name)
            if isinstance(member, Part):
                found |= value.to_options()
            elif isinstance(member, Chosen):
                found |= {member.name: value.name, **_choice_options(member, value)}
            else:
                found[member.word] = value
        return found


def _choice_options(chosen: Chosen[Any], current: Any) -> dict[str, Any]:
    owners, kinds = owners_of(chosen), len(chosen.kinds)
    found: dict[str, Any] = dict.fromkeys(owners)
    for name, usual in _defaults(type(current)).items():
        value = getattr(current, name)
        if name in owners and (value != usual or len(owners[name]) == kinds):
            found[name] = value
    return found


@once_a_class
def _defaults(kind: type[Any]) -> dict[str, Any]:
    return {field.name: field.default for _, field, _ in options_of(kind)}


def _changed(settings: Any, words: Mapping[str, Any]) -> Any:
    values: dict[str, Any] = {}
    errors = ErrorList(ParameterError)
    for member in members(type(settings)):
        current = getattr(settings, member.name)
        with errors:
            if isinstance(member, Part):
                values[member.name] = _changed(current, words)
            elif isinstance(member, Chosen):
                values[member.name] = _choice(member, current, words)
            else:
                values[member.name] = words.get(member.word, current)
    if errors:
        # Not by `replace`: beside a part that has failed, others could seem to contradict it.
        plain = [member for member in members(type(settings)) if isinstance(member, Plain)]
        _note_wrong_values(plain, values, errors)
    errors.check()
    return dataclasses.replace(settings, **values)


def _note_wrong_values(
    plain: Iterable[Plain], values: Mapping[str, Any], errors: ErrorList
) -> None:
    """Add an error for each option whose value is out of its range."""
    for member in plain:
        if values[member.name] is not member.default:
            with errors:
                member.option.kind.check(member.word, values[member.name])


def _choice(chosen: Chosen[Any], current: Any, words: Mapping[str, Any]) -> Any:
    """Return the object that the words make of a choice, from the current one where it stays."""
    given = words.get(chosen.name, current)
    if isinstance(given, str):
        # First, as an installed package may add the kind now.
        chosen.check(chosen.name, given, chosen.kinds)
    known = owners_of(chosen)
    options = {name: words[name] for name in sorted(known) if words.get(name) is not None}
    if not options:
        return chosen.made(given)
    name = given if isinstance(given, str) else getattr(given, "name", None)
    if name not in chosen.kinds:
        return chosen.made(given)
    own = sorted(option for option in known if name in known[option])
    errors = ErrorList(ParameterError)
    for option, value in options.items():
        if option not in own:
            said = f"{option} is {value}, but {chosen.name} {name} has no {option}"
            owners = ", ".join(known[option])
            errors.add(CombinationError(f"{said}; it is an option of {owners}"))
    errors.check()
    kept = {} if isinstance(given, str) else {each: getattr(given, each) for each in own}
    return chosen.made(name, kept | options)


def _place(kind: type[Any], name: str, value: Any, named: Mapping[str, Any]) -> str:
    """Return the Python text that sets an option of settings, such as "optimizer=SGD(l2=0.1)"."""
    for member in members(kind):
        if isinstance(member, Part):
            if name in words_of(member.kind):
                inner = _place(member.kind, name, value, {})
                return f"{member.name}={member.kind.__name__}({inner})"
        elif isinstance(member, Plain):
            if member.word == name:
                return f"{member.name}={value!r}"
        elif owners := owners_of(member).get(name):
            given = named.get(member.name, member.default)
            owner = given if isinstance(given, str) and given in owners else next(iter(owners))
            return f"{member.name}={member.kinds[owner].__name__}({name}={value!r})"
    # The only words left are those of the choices themselves.
    return f"{name}={value!r}"
