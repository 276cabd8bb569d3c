"""How a measurement is written: cells, tables, and the folder with picture, Markdown and JSON."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

from samplewise.io import strict_json
from samplewise.io.writing import new_folder, write_bytes, write_text

Value = TypeVar("Value")


def cell(value: Value | None, form: Callable[[Value], str] = str) -> str:
    """Return a value as the text of a cell; None is "-"."""
    return "-" if value is None else form(value)


def file_names(name: str) -> tuple[str, str, str]:
    """Return the files of a measurement: its picture, its Markdown, its JSON."""
    return f"{name}.png", f"{name}.md", f"{name}.json"


def write_measurement(
    folder: Path, name: str, picture: bytes, markdown: str, document: dict[str, Any], *, force: bool
) -> None:
    """Write picture (PNG), Markdown and JSON of a measurement to a folder, whole or not at all.

    Raises:
        OutputError: as `check_output_folder`, or the disk is full.
    """
    files = file_names(name)
    with new_folder(folder, force=force, known=files) as new:
        write_bytes(new / files[0], picture)
        write_text(new / files[1], markdown)
        write_text(new / files[2], strict_json.text_of(document) + "\n")
