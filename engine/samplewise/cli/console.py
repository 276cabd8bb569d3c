"""Results to stdout, messages to stderr; neither breaks when nobody reads any more."""

from __future__ import annotations

import os
import sys
from collections.abc import Collection, Sequence
from contextlib import suppress
from typing import Any, TextIO

from samplewise.io import strict_json

# Rich's fallback of 80 columns would break the lines of a table that goes to a file.
COLUMNS_OF_A_FILE = 1_000
# One character and the space between columns. In less, as where COLUMNS is 0, text vanishes.
LEAST_OF_A_COLUMN = 4
BETWEEN = 3
"""Blanks between two columns."""
MANY_ROWS = 200
"""Maximum rows of a drawn table: the library takes milliseconds for each."""


def tolerate_any_text() -> None:
    """Let text that the locale cannot encode be written as escapes instead of failing."""
    for stream in (sys.stdout, sys.stderr):
        with suppress(AttributeError, ValueError):  # replaced by a test, or closed
            stream.reconfigure(errors="backslashreplace")  # type: ignore[union-attr]


def result(text: str) -> None:
    """Write to stdout. Where its reader has gone, as `| head` does, this and all later is lost.

    Raises:
        OSError: it cannot be written for another reason, such as a full disk.
    """
    try:
        print(text, flush=True)  # noqa: T201 - the one place that writes results
    except BrokenPipeError:
        _discard(sys.stdout)


def result_json(value: Any) -> None:
    """Write a value as JSON to stdout; it holds no NaN and no infinity."""
    result(strict_json.text_of(value))


def table(
    rows: Sequence[Sequence[str]],
    header: Sequence[str] | None = None,
    *,
    numbers: bool = False,
    keys: int = 1,
) -> None:
    """Write rows of text to stdout, in columns; nothing is cut on a narrow terminal.

    Text goes on in the next line there. Numbers do not: columns that do not fit follow below, as a
    table of their own.

    Args:
        rows: equally many cells each.
        header: the names of the columns, or None.
        numbers: whether all columns but the first hold numbers, which end at one edge.
        keys: first columns, which say of what a row is; each of these tables has them.
    """
    named = header is not None
    lines = [header, *rows] if header is not None else rows
    if len(rows) > MANY_ROWS:
        result(_aligned(rows, header, numbers))
        return
    columns = max(map(len, lines), default=1)
    width = _width(min(columns, keys + 1) if numbers else columns)
    parts = _parts(lines, keys, width) if numbers else [slice(None)]
    for place, part in enumerate(parts):
        cells = [[*line[:keys], *line[part]] if place else line[part] for line in lines]
        whole = _whole(cells, keys, width) if numbers else ()
        text = _drawn(cells[named:], cells[0] if named else None, numbers, width, whole)
        result("\n" + text if place else text)


def _width(columns: int) -> int:
    """Return the width of the terminal, or one that breaks nothing where no table would fit it."""
    from rich.console import Console

    terminal = sys.stdout is not None and sys.stdout.isatty()
    known = terminal or "COLUMNS" in os.environ
    width = Console().width if known else COLUMNS_OF_A_FILE
    return COLUMNS_OF_A_FILE if width < LEAST_OF_A_COLUMN * columns else width


def _parts(lines: Sequence[Sequence[str]], keys: int, width: int) -> list[slice]:
    """Return the columns that fit a line each, of which all but the first also take the keys."""
    from rich.cells import cell_len

    widths = [max(map(cell_len, column)) + BETWEEN for column in zip(*lines, strict=True)]
    # A longer key goes on in the next line.
    widths[0] = min(widths[0], width // 2)
    parts, start, filled = [], 0, -BETWEEN
    for column, wide in enumerate(widths):
        if filled + wide > width and column > keys:
            parts.append(slice(start, column))
            start, filled = column, sum(widths[:keys]) - BETWEEN
        filled += wide
    return [*parts, slice(start, None)]


def _whole(lines: Sequence[Sequence[str]], keys: int, width: int) -> range:
    """Return the columns that stay whole while keys go on in the next line; none if too wide."""
    from rich.cells import cell_len

    columns = [*zip(*lines, strict=True)][keys:]
    filled = sum(max(map(cell_len, column)) + BETWEEN for column in columns)
    fits = filled + keys * LEAST_OF_A_COLUMN <= width
    return range(keys, keys + len(columns)) if fits else range(0)


def _drawn(
    rows: Sequence[Sequence[str]],
    header: Sequence[str] | None,
    numbers: bool,
    width: int,
    whole: Collection[int],
) -> str:
    from rich.box import SIMPLE_HEAD
    from rich.console import Console
    from rich.table import Table
    from rich.text import Text

    console = Console(width=width)
    grid = Table(box=SIMPLE_HEAD, show_header=header is not None, show_edge=False, pad_edge=False)
    for column, name in enumerate(header or [""] * max(map(len, rows), default=1)):
        grid.add_column(
            Text(name),
            style="bold" if column == 0 else None,
            justify="right" if numbers and column > 0 else "left",
            no_wrap=column in whole,
            overflow="fold",
        )
    for row in rows:
        # As Text, so that "[red]" in a class's name is not markup.
        grid.add_row(*map(Text, row))
    with console.capture() as captured:
        console.print(grid)
    return "\n".join(line.rstrip() for line in captured.get().splitlines())


def _aligned(rows: Sequence[Sequence[str]], header: Sequence[str] | None, numbers: bool) -> str:
    from rich.cells import cell_len

    lines = [list(header), *rows] if header is not None else list(rows)
    widths = [max(map(cell_len, column)) for column in zip(*lines, strict=True)]
    if header is not None:
        lines.insert(1, ["─" * width for width in widths])
    right = [numbers and column > 0 for column in range(len(widths))]
    text = []
    for line in lines:
        cells = []
        for cell, width, at_right in zip(line, widths, right, strict=True):
            blank = " " * (width - cell_len(cell))
            cells.append(blank + cell if at_right else cell + blank)
        text.append("   ".join(cells).rstrip())
    return "\n".join(text)


def note(text: str) -> None:
    """Write one line to stderr; a message that cannot be written does not end the command."""
    with suppress(OSError, ValueError, AttributeError):  # broken, closed, or None
        print(text, file=sys.stderr, flush=True)  # noqa: T201 - the one place that writes messages


def warning(text: str) -> None:
    """Write a warning to stderr, on one line."""
    note(f"warning: {_one_line(text)}")


def error(text: str) -> None:
    """Write an error to stderr, on one line."""
    note(f"error: {_one_line(text)}")


def _one_line(text: str) -> str:
    """Return the text with nothing in it that could move a terminal's cursor."""
    joined = " ".join(text.split())
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in joined)


def _discard(stream: TextIO) -> None:
    """Discard the rest of the stream's buffer: at exit Python would write it again."""
    with suppress(OSError, ValueError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, stream.fileno())
        os.close(nowhere)
