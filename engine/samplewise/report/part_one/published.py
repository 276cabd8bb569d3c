"""The figures that the report published: `published.json`, as data."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files

FINAL = "final"
LEARNING_RATE = "learning_rate"
EXPERIMENTS = ("epochs", "neurons", LEARNING_RATE, FINAL)
CLASSES = ("4", "9")
TITLE = "Basic Of Deep Learning - Mid Semester Project, Part 1 (Colman, 2024)"
INPUTS = 784
TRAINING_ROWS = 800
IMAGES_PER_CLASS = 500


@dataclass(frozen=True, kw_only=True)
class PublishedRow:
    """One row of the report's tables.

    Args:
        id: name of the row, such as "epochs-10".
        experiment: the table it stands in, one of `EXPERIMENTS`.
        hidden: neurons of the hidden layer.
        learning_rate: eta.
        epochs: passes over the training rows.
        initial_loss, final_loss: mean loss of the first and the last epoch.
        train_ms: wall time of the training loop in a hosted notebook, in milliseconds.
        accuracy: on the test rows, in [0, 1].
    """

    id: str
    experiment: str
    hidden: int
    learning_rate: float
    epochs: int
    initial_loss: float
    final_loss: float
    train_ms: float
    accuracy: float


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """Return the report's rows, in the order of its tables."""
    text = files("samplewise.report").joinpath("published.json").read_text(encoding="utf-8")
    names = [field.name for field in fields(PublishedRow)]
    rows = [PublishedRow(**{name: row[name] for name in names}) for row in json.loads(text)["rows"]]
    return tuple(sorted(rows, key=lambda row: EXPERIMENTS.index(row.experiment)))
