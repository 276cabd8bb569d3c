"""A report as Markdown, its pictures as files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from samplewise.report.document import (
    BESIDE,
    Block,
    Bullets,
    Cell,
    Column,
    Document,
    FactList,
    Heading,
    Paragraph,
    Table,
)
from samplewise.report.wording import printable_line

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"([\\`*_\[\]#+!|~$])")


def render(document: Document) -> str:
    """Return the report as Markdown text."""
    parts = [
        f"# {escape(document.title)}",
        escape(document.lead),
        f"> **Synthetic data.** {escape(document.warning)}" if document.warning else "",
        "\n".join(
            f"- {escape(line.name)}: **{escape(line.value)}** ({escape(line.detail)})"
            for line in document.headlines
        ),
        *map(_block, document.blocks),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, also in a table's cell."""
    safe = "".join(_ENTITIES.get(character, character) for character in printable_line(text))
    return _MARKUP.sub(r"\\\1", safe)


def _block(block: Block) -> str:
    match block:
        case Heading():
            return f"{'#' * block.level} {escape(block.text)}"
        case Paragraph():
            return escape(block.text)
        case Bullets():
            return "\n".join(f"- {escape(line)}" for line in block.lines)
        case FactList():
            return grid(["", ""], block.rows, numbers=False)
        case Table():
            header = [block.label, *(name for column in block.columns for name in _names(column))]
            return grid(header, ([row.label, *map(_cell, row.cells)] for row in block.rows))
        case _:
            return "\n\n".join(
                f"![{escape(one.alt)}]({one.file})\n\n*{escape(one.caption)}*"
                for one in block.pictures
            )


def _names(column: Column) -> list[str]:
    if column.parts == BESIDE:
        return [f"{column.name}, {BESIDE[0]}", BESIDE[1]]
    return [f"{column.name} {part}".rstrip() for part in column.parts or ("",)]


def _cell(cell: Cell) -> str:
    return f"{cell.text} ({cell.range})" if cell.range else cell.text


def grid(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    """Return a table as Markdown, which shows its texts as they are."""
    edges = ["---", *(["---:" if numbers else "---"] * (len(header) - 1))]
    lines = [map(escape, header), edges, *(map(escape, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
