"""All measured values of Part 2, as JSON values."""

from __future__ import annotations

import dataclasses
from typing import Any

from samplewise.data.statistics import statistics
from samplewise.report.part_two.measured import Measured, MeasuredRow

FORMAT = 1
TITLE = "Part 2, the same authors (Keras)"
_SETTINGS = ("data", "classes", "split", "stratify", "dtype", "threads", "seed")


def results(measured: Measured) -> dict[str, Any]:
    """Return settings, data, machine, and every run beside the published accuracies."""
    dataset, data, history = measured.dataset, measured.data, measured.rows[0].first.history
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
            "training_rows": history.rows,
            "validation_rows": history.validation_rows,
            "test_rows": len(data.test),
            "fingerprint": dataset.fingerprint(),
            "statistics": dict(statistics(dataset)),
        },
        "environment": history.environment,
        "rows": [_row(row) for row in measured.rows],
    }


def _row(row: MeasuredRow) -> dict[str, Any]:
    network = row.first.model.network
    return {
        "published": row.row.accuracy,
        "row": dataclasses.asdict(row.row),
        "layers": row.row.layers(network.outputs),
        "parameters": network.layout.parameters,
        "confusion": row.first.on_classes[1].tolist(),
        "runs": [dataclasses.asdict(run) for run in row.runs],
    }
