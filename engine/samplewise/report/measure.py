"""The report's experiments, run here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from samplewise.checks import printable, whole_number
from samplewise.data.dataset import Dataset
from samplewise.data.sources import load
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import ExperimentResult, Prepared, prepare, run
from samplewise.report.published import CLASSES, FINAL, PublishedRow, published_rows
from samplewise.training.callbacks import Callback

MOST_REPEATS = 1000


@dataclass(frozen=True)
class Run:
    """One training run of a row.

    Args:
        seed: of its weights.
        losses: mean loss of each epoch.
        train_ms: wall time of the training steps alone, in milliseconds.
        accuracy: on the test rows, in [0, 1].
    """

    seed: int
    losses: tuple[float, ...]
    train_ms: float
    accuracy: float


@dataclass(frozen=True)
class MeasuredRow:
    """A row of the report and our runs of it."""

    published: PublishedRow
    runs: tuple[Run, ...]


@dataclass(frozen=True, eq=False)
class Measured:
    """All that a report is written from.

    Args:
        settings: as asked for; what was "auto" is decided in the experiment of `chosen`.
        dataset: the rows of the two classes, before the split.
        data: the same, cut and preprocessed.
        repeats: runs of each row.
        rows: in the order of the report.
        chosen: the first run of the first row of the final network (of the last row, where no row
            is of the final network); its predictions are shown.
        chosen_id: of that row.
    """

    settings: Experiment
    dataset: Dataset
    data: Prepared
    repeats: int
    rows: tuple[MeasuredRow, ...]
    chosen: ExperimentResult
    chosen_id: str


OnRun = Callable[[MeasuredRow], None]
"""Called after each run, with the runs of its row so far."""


def check_repeats(repeats: object) -> None:
    """Refuse a number of repeats that is not whole, or not 1 to 1000.

    Raises:
        ParameterError: it is not.
    """
    whole_number("repeats", repeats, maximum=MOST_REPEATS)


def load_pair(data: str, classes: Sequence[str] | None) -> Dataset:
    """Return the rows of two classes, as the report's network needs.

    Args:
        data: as `samplewise.data.sources.load` takes it.
        classes: two of its classes; None means 4 and 9 as in the report, or all where there are
            just two.

    Raises:
        ParameterError: not two classes, or none are named and there is no 4 and 9.
        DataError: the data cannot be loaded.
    """
    if classes is not None and len(classes) != 2:
        raise ParameterError(
            f"classes names {len(classes)} classes, but the report's network tells two apart"
        )
    dataset = load(data, classes)
    if classes is not None or len(dataset.class_names) == 2:
        return dataset
    if not set(CLASSES) <= set(dataset.class_names):
        raise ParameterError(
            f"{printable(dataset.name)} has {len(dataset.class_names)} classes but no "
            f"{' and '.join(CLASSES)} as in the report; name two of them with --classes"
        )
    return dataset.select(CLASSES)


def measure(
    settings: Experiment,
    *,
    repeats: int = 3,
    rows: Sequence[PublishedRow] | None = None,
    on_run: OnRun | None = None,
    callbacks: Sequence[Callback] = (),
) -> Measured:
    """Run every row of the report, each `repeats` times from weights of its own.

    The data is prepared once. Run j of row i has the seed `settings.seed + i * repeats + j`, so
    that rows of equal settings are independent repeats. One epoch of the first row goes before
    all, untimed: it compiles kernels and wakes the processor.

    Args:
        settings: its data, classes, preprocess, split, stratify, backend, dtype, threads and seed
            are taken; the rest is the report's.
        repeats: 1 to 1000.
        rows: what to run; None means all rows of the report.
        on_run: told of each run.
        callbacks: of the untimed epoch; they see its compiling.

    Raises:
        SamplewiseError: as `load_pair` and `samplewise.experiment.run.run`.
    """
    check_repeats(repeats)
    rows = published_rows() if rows is None else rows
    dataset = load_pair(settings.data, settings.classes)
    data = prepare(settings, dataset)
    run(dataclasses.replace(_experiment(settings, rows[0], 0), epochs=1), data, callbacks=callbacks)
    chosen_id = next((row.id for row in rows if row.experiment == FINAL), rows[-1].id)
    measured = []
    for index, row in enumerate(rows):
        experiment = _experiment(settings, row, index * repeats)
        runs, first = _repeated(experiment, row, data, repeats, on_run)
        measured.append(runs)
        if row.id == chosen_id:
            chosen = first
    return Measured(settings, dataset, data, repeats, tuple(measured), chosen, chosen_id)


def _repeated(
    experiment: Experiment, row: PublishedRow, data: Prepared, repeats: int, on_run: OnRun | None
) -> tuple[MeasuredRow, ExperimentResult]:
    """Return a row's runs, from the experiment's seed upwards, and all that came of the first."""
    runs = MeasuredRow(row, ())
    for repeat in range(repeats):
        result = run(dataclasses.replace(experiment, seed=experiment.seed + repeat), data)
        if repeat == 0:
            first = result
        runs = MeasuredRow(row, (*runs.runs, _run(result)))
        if on_run is not None:
            on_run(runs)
    return runs, first


def _experiment(settings: Experiment, row: PublishedRow, offset: int) -> Experiment:
    """Return the row's experiment, all that the report fixes as in the report."""
    return dataclasses.replace(
        settings,
        hidden=(row.hidden,),
        learning_rate=row.learning_rate,
        epochs=row.epochs,
        seed=settings.seed + offset,
        activation="sigmoid",
        loss="auto",
        batch_size=1,
        shuffle=False,
        init="normal",
    )


def _run(result: ExperimentResult) -> Run:
    history = result.history
    return Run(
        seed=result.experiment.seed,
        losses=tuple(history.losses),
        train_ms=history.train_ms,
        accuracy=result.test_accuracy,
    )
