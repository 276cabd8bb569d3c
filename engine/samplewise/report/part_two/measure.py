"""Part 2's networks, trained here."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Sequence

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.loading import load
from samplewise.data.preprocessing import AUTO, STANDARDIZE
from samplewise.data.sources.options import DEFAULT, SourceOptions
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import ExperimentResult, Prepared, prepare, run
from samplewise.report.part_two.measured import Measured, MeasuredRow, Run
from samplewise.report.part_two.rows import KERAS_EPSILON, VALIDATION_FRACTION, Row
from samplewise.report.part_two.rows import rows as all_rows
from samplewise.report.repeats import check_repeats
from samplewise.training.callbacks import Callback

OnRun = Callable[[MeasuredRow], None]
"""Called after each run, with the runs of its row so far."""


def load_classes(
    data: str, classes: Sequence[str] | None, options: SourceOptions = DEFAULT
) -> Dataset:
    """Return the rows of some classes, or of all.

    Args:
        data: as `samplewise.data.loading.load` takes it.
        classes: at least two of its classes; None means all.
        options: how a file or folder is read.

    Raises:
        ParameterError: there are fewer than two.
        DataError: the data cannot be loaded.
    """
    dataset = load(data, classes, options)
    if len(dataset.class_names) < 2:
        raise ParameterError(
            f"{printable(dataset.name)} has {len(dataset.class_names)} class, but Part 2 tells "
            "classes apart; give it data of at least two"
        )
    return dataset


def measure(
    settings: Experiment,
    *,
    repeats: int = 3,
    rows: Sequence[Row] | None = None,
    on_run: OnRun | None = None,
    callbacks: Sequence[Callback] = (),
) -> Measured:
    """Train every row, each `repeats` times from weights of its own.

    The data is cut once. Run j of row i has the seed `settings.seed + i * repeats + j`, which also
    chooses its validation rows and its order. One epoch of each row goes before all, untimed: it
    compiles kernels and wakes the processor.

    Args:
        settings: its data, classes, preprocess, split, stratify, backend, dtype, threads and seed
            are taken; the rest is Part 2's. What it did to its pixels is not told: "auto"
            standardizes them, with which the synthetic set comes to the published accuracies.
        repeats: 1 to 1000.
        rows: what to run; None means all. Those that the data is too small for are left out.
        on_run: told of each run.
        callbacks: of the untimed epochs; they see the compiling.

    Raises:
        SamplewiseError: as `load_classes` and `samplewise.experiment.run.run`.
    """
    check_repeats(repeats)
    if settings.preprocess == AUTO:
        settings = dataclasses.replace(settings, preprocess=STANDARDIZE)
    dataset = load_classes(settings.data, settings.classes, settings.source_options())
    data = prepare(settings, dataset)
    wanted = [
        row for row in (all_rows() if rows is None else rows) if row.fits(dataset.image_shape)
    ]
    classes = len(dataset.class_names)
    for row in wanted:
        short = dataclasses.replace(experiment_of(settings, row, classes, 0), epochs=1)
        run(short, data, callbacks=callbacks)
    measured = []
    for index, row in enumerate(wanted):
        of_row = [
            experiment_of(settings, row, classes, index * repeats + repeat)
            for repeat in range(repeats)
        ]
        measured.append(_measured(row, of_row, data, on_run))
    return Measured(settings, dataset, data, repeats, tuple(measured))


def _measured(
    row: Row, experiments: Sequence[Experiment], data: Prepared, on_run: OnRun | None
) -> MeasuredRow:
    first, runs = None, []
    for experiment in experiments:
        result = run(experiment, data)
        first = first or result
        runs.append(_run(result))
        found = MeasuredRow(row, tuple(runs), first)
        if on_run is not None:
            on_run(found)
    return found


def experiment_of(settings: Experiment, row: Row, classes: int, offset: int) -> Experiment:
    """Return the row's experiment: the user's of the settings, all else as Part 2 has it."""
    return Experiment(
        data=settings.data,
        classes=settings.classes,
        preprocess=settings.preprocess,
        split=settings.split,
        stratify=settings.stratify,
        backend=settings.backend,
        dtype=settings.dtype,
        threads=settings.threads,
        seed=settings.seed + offset,
        layers=row.layers(classes),
        loss="categorical_cross_entropy",
        optimizer="adam",
        learning_rate=row.learning_rate,
        schedule=row.schedule,
        batch_size=row.batch_size,
        epochs=row.epochs,
        validation_fraction=VALIDATION_FRACTION,
        # As Keras does unless told otherwise.
        epsilon=KERAS_EPSILON,
        init="glorot_uniform",
        shuffle=True,
    )


def _run(result: ExperimentResult) -> Run:
    history = result.history
    assert history.train_ms is not None, "only networks that train at once have no time"
    return Run(
        seed=result.experiment.seed,
        losses=tuple(history.losses),
        accuracies=tuple(record.accuracy or 0.0 for record in history.epochs),
        validation_losses=tuple(history.validation_losses),
        validation_accuracies=tuple(record.validation_accuracy or 0.0 for record in history.epochs),
        train_ms=history.train_ms,
        accuracy=result.on_classes[0],
    )
