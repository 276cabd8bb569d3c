"""What a report says, whatever it is rendered as: a title, headlines, and blocks in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from samplewise.report.spread import Spread, spread_text

Facts = list[tuple[str, str]]
BESIDE = ("published", "here")


@dataclass(frozen=True)
class Picture:
    """A figure with its words.

    Args:
        file: its name in the report's folder.
        png: its bytes.
        alt: what it shows, for those who do not see it.
        caption: the line below it.
        width: on a page, in widths of a capital M.
    """

    file: str
    png: bytes
    alt: str
    caption: str
    width: int = 42


@dataclass(frozen=True)
class Headline:
    """A figure worth reading first: ours large, a line above and a line below."""

    name: str
    value: str
    detail: str


@dataclass(frozen=True)
class Heading:
    """Opens a part of the document; `level` is 2 or 3."""

    kind: ClassVar[str] = "heading"
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Running text; `quiet` for what is read last."""

    kind: ClassVar[str] = "paragraph"
    text: str
    quiet: bool = False


@dataclass(frozen=True)
class Bullets:
    """Sentences that stand one by one."""

    kind: ClassVar[str] = "bullets"
    lines: tuple[str, ...]


@dataclass(frozen=True)
class FactList:
    """What is known, as (name, value)."""

    kind: ClassVar[str] = "facts"
    rows: Facts


@dataclass(frozen=True)
class Column:
    """A column of a table, or a group of them under one name.

    Args:
        name: its heading.
        parts: names of the columns of a group; empty for a single column.
        accent: holds what the table is read for.
    """

    name: str
    parts: tuple[str, ...] = ()
    accent: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """What its cells are: "published", "here", "accent" or "plain"; "first" of its group."""
        if not self.parts:
            return ("accent" if self.accent else "plain",)
        first, *others = (part if part in BESIDE else "plain" for part in self.parts)
        return (f"first {first}", *others)


def beside_published(name: str) -> Column:
    """Return the group of a published figure and ours."""
    return Column(name, BESIDE)


@dataclass(frozen=True)
class Cell:
    """A figure as text; `range` as `spread_text` gives it, or empty."""

    text: str
    range: str = ""


def spread_cell(spread: Spread, shown: Callable[[float], str]) -> Cell:
    """Return a mean with its range."""
    return Cell(shown(spread.mean), spread_text(spread, shown))


@dataclass(frozen=True)
class Row:
    """A row of a table: a cell for each single column and each part of a group."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Figures in rows.

    Args:
        label: what the first column holds.
        columns: all others.
        rows: in order.
    """

    kind: ClassVar[str] = "table"
    label: str
    columns: tuple[Column, ...]
    rows: tuple[Row, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """What each cell of a row is, in words of the style sheet."""
        return tuple(name for column in self.columns for name in column.classes)


@dataclass(frozen=True)
class Pictures:
    """Figures side by side, where the page is wide enough."""

    kind: ClassVar[str] = "pictures"
    shown: tuple[Picture, ...]


Block = Heading | Paragraph | Bullets | FactList | Table | Pictures


@dataclass(frozen=True)
class Document:
    """A whole report. Texts are plain: a renderer escapes them.

    Args:
        title: holds the data's name.
        lead: the opening sentence.
        warning: that the data is synthetic, else empty.
        headlines: the figures in brief.
        blocks: all else, in order.
    """

    title: str
    lead: str
    warning: str
    headlines: tuple[Headline, ...]
    blocks: tuple[Block, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in the order of the report."""
        return tuple(p for block in self.blocks if isinstance(block, Pictures) for p in block.shown)
