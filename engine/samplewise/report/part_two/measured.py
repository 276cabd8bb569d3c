"""What Part 2 of a report is written from: its networks as they trained here."""

from __future__ import annotations

from dataclasses import dataclass

from samplewise.data.dataset import Dataset
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import ExperimentResult, Prepared
from samplewise.report.part_two.rows import Row


@dataclass(frozen=True)
class Run:
    """One training run of a row; of every measure but the last two, one value an epoch.

    Args:
        seed: of its weights, order and validation rows.
        losses: mean of the samples' losses, each before its update.
        accuracies: on the rows trained on, after the epoch, in [0, 1].
        validation_losses, validation_accuracies: on the validation rows, after the epoch.
        train_ms: wall time of the training steps, in milliseconds.
        accuracy: on the test rows, in [0, 1].
    """

    seed: int
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    validation_losses: tuple[float, ...]
    validation_accuracies: tuple[float, ...]
    train_ms: float
    accuracy: float


@dataclass(frozen=True, eq=False)
class MeasuredRow:
    """A row, our runs of it, and all that came of the first."""

    row: Row
    runs: tuple[Run, ...]
    first: ExperimentResult


@dataclass(frozen=True, eq=False)
class Measured:
    """All that Part 2 of a report is written from.

    Args:
        settings: as asked for; what was "auto" is decided in the rows' first runs.
        dataset: before the split.
        data: the same, cut and preprocessed.
        repeats: runs of each row.
        rows: in their order; without those that the data is too small for.
    """

    settings: Experiment
    dataset: Dataset
    data: Prepared
    repeats: int
    rows: tuple[MeasuredRow, ...]

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings of the rows' first runs, each once."""
        told = (note for row in self.rows for note in row.first.history.notes)
        return tuple(dict.fromkeys(told))

    def named(self, identifier: str) -> MeasuredRow | None:
        """Return the row of that name, None where it was not run."""
        return next((row for row in self.rows if row.row.id == identifier), None)
