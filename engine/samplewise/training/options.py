"""Options that some optimizers or losses have and others do not, as settings of one name each."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from typing import Any

from samplewise.errors import CombinationError


def options_of(settings: object, kinds: Mapping[str, type[Any]], chosen: str) -> dict[str, Any]:
    """Return what is set of the options of `kinds[chosen]`; None is not set.

    Args:
        settings: has every option of every kind as an attribute.
        kinds: dataclasses by their names.
        chosen: one of them.

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
