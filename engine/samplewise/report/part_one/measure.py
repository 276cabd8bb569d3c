"""The report's experiments, run here."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Sequence

from samplewise.checks import printable
from samplewise.data.dataset import Dataset
from samplewise.data.loading import load
from samplewise.data.sources.options import DEFAULT, SourceOptions
from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import ExperimentResult, Prepared, prepare, run, run_many
from samplewise.report.part_one.measured import AtOnce, Measured, MeasuredRow, Run
from samplewise.report.part_one.published import CLASSES, FINAL, PublishedRow, published_rows
from samplewise.report.repeats import check_repeats
from samplewise.training.callbacks import Callback
from samplewise.training.history import History

OnRun = Callable[[MeasuredRow], None]
"""Called after each run, with the runs of its row so far."""


def load_pair(
    data: str, classes: Sequence[str] | None, options: SourceOptions = DEFAULT
) -> Dataset:
    """Return the rows of two classes, as the report's network needs.

    Args:
        data: as `samplewise.data.loading.load` takes it.
        classes: two of its classes; None means 4 and 9 as in the report, or all where there are
            just two.
        options: how a file or folder is read.

    Raises:
        ParameterError: not two classes, or none are named and there is no 4 and 9.
        DataError: the data cannot be loaded.
    """
    if classes is not None and len(classes) != 2:
        raise ParameterError(
            f"classes names {len(classes)} classes, but the report's network tells two apart"
        )
    dataset = load(data, classes, options)
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
    that rows of equal settings are independent repeats. One epoch of each row goes before all,
    untimed: it compiles kernels and wakes the processor.

    Where the backend trains many networks at once, the rows of a repeat are. The time of one
    network cannot be told from such a run, so that each is trained by itself too.

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
    dataset = load_pair(settings.data, settings.classes, settings.source_options())
    data = prepare(settings, dataset)
    experiments = [
        [_experiment(settings, row, index * repeats + repeat) for repeat in range(repeats)]
        for index, row in enumerate(rows)
    ]
    at_once = _warmed_up([of_row[0] for of_row in experiments], data, callbacks)
    chosen = next((i for i, row in enumerate(rows) if row.experiment == FINAL), len(rows) - 1)
    runs: list[list[Run]] = [[] for _ in rows]
    histories: list[History] = []
    for batch in _batches(len(rows), repeats, at_once=at_once):
        results = run_many([experiments[index][repeat] for index, repeat in batch], data)
        histories.append(results[0].history)
        for (index, repeat), result in zip(batch, results, strict=True):
            if (index, repeat) == (chosen, 0):
                shown = result
            runs[index].append(_run(result))
            if on_run is not None:
                on_run(MeasuredRow(rows[index], tuple(runs[index])))
    return Measured(
        settings=settings,
        dataset=dataset,
        data=data,
        repeats=repeats,
        rows=tuple(MeasuredRow(*pair) for pair in zip(rows, map(tuple, runs), strict=True)),
        at_once=_at_once(histories),
        chosen=shown,
        chosen_id=rows[chosen].id,
    )


def _warmed_up(
    experiments: Sequence[Experiment], data: Prepared, callbacks: Sequence[Callback]
) -> bool:
    """Run one epoch of each row; return whether the backend trained them at once."""
    short = [dataclasses.replace(experiment, epochs=1) for experiment in experiments]
    told = [callbacks, *([()] * (len(short) - 1))]
    return run_many(short, data, callbacks=told)[0].history.shared is not None


def _batches(rows: int, repeats: int, *, at_once: bool) -> list[list[tuple[int, int]]]:
    """Return what is trained at once, as (row, repeat); row by row where nothing is."""
    if at_once:
        return [[(row, repeat) for row in range(rows)] for repeat in range(repeats)]
    return [[(row, repeat)] for row in range(rows) for repeat in range(repeats)]


def _at_once(histories: Sequence[History]) -> AtOnce | None:
    """Return what the repeats took, from the history of a network of each."""
    shared = [history.shared for history in histories if history.shared is not None]
    if not shared:
        return None
    ms = tuple(run.all_networks_ms for run in shared)
    return AtOnce(shared[0].networks, ms, histories[0].plan["name"])


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
        momentum=0.0,
        nesterov=False,
        l2=0.0,
        init="normal",
        track_accuracy=False,
    )


def _run(result: ExperimentResult) -> Run:
    """Return what is told of a run; one that shared its time is repeated by itself for it."""
    losses = result.history.losses
    alone = result if result.history.shared is None else run(result.experiment, result.data)
    ms = alone.history.train_ms
    assert ms is not None
    return Run(
        seed=result.experiment.seed,
        losses=tuple(losses),
        train_ms=ms,
        accuracy=result.on_classes[0],
        plan=alone.history.plan["name"],
        loss_difference=max(map(abs, map(operator.sub, losses, alone.history.losses))),
    )
