"""A report's texts and pictures, as files."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from samplewise.io.writing import write_bytes, write_text
from samplewise.report.document import Document

HTML, MARKDOWN, RESULTS = "report.html", "report.md", "report.json"
TEXTS = (HTML, MARKDOWN, RESULTS)


def write_texts(folder: Path, document: Document, results: dict[str, Any]) -> None:
    """Write a report as HTML, as Markdown with its pictures, and its values as JSON.

    Args:
        folder: that exists.
        document: what is told.
        results: JSON values.

    Raises:
        OutputError: a file cannot be written.
    """
    from samplewise.report import html, markdown

    write_text(folder / HTML, html.render(document))
    write_text(folder / MARKDOWN, markdown.render(document))
    write_text(folder / RESULTS, json.dumps(results, indent=2, allow_nan=False) + "\n")
    for picture in document.pictures:
        write_bytes(folder / picture.file, picture.png)
