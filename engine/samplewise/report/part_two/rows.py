"""The follow-up's networks with their published accuracies, and a CNN of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

CONSTANT = "constant"
OPTIMAL, CNN = "optimal", "cnn"
# Of the published rows; ours has its own.
LEARNING_RATE = 0.001
VALIDATION_FRACTION = 0.2
# Of the published figures nothing tells; Keras's own.
KERAS_EPSILON = 1e-7
TRAINING_ROWS, CLASSES = 4000, 10
# Two convolutions of ours: the follow-up has none, and names them as its next step.
# Rate, schedule and dropout were chosen by the validation rows of real photographs.
_CNN = "conv 8x3 relu, pool 2, conv 16x3 relu, pool 2, dropout 0.25"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One network and how it is trained; all else is the same for all.

    Args:
        id: name of the row.
        hidden: the layers before the last as `network.layer_words` reads them.
        batch_size: rows of a step.
        epochs: passes over the rows that are not kept for validation.
        accuracy: as published, on the test rows, in [0, 1]; None for what is ours.
        learning_rate, schedule: as `TrainingSettings` takes them.
        least_side: pixels that an image must have either way; 0 takes rows of a table, too.
    """

    id: str
    hidden: str
    batch_size: int
    epochs: int
    accuracy: float | None
    learning_rate: float = LEARNING_RATE
    schedule: str = CONSTANT
    least_side: int = 0

    def layers(self, classes: int) -> str:
        """Return all layers of the network that tells so many classes apart."""
        return f"{self.hidden}, dense {classes}"

    def fits(self, image_shape: tuple[int, int] | None) -> bool:
        """Return whether rows of that shape, None for those of a table, are large enough."""
        return min(image_shape or (0,)) >= self.least_side


@cache
def rows() -> tuple[Row, ...]:
    """Return the published rows in their order, and ours."""
    text = files("samplewise.report").joinpath("published.json").read_text(encoding="utf-8")
    published = (_published(**row) for row in json.loads(text)["follow_up"]["rows"])
    return (*published, _small_cnn())


def _small_cnn() -> Row:
    return Row(
        id=CNN,
        hidden=_CNN,
        batch_size=16,
        epochs=20,
        accuracy=None,
        learning_rate=0.003,
        schedule="cosine",
        least_side=10,
    )


def _published(*, layers: list[int], hidden_activation: str, **others: Any) -> Row:
    hidden = ", ".join(f"dense {units} {hidden_activation}" for units in layers[:-1])
    return Row(hidden=hidden, **others)
