"""Flat words: one name an option, for the command line, TOML files and environment variables."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from samplewise.options.fields import Chosen, Option, once_a_class, options_of
from samplewise.options.kinds import Kind, choice


@dataclass(frozen=True)
class Word:
    """An option by its flat name.

    Args:
        name: such as "learning_rate".
        kind: the values it may take.
        help: its meaning, without the last full stop.
        panel: the heading that help lists it under.
        default: for help texts.
        flags: of a switch, as `Option.flags`.
    """

    name: str
    kind: Kind
    help: str
    panel: str
    default: str
    flags: str | None = None


@dataclass(frozen=True)
class Plain:
    """A field of settings that is an option."""

    name: str
    word: str
    option: Option
    default: Any


@dataclass(frozen=True)
class Part:
    """A field of settings that holds other settings."""

    name: str
    kind: type[Any]


_OWNERS: dict[Chosen[Any], tuple[dict[str, type[Any]], dict[str, list[str]]]] = {}


@once_a_class
def members(kind: type[Any]) -> tuple[Plain | Part | Chosen[Any], ...]:
    """Return the options, parts and choices of settings, in the order of their fields."""
    return tuple(_members(kind))


def _members(kind: type[Any]) -> Iterator[Plain | Part | Chosen[Any]]:
    plain = {field.name: (word, found) for word, field, found in options_of(kind)}
    for field in dataclasses.fields(kind):
        descriptor = vars(kind).get(field.name)
        if isinstance(descriptor, Chosen):
            yield descriptor
        elif dataclasses.is_dataclass(field.default):
            yield Part(field.name, type(field.default))
        elif field.name in plain:
            yield Plain(field.name, *plain[field.name], field.default)


@once_a_class
def parts(kind: type[Any]) -> tuple[Part, ...]:
    """Return the fields of settings that hold other settings."""
    return tuple(member for member in members(kind) if isinstance(member, Part))


@once_a_class
def words_of(kind: type[Any]) -> dict[str, Word]:
    """Return the options of settings and all their parts by name, in the order of the fields."""
    return {word.name: word for word in _words(kind)}


def owners_of(chosen: Chosen[Any]) -> dict[str, list[str]]:
    """Return the options of a choice: by name, the kinds that have it."""
    kinds, found = _OWNERS.get(chosen, ({}, {}))
    # Users may add kinds.
    if kinds != chosen.kinds:
        kinds, found = dict(chosen.kinds), {}
        for owner, kind in kinds.items():
            for name, _, _ in options_of(kind):
                found.setdefault(name, []).append(owner)
        _OWNERS[chosen] = kinds, found
    return found


def _words(kind: type[Any]) -> Iterator[Word]:
    for member in members(kind):
        if isinstance(member, Part):
            yield from _words(member.kind)
        elif isinstance(member, Chosen):
            names = choice(member.kinds, partial(_check_choice, member))
            yield Word(member.name, names, member.help, member.panel, member.default)
            yield from _choice_words(member)
        else:
            yield _word(member.word, member.option, member.default, kind.PANEL)


def _check_choice(chosen: Chosen[Any], name: str, given: object) -> str:
    return chosen.check(name, given, chosen.kinds)


def _choice_words(chosen: Chosen[Any]) -> Iterator[Word]:
    definitions: dict[str, dict[str, Word]] = {}
    for owner, kind in chosen.kinds.items():
        for name, field, found in options_of(kind):
            word = _word(name, found, field.default, chosen.panel)
            definitions.setdefault(name, {})[owner] = word
    for owners in definitions.values():
        yield _shared(owners, everywhere=len(owners) == len(chosen.kinds))


def _word(name: str, found: Option, default: Any, panel: str) -> Word:
    shown = _default_text(default) if found.shown is None else found.shown
    return Word(name, found.kind, found.help, found.panel or panel, shown, found.flags)


def _default_text(default: Any) -> str:
    if isinstance(default, bool):
        return "on" if default else "off"
    if isinstance(default, tuple):
        return ",".join(map(str, default)) or "none"
    if isinstance(default, float):
        return f"{default:g}"
    return "none" if default is None else str(default)


def _shared(owners: Mapping[str, Word], *, everywhere: bool) -> Word:
    """Return one word of an option that several kinds have, where help and default may differ."""
    one = next(iter(owners.values()))
    if everywhere:
        return one
    helps, defaults = _by_text(owners, "help"), _by_text(owners, "default")
    usual, *others = defaults
    return dataclasses.replace(
        one,
        help="; ".join(f"{text} ({names})" for text, names in helps.items()),
        default="; ".join([usual, *(f"{defaults[text]} {text}" for text in others)]),
    )


def _by_text(owners: Mapping[str, Word], attribute: str) -> dict[str, str]:
    """Return the texts of an attribute, each with the names of the kinds that have it."""
    found: dict[str, list[str]] = {}
    for owner, word in owners.items():
        found.setdefault(getattr(word, attribute), []).append(owner)
    return {text: ", ".join(names) for text, names in found.items()}
