"""The header of a table: the column of the labels, those left out, and those that are features."""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable, Sequence

from samplewise.checks import listed, printable, suggestion
from samplewise.data.columns import found_name
from samplewise.data.sources.csv_cells import IS_NUMBER
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError, ErrorList

LABEL_NAMES = ("label", "labels", "class", "target")
"""Header names of the label column, in any case. No position is guessed."""

_ONE_OF_NAMES = f"{', '.join(LABEL_NAMES[:-1])} or {LABEL_NAMES[-1]}"


def checked_names(header: Sequence[str], name: str) -> list[str]:
    """Return the names in a header, without surrounding blanks; `name` is the file's.

    Raises:
        DataError: a name is blank or occurs twice, or all are numbers.
    """
    names = list(map(found_name, header))
    if all(IS_NUMBER.fullmatch(column) for column in names):
        raise DataError(
            f"{name} has no header: its first line is blank or all numbers; "
            "expected the names of the columns"
        )
    if "" in names:
        position = names.index("")
        hint = "remove it with its separators"
        if position == 0:
            hint = "leave out a row index (pandas: index=False, R: row.names=FALSE)"
        raise DataError(f"{name}: column {position + 1} has no name; name it, or {hint}")
    column, count = Counter(names).most_common(1)[0]
    if count > 1:
        raise DataError(
            f"{name}: {count} columns are named '{printable(column)}'; rename them"
            f"{_first_line([column])}"
        )
    return names


def label_position(
    names: Sequence[str], options: SourceOptions, features: Collection[str], name: str
) -> int | None:
    """Return the position of the label column, None where there is none.

    Args:
        names: of all columns.
        options: says its name; without it, it has one of `LABEL_NAMES`, in any case.
        features: names that are features for sure, and never found by such a name.
        name: of the file, for messages.

    Raises:
        DataError: several have such a name.
    """
    if options.label is not None:
        wanted = found_name(options.label)
        found = [i for i, column in enumerate(names) if column == wanted]
        return found[0] if found else None
    left = set(map(found_name, options.drop)) | set(features)
    found = [i for i, column in enumerate(names) if column.lower() in LABEL_NAMES]
    found = [i for i in found if names[i] not in left]
    if len(found) > 1:
        several = " and ".join(f"'{printable(names[i])}'" for i in found)
        raise DataError(
            f"{name} has {len(found)} label columns, {several}; choose one with --label"
        )
    return found[0] if found else None


def no_label(names: Sequence[str], options: SourceOptions, name: str) -> DataError:
    """Return the error of a table without a label column, which lists its columns."""
    dropped = [column for column in names if column.lower() in LABEL_NAMES]
    # A column of such a name that is not dropped would have been taken.
    if options.label is None and dropped:
        return DataError(
            f"{name}: the label column '{printable(dropped[0])}' cannot be dropped; keep it, or "
            f"choose another one with --label. Its columns: {listed(names)}"
        )
    if options.label is not None:
        what = f"has no column '{printable(options.label.strip())}' to use as the label"
        hint = suggestion(options.label, names)
    else:
        what = (
            f"has no label column; choose one with --label, or rename one to {_ONE_OF_NAMES} "
            "(predict needs no label)"
        )
        hint = _first_line(names)
    if len(names) == 1:
        hint = "; separate the columns by commas, semicolons or tabs"
    return DataError(
        f"{name} {what}{hint}{'' if hint.endswith('?') else '.'} Its columns: {listed(names)}"
    )


def _first_line(names: Sequence[str]) -> str:
    """Return a remedy where a name is a number: the first line may hold the first row."""
    if not any(IS_NUMBER.fullmatch(name) for name in names):
        return ""
    return "; if the first line is a row, write a line with the names of the columns above it"


def dropped_positions(
    names: Sequence[str], drop: Iterable[str], name: str, *, absent_is_fine: bool
) -> set[int]:
    """Return the positions of the columns to leave out.

    Raises:
        DataError: a column does not exist, and must.
    """
    positions, errors = set(), ErrorList(DataError)
    for column in map(found_name, drop):
        if column in names:
            positions.add(list(names).index(column))
        elif not absent_is_fine:
            errors.add(
                DataError(
                    f"{name} has no column '{printable(column)}' to drop"
                    f"{suggestion(column, names) or '.'} Its columns: {listed(names)}"
                )
            )
    errors.check()
    return positions
