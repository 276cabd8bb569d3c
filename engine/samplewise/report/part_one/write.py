"""The folder that `samplewise report` leaves: one report, whole or absent."""

from __future__ import annotations

from pathlib import Path

from samplewise.io.writing import new_folder
from samplewise.report.part_one.measured import Measured
from samplewise.report.part_one.published import EXPERIMENTS
from samplewise.report.write import TEXTS, write_texts

PICTURES = (
    *(f"loss-{name.replace('_', '-')}.png" for name in EXPERIMENTS),
    "confusion.png",
    "predictions.png",
)
FILES = (*TEXTS, *PICTURES)


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
    from samplewise.report.part_one.content import document
    from samplewise.report.part_one.results import results

    with new_folder(folder, force=force, known=FILES) as new:
        write_texts(new, document(measured), results(measured))
