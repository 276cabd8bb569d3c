"""What descriptions of settings share: Python's own numbers, and options of what is chosen."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from samplewise.errors import CombinationError


def keep(settings: object, **values: Any) -> None:
    """Set fields of a frozen description that is being built.

    What is kept are Python's own numbers: a rate of NumPy's float64 would lift a step in float32 to
    float64, and JSON takes none of NumPy's integers.
    """
    for name, value in values.items():
        object.__setattr__(settings, name, value)


def options_of(settings: object, chosen: str, kinds: Mapping[str, type[Any]]) -> dict[str, Any]:
    """Return what is set of the options that the chosen kind has, by their names.

    Args:
        settings: has a field for each option of each kind; None where it is not set.
        chosen: a key of `kinds`.
        kinds: dataclasses by name.

    Raises:
        CombinationError: an option is set that the chosen kind does not have.
    """
    own = {field.name for field in dataclasses.fields(kinds[chosen])}
    known = {field.name for kind in kinds.values() for field in dataclasses.fields(kind)}
    given = {name: getattr(settings, name) for name in sorted(known)}
    given = {name: value for name, value in given.items() if value is not None}
    foreign = [name for name in given if name not in own]
    if foreign:
        raise CombinationError(
            f"{foreign[0]} is {given[foreign[0]]}, but {chosen} has no {foreign[0]}; "
            f"it has {', '.join(sorted(own)) or 'no options'}"
        )
    return given
