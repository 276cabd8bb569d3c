"""Columns of one table found by name in another."""

from __future__ import annotations

import difflib
from collections.abc import Collection, Sequence

from samplewise.checks import option_value, printable
from samplewise.data.columns import Columns, composed
from samplewise.errors import DataError

_SHOWN = 5
# Comparing each missing name with each other one would take minutes in the widest tables.
_COMPARED = 100


def matched(
    names: Sequence[str], columns: Columns, ignored: Collection[str], where: str, drop: str = ""
) -> list[int]:
    """Return where each column of a model stands in a table.

    Args:
        names: of the table's columns, in its order, each once in whatever Unicode form.
        columns: those that the model was trained on.
        ignored: names that may be in the table although the model does not know them.
        where: name of the table, for messages.
        drop: how additional columns are left out, for messages; empty speaks of --drop.

    Raises:
        DataError: columns are missing, additional, or both, which may be one renamed.
    """
    places = {composed(name): place for place, name in enumerate(names) if name not in ignored}
    wanted = [composed(column.name) for column in columns]
    missing = [name for name in wanted if name not in places]
    known = set(wanted)
    additional = [name for name in places if name not in known]
    if missing or additional:
        problems = [_missing(missing, additional)] if missing else []
        problems += [_additional(additional, missing, drop)] if additional else []
        raise DataError(
            f"{where}: the columns are not those that the model was trained on: "
            f"{'; '.join(problems)}"
        )
    return [places[name] for name in wanted]


def _missing(missing: list[str], additional: list[str]) -> str:
    candidates = {name.lower(): name for name in reversed(additional[:_COMPARED])}
    said = []
    for name in missing[:_SHOWN]:
        close = difflib.get_close_matches(name.lower(), candidates, n=1)
        renamed = f" (is it '{printable(candidates[close[0]])}'? rename that)" if close else ""
        said.append(f"'{printable(name)}'{renamed}")
    return f"missing {', '.join(said)}{_more(missing)}"


def _additional(additional: list[str], missing: list[str], drop: str) -> str:
    said = ", ".join(f"'{printable(name)}'" for name in additional[:_SHOWN])
    hint = ""
    if not missing:
        few = option_value(additional[:_SHOWN])
        hint = f": leave {'it' if len(additional) == 1 else 'them'} out, {drop or f'--drop {few}'}"
    return f"additional {said}{_more(additional)}{hint}"


def _more(names: list[str]) -> str:
    return f" and {len(names) - _SHOWN:,} more" if len(names) > _SHOWN else ""
