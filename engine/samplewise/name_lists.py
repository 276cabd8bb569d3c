"""Names in a list joined by commas, as on the command line, in a file or in a message."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable

from samplewise.checks import printable

_QUOTED = re.compile(r'"((?:[^"]|"")*)"')
_ITEM = re.compile(rf"((?:\s*{_QUOTED.pattern})?[^,]*),")


def listed_names(text: str) -> tuple[str, ...]:
    """Return the names in a list joined by commas, such as `4,9` or `"salt, fine",pepper`.

    As in CSV, a name with a comma stands in double quotes, and a double quote in it is doubled.

    Raises:
        ValueError: a name is blank, or a quote is open or followed by more text.
    """
    names = tuple(unquoted(item) for item in comma_items(text))
    if not all(name.strip() for name in names):
        raise ValueError
    return names


def comma_items(text: str) -> list[str]:
    """Split a text at the commas outside of double quotes, which open an item."""
    return [match[1] for match in _ITEM.finditer(text + ",")]


def unquoted(item: str) -> str:
    """Return an item without surrounding blanks and double quotes.

    Raises:
        ValueError: the quote is open, or followed by more text.
    """
    item = item.strip()
    if not item.startswith('"'):
        return item
    match = _QUOTED.fullmatch(item)
    if match is None:
        raise ValueError
    return match[1].replace('""', '"')


def quoted(name: str) -> str:
    """Return a name as `listed_names` reads it, in double quotes where it needs them."""
    plain = name == name.strip() and not any(mark in name for mark in ',:"')
    return name if plain else '"' + name.replace('"', '""') + '"'


def option_value(names: Iterable[str]) -> str:
    """Return names as one word of a shell's line, which `listed_names` reads; for messages."""
    return shlex.quote(",".join(printable(quoted(name)) for name in names))
