"""The columns of a table as the bytes of a tensor: a header of a file has no room for thousands.

UTF-8, one line per column: its kind, its name and its categories, with tabs between. Names hold no
control characters, so lines and tabs are never part of one.
"""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.data.columns import MAX_COLUMNS_BYTES, Column, Columns, check_columns, width
from samplewise.errors import DataError
from samplewise.text import counted

_BYTES_BESIDE_A_NAME = 16
"""Upper bound of the kind, the tabs and the end of the line."""


def largest_size(inputs: int) -> int:
    """Return the largest number of bytes that columns of so many features may take."""
    return MAX_COLUMNS_BYTES + _BYTES_BESIDE_A_NAME * inputs


def bytes_of(columns: Sequence[Column]) -> bytes:
    """Return the bytes for columns that `check_columns` accepts."""
    lines = ("\t".join((column.kind, column.name, *column.categories)) for column in columns)
    return "\n".join(lines).encode("utf-8", "surrogatepass")


def columns_from(content: bytes, inputs: int, where: str) -> Columns:
    """Return the columns of a file that nobody vouches for.

    Args:
        content: at most `largest_size(inputs)` bytes.
        inputs: number of features that the columns must give.
        where: for messages.

    Raises:
        DataError, ParameterError: not such bytes, columns that `check_columns` refuses, or of
            another number of features.
    """
    # Counted first: splitting a line end into a text each would take 50 times the room.
    if content.count(b"\n") >= inputs or content.count(b"\t") > 2 * inputs:
        raise DataError(
            f"{where} names more columns or categories than the {counted(inputs, 'input')}"
        )
    try:
        lines = content.decode("utf-8").split("\n")
    except UnicodeDecodeError as error:
        raise DataError(f"{where} is not UTF-8; the file is damaged") from error
    columns = tuple(_column(line, where) for line in lines)
    check_columns(columns, where)
    if width(columns) != inputs:
        raise DataError(
            f"{where} names {counted(width(columns), 'feature')}, but the network takes {inputs:,}"
        )
    return columns


def _column(line: str, where: str) -> Column:
    kind, *texts = line.split("\t")
    if not texts:
        raise DataError(f"{where} has a line without a name; the file is damaged")
    return Column(texts[0], kind, tuple(texts[1:]))
