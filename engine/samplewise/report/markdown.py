"""A report as Markdown, its pictures as files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import singledispatch

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
    Picture,
    Pictures,
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


@singledispatch
def _block(block: Block) -> str:
    raise TypeError(f"Markdown knows no {type(block).__name__}")


@_block.register
def _(block: Heading) -> str:
    return f"{'#' * block.level} {escape(block.text)}"


@_block.register
def _(block: Paragraph) -> str:
    return escape(block.text)


@_block.register
def _(block: Bullets) -> str:
    return "\n".join(f"- {escape(line)}" for line in block.lines)


@_block.register
def _(block: FactList) -> str:
    return _grid(["", ""], block.rows, numbers=False)


@_block.register
def _(block: Table) -> str:
    header = [block.label, *(name for column in block.columns for name in _headings(column))]
    return _grid(header, ([row.label, *map(_cell, row.cells)] for row in block.rows))


def _headings(column: Column) -> list[str]:
    if column.parts == BESIDE:
        return [f"{column.name}, {BESIDE[0]}", BESIDE[1]]
    return [f"{column.name} {part}".rstrip() for part in column.parts or ("",)]


@_block.register
def _(block: Pictures) -> str:
    return "\n\n".join(map(_picture, block.shown))


def _cell(cell: Cell) -> str:
    return f"{cell.text} ({cell.range})" if cell.range else cell.text


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    edges = ["---", *(["---:" if numbers else "---"] * (len(header) - 1))]
    lines = [map(escape, header), edges, *(map(escape, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _picture(picture: Picture) -> str:
    return f"![{escape(picture.alt)}]({picture.file})\n\n*{escape(picture.caption)}*"
