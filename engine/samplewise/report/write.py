"""The folder that `samplewise report` leaves: one report, whole or absent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from samplewise.data.statistics import statistics
from samplewise.io import strict_json
from samplewise.io.writing import new_folder, write_bytes, write_text
from samplewise.report import content, html, markdown, part_one, part_two
from samplewise.report.document import Document
from samplewise.report.measure import Measured

HTML, MARKDOWN, RESULTS = TEXTS = ("report.html", "report.md", "report.json")
CONTENTS = {1: part_one.CONTENT, 2: part_two.CONTENT}
FORMAT = 1
_SETTINGS = ("data", "classes", "stratify", "dtype", "threads", "seed")


def files(part: int) -> tuple[str, ...]:
    """Return the names of all files that the report of a part may have."""
    return (*TEXTS, *CONTENTS[part].files)


def document(measured: Measured[Any]) -> Document:
    """Return the report of these measurements."""
    return content.document(measured, CONTENTS[measured.part.number])


def write_report(measured: Measured[Any], folder: Path, *, force: bool) -> None:
    """Write the report as HTML, as Markdown with its pictures, as JSON, and with its models.

    Raises:
        OutputError: as `check_output_folder`, or the disk is full; then nothing is left, and the
            report that was there before stays.
    """
    part = measured.part.number
    with new_folder(folder, force=force, known=files(part)) as new:
        report = document(measured)
        write_text(new / HTML, html.render(report))
        write_text(new / MARKDOWN, markdown.render(report))
        write_text(new / RESULTS, strict_json.text_of(results(measured)) + "\n")
        for picture in report.pictures:
            write_bytes(new / picture.file, picture.png)
        CONTENTS[part].save(measured, new)


def results(measured: Measured[Any]) -> dict[str, Any]:
    """Return settings, data, machine, and every run beside the published figures."""
    dataset, data, history = measured.dataset, measured.data, measured.chosen.first.history
    asked = measured.settings.to_options()
    held_out = {"validation_rows": history.validation_rows} if history.validation_rows else {}
    return {
        "format": FORMAT,
        "report": measured.part.data["published"],
        "settings": {
            **{name: asked[name] for name in _SETTINGS},
            "split": measured.settings.data.test_fraction,
            "preprocess": data.preprocessing.name,
            "backend": history.backend,
            "backend_reason": history.backend_reason,
            "repeats": measured.repeats,
        },
        "data": {
            "name": dataset.name,
            "synthetic": dataset.synthetic,
            "classes": list(dataset.class_names),
            "training_rows": history.rows,
            **held_out,
            "test_rows": len(data.test),
            "fingerprint": dataset.fingerprint(),
            "statistics": dict(statistics(dataset)),
        },
        "environment": history.environment,
        **CONTENTS[measured.part.number].results(measured),
    }
