"""The folder that `samplewise report` leaves: one report, whole or absent."""

from __future__ import annotations

import json
from pathlib import Path

from samplewise.files import new_folder, write_bytes, write_text
from samplewise.report.measured import Measured
from samplewise.report.published import EXPERIMENTS

HTML, MARKDOWN, RESULTS = "report.html", "report.md", "report.json"
PICTURES = (
    *(f"loss-{name.replace('_', '-')}.png" for name in EXPERIMENTS),
    "confusion.png",
    "predictions.png",
)
FILES = (HTML, MARKDOWN, RESULTS, *PICTURES)


def write_report(measured: Measured, folder: Path, *, force: bool) -> None:
    """Write the report as HTML, as Markdown with its pictures, and as JSON.

    Args:
        measured: what it tells.
        folder: where; missing parents are made.
        force: replace the report that is there.

    Raises:
        OutputError: as `check_output_folder`, or the disk is full; then nothing is left, and what
            was there before stays.
    """
    from samplewise.report import html, markdown
    from samplewise.report.content import content
    from samplewise.report.results import results

    with new_folder(folder, force=force, known=FILES) as new:
        told = content(measured)
        write_text(new / HTML, html.render(told))
        write_text(new / MARKDOWN, markdown.render(told))
        write_text(new / RESULTS, json.dumps(results(measured), indent=2, allow_nan=False) + "\n")
        for picture in told.pictures:
            write_bytes(new / picture.file, picture.png)
