"""A report as Markdown, its pictures as files beside it."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence

from samplewise.report.content import Content, Section
from samplewise.report.pictures import Picture
from samplewise.report.tables import HEADINGS, Cell, Table
from samplewise.report.wording import printable_line

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}
_MARKUP = re.compile(r"([\\`*_\[\]#+!|~$])")


def render(content: Content) -> str:
    """Return the report as Markdown text."""
    parts = [
        f"# {escape(content.title)}",
        escape(content.lead),
        f"> **Synthetic data.** {escape(content.warning)}" if content.warning else "",
        "\n".join(
            f"- {escape(line.name)}: **{escape(line.value)}** ({escape(line.detail)})"
            for line in content.headlines
        ),
        "## The tables",
        *map(escape, content.reading),
        *(part for section in content.sections for part in _section(section, content.label)),
        "## The final network",
        _picture(content.confusion),
        _picture(content.predictions) if content.predictions is not None else "",
        "## What differs from the report",
        "\n".join(f"- {escape(line)}" for line in content.differences),
        "## What was run",
        _facts(content.conditions),
        "## The data",
        _facts(content.data),
        "## The machine",
        _facts(content.machine),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def escape(text: str) -> str:
    """Return `text` so that Markdown shows it as it is, also in a table's cell."""
    safe = "".join(_ENTITIES.get(character, character) for character in printable_line(text))
    return _MARKUP.sub(r"\\\1", safe)


def _section(section: Section, label: str) -> Iterable[str]:
    yield f"### {escape(section.table.title)}"
    yield escape(f"{section.table.fixed}; here on {label}.")
    yield _table(section.table)
    yield escape(section.remark)
    yield _picture(section.losses)


def _table(table: Table) -> str:
    header = [table.setting]
    for heading in HEADINGS:
        header += [f"{heading}, published", "here"]
    rows = [
        [row.label, *(text for cell in row.cells for text in _both(cell)), row.speed_up]
        for row in table.rows
    ]
    return _grid([*header, "speed-up"], rows)


def _both(cell: Cell) -> tuple[str, str]:
    return cell.published, f"{cell.mean} ({cell.spread})" if cell.spread else cell.mean


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    return _grid(["", ""], facts, numbers=False)


def _grid(header: Sequence[str], rows: Iterable[Sequence[str]], *, numbers: bool = True) -> str:
    edges = ["---", *(["---:" if numbers else "---"] * (len(header) - 1))]
    lines = [map(escape, header), edges, *(map(escape, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _picture(picture: Picture) -> str:
    return f"![{escape(picture.alt)}]({picture.file})\n\n*{escape(picture.caption)}*"
