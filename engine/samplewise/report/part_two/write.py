"""The folder that `samplewise report --part 2` leaves: one report, whole or absent."""

from __future__ import annotations

import io
from pathlib import Path

import numpy as np

from samplewise.io.writing import new_folder, write_bytes
from samplewise.model.model_file import save_model
from samplewise.report.part_two.measured import Measured
from samplewise.report.part_two.pictures import confusion_file, curves_file, predictions_file
from samplewise.report.part_two.rows import CNN, OPTIMAL, rows
from samplewise.report.part_two.single import IMAGE, first_test_row, model_file
from samplewise.report.write import TEXTS, write_texts

FILES = (
    *TEXTS,
    *(file(row.id) for row in rows() for file in (curves_file, model_file)),
    *(file(shown) for shown in (OPTIMAL, CNN) for file in (confusion_file, predictions_file)),
    IMAGE,
)


def write_report(measured: Measured, folder: Path, *, force: bool) -> None:
    """Write the report as HTML, Markdown with pictures and JSON, its models, and one test row.

    Args:
        measured: what it tells.
        folder: where; missing parents are made.
        force: replace the report that is there.

    Raises:
        OutputError: as `check_output_folder`, or the disk is full; then nothing is left, and what
            was there before stays.
    """
    from samplewise.report.part_two.content import document
    from samplewise.report.part_two.results import results

    image = io.BytesIO()
    np.save(image, first_test_row(measured), allow_pickle=False)
    with new_folder(folder, force=force, known=FILES) as new:
        write_texts(new, document(measured), results(measured))
        write_bytes(new / IMAGE, image.getvalue())
        for row in measured.rows:
            save_model(row.first.model, new / model_file(row.row.id))
