"""A report before it is rendered: a title, headlines, and blocks in order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import ClassVar

from samplewise.report.wording import Spread

Facts = list[tuple[str, str]]
BESIDE = ("published", "here")


@dataclass(frozen=True)
class Picture:
    """A figure with its words.

    Args:
        file: its name in the report's folder.
        png: its bytes.
        alt: its content in words, for those who do not see it.
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
    """The title of a section; `level` is 2 or 3."""

    kind: ClassVar[str] = "heading"
    text: str
    level: int = 2


@dataclass(frozen=True)
class Paragraph:
    """Running text; `quiet` for details."""

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
    """Facts, as (name, value)."""

    kind: ClassVar[str] = "facts"
    rows: Facts


@dataclass(frozen=True)
class Column:
    """A column of a table, or a group of columns under one name; `accent` marks the main one."""

    name: str
    parts: tuple[str, ...] = ()
    accent: bool = False

    @property
    def classes(self) -> tuple[str, ...]:
        """The style of each part: "published", "here", "accent", "plain"; "first" in a group."""
        if not self.parts:
            return ("accent" if self.accent else "plain",)
        first, *others = (part if part in BESIDE else "plain" for part in self.parts)
        return (f"first {first}", *others)


@dataclass(frozen=True)
class Cell:
    """A figure as text, and its range where it has one."""

    text: str
    range: str = ""

    @classmethod
    def of(cls, spread: Spread, written: Callable[[float], str]) -> Cell:
        """Return a mean with its range."""
        return cls(written(spread.mean), spread.range_text(written))


@dataclass(frozen=True)
class TableRow:
    """A row of a table: a cell for each single column and each part of a group."""

    label: str
    cells: tuple[Cell, ...]


@dataclass(frozen=True)
class Table:
    """Figures in rows; `label` heads the first column, that of the rows' labels."""

    kind: ClassVar[str] = "table"
    label: str
    columns: tuple[Column, ...]
    rows: tuple[TableRow, ...]

    @property
    def classes(self) -> tuple[str, ...]:
        """The style of each cell of a row."""
        return tuple(name for column in self.columns for name in column.classes)


@dataclass(frozen=True)
class Pictures:
    """Figures side by side, where the page is wide enough."""

    kind: ClassVar[str] = "pictures"
    pictures: tuple[Picture, ...]


Block = Heading | Paragraph | Bullets | FactList | Table | Pictures


@dataclass(frozen=True)
class Document:
    """A whole report. Texts are plain: a renderer escapes them.

    Args:
        title: with the data's name.
        lead: the opening sentence.
        warning: that the data is synthetic, else empty.
        headlines: the figures in brief.
        blocks: the rest, in order.
    """

    title: str
    lead: str
    warning: str
    headlines: tuple[Headline, ...]
    blocks: tuple[Block, ...]

    @property
    def pictures(self) -> tuple[Picture, ...]:
        """All pictures, in the order of the report."""
        shown = [block.pictures for block in self.blocks if isinstance(block, Pictures)]
        return tuple(picture for pictures in shown for picture in pictures)
