"""All measured values of a report, as JSON values."""

from __future__ import annotations

import dataclasses
from typing import Any

from samplewise.data.statistics import statistics
from samplewise.report.part_one.measured import Measured, MeasuredRow
from samplewise.report.part_one.published import TITLE
from samplewise.report.part_one.tables import summarize

FORMAT = 1
_SETTINGS = ("data", "classes", "split", "stratify", "dtype", "threads", "seed")


def results(measured: Measured) -> dict[str, Any]:
    """Return settings, data, machine, and every run beside the published figures."""
    dataset, data, history = measured.dataset, measured.data, measured.chosen.history
    asked = measured.settings.to_options()
    return {
        "format": FORMAT,
        "report": TITLE,
        "settings": {
            **{name: asked[name] for name in _SETTINGS},
            "preprocess": data.preprocessing.name,
            "backend": history.backend,
            "backend_reason": history.backend_reason,
            "repeats": measured.repeats,
        },
        "data": {
            "name": dataset.name,
            "synthetic": dataset.synthetic,
            "classes": list(dataset.class_names),
            "training_rows": len(data.training),
            "test_rows": len(data.test),
            "fingerprint": dataset.fingerprint(),
            "statistics": dict(statistics(dataset)),
        },
        "environment": history.environment,
        "at_once": None if measured.at_once is None else dataclasses.asdict(measured.at_once),
        "rows": [_row(row, len(data.training)) for row in measured.rows],
        "confusion": {
            "row": measured.chosen_id,
            "run": 1,
            "counts": measured.chosen.on_classes[1].tolist(),
        },
    }


def _row(row: MeasuredRow, training_rows: int) -> dict[str, Any]:
    return {
        "published": dataclasses.asdict(row.published),
        "here": dataclasses.asdict(summarize(row, training_rows)),
        "runs": [dataclasses.asdict(run) for run in row.runs],
    }
