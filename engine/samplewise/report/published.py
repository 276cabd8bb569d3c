"""The rows of the report: figures published in it (`published.json`), and a CNN of ours."""

from __future__ import annotations

import json
from dataclasses import dataclass, fields
from functools import cache
from importlib.resources import files
from typing import Any

FINAL = "final"
LEARNING_RATE = "learning_rate"
EXPERIMENTS = ("epochs", "neurons", LEARNING_RATE, FINAL)
CLASSES = ("4", "9")
INPUTS = 784
TRAINING_ROWS = 800
IMAGES_PER_CLASS = 500
OPTIMAL, CNN = "optimal", "cnn"


@dataclass(frozen=True, kw_only=True)
class Row:
    """One network and how it is trained."""

    id: str

    @property
    def least_side(self) -> int:
        """Smallest height and width of an image, in pixels; 0 takes rows of a table, too."""
        return 0

    def fits(self, image_shape: tuple[int, int] | None) -> bool:
        """Return True if images of that shape are large enough (None: rows of a table)."""
        return min(image_shape or (0,)) >= self.least_side


@dataclass(frozen=True, kw_only=True)
class PublishedRow(Row):
    """A row of the tables of part 1.

    Args:
        experiment: the table it stands in, one of `EXPERIMENTS`.
        hidden: neurons of the hidden layer.
        learning_rate: eta.
        epochs: passes over the training rows.
        initial_loss, final_loss: mean loss of the first and the last epoch.
        train_ms: wall time of the training loop in a hosted notebook, in milliseconds.
        accuracy: on the test rows, in [0, 1].
    """

    experiment: str
    hidden: int
    learning_rate: float
    epochs: int
    initial_loss: float
    final_loss: float
    train_ms: float
    accuracy: float


@dataclass(frozen=True, kw_only=True)
class FollowUpRow(Row):
    """A network of part 2.

    Args:
        hidden: the layers before the last, as `network.layer_spec` reads them.
        batch_size: rows of a step.
        epochs: passes over the rows that are not kept for validation.
        accuracy: as published, on the test rows, in [0, 1]; None for a network of ours.
        learning_rate, schedule: as `TrainingSettings` takes them.
        least_side: of an image, in pixels.
    """

    hidden: str
    batch_size: int
    epochs: int
    accuracy: float | None
    learning_rate: float = 0.001
    schedule: str = "constant"
    least_side: int = 0

    def layers(self, classes: int) -> str:
        """Return all layers of the network for that number of classes."""
        return f"{self.hidden}, dense {classes}"


# Part 2 has no convolutions, and names them as its next step. Rate, schedule and dropout were
# chosen by the validation rows of real photographs.
SMALL_CNN = FollowUpRow(
    id=CNN,
    hidden="conv 8x3 relu, pool 2, conv 16x3 relu, pool 2, dropout 0.25",
    batch_size=16,
    epochs=20,
    accuracy=None,
    learning_rate=0.003,
    schedule="cosine",
    least_side=10,
)


@cache
def published_rows() -> tuple[PublishedRow, ...]:
    """Return the rows of part 1, in the order of its tables."""
    names = [field.name for field in fields(PublishedRow)]
    rows = [PublishedRow(**{name: row[name] for name in names}) for row in _published()["rows"]]
    return tuple(sorted(rows, key=lambda row: EXPERIMENTS.index(row.experiment)))


@cache
def follow_up_rows() -> tuple[FollowUpRow, ...]:
    """Return the rows of part 2 in its order, and ours."""
    return (*(_follow_up(**row) for row in _published()["follow_up"]["rows"]), SMALL_CNN)


def _published() -> dict[str, Any]:
    text = files("samplewise.report").joinpath("published.json").read_text(encoding="utf-8")
    found: dict[str, Any] = json.loads(text)
    return found


def _follow_up(*, layers: list[int], hidden_activation: str, **others: Any) -> FollowUpRow:
    hidden = ", ".join(f"dense {units} {hidden_activation}" for units in layers[:-1])
    return FollowUpRow(hidden=hidden, **others)
