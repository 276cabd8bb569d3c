"""What a report is written from: the report's experiments as they ran here."""

from __future__ import annotations

from dataclasses import dataclass

from samplewise.data.dataset import Dataset
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import ExperimentResult, Prepared
from samplewise.report.part_one.published import PublishedRow


@dataclass(frozen=True)
class Run:
    """One training run of a row.

    Args:
        seed: of its weights.
        losses: mean loss of each epoch.
        train_ms: wall time of the training steps of this network by itself, in milliseconds.
        accuracy: on the test rows, in [0, 1].
        plan: by which the backend trained the network by itself.
        loss_difference: largest difference of an epoch's loss from `losses` when the network was
            trained by itself; 0 where that is the same run.
    """

    seed: int
    losses: tuple[float, ...]
    train_ms: float
    accuracy: float
    plan: str
    loss_difference: float


@dataclass(frozen=True)
class MeasuredRow:
    """A row of the report and our runs of it."""

    published: PublishedRow
    runs: tuple[Run, ...]


@dataclass(frozen=True)
class AtOnce:
    """The rows of each repeat, trained at once.

    Args:
        networks: in a repeat.
        train_ms: of each repeat, wall time of the training steps of all its networks, in
            milliseconds.
        plan: by which the backend trained them.
    """

    networks: int
    train_ms: tuple[float, ...]
    plan: str


@dataclass(frozen=True, eq=False)
class Measured:
    """All that a report is written from.

    Args:
        settings: as asked for; what was "auto" is decided in the experiment of `chosen`.
        dataset: the rows of the two classes, before the split.
        data: the same, cut and preprocessed.
        repeats: runs of each row.
        rows: in the order of the report.
        at_once: where the backend trains the rows of a repeat at once: losses, accuracies and
            `chosen` are of those runs, and each network was trained by itself for its time alone.
        chosen: the first run of the first row of the final network (of the last row, where no row
            is of the final network); its predictions are shown.
        chosen_id: of that row.
    """

    settings: Experiment
    dataset: Dataset
    data: Prepared
    repeats: int
    rows: tuple[MeasuredRow, ...]
    at_once: AtOnce | None
    chosen: ExperimentResult
    chosen_id: str
