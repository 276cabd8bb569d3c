"""Our runs of the report's experiments."""

from __future__ import annotations

import dataclasses
import operator
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Generic

from samplewise.checks import whole_number
from samplewise.data.dataset import Dataset
from samplewise.data.preprocessing import AUTO
from samplewise.errors import SamplewiseError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import Prepared
from samplewise.experiment.run import ExperimentResult, run, run_many
from samplewise.report.experiments import Part, R, RowTrials, Table
from samplewise.report.wording import Spread
from samplewise.sweep.groups import planned_trials
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.training import outcomes_of
from samplewise.sweep.trials import Trial
from samplewise.training.history import History

MOST_REPEATS = 1000


@dataclass(frozen=True)
class Run:
    """One training run of a row.

    Args:
        seed: of its weights, order and validation rows.
        losses: mean loss of each epoch, of each sample before its update.
        accuracies: on the training rows after each epoch, in [0, 1].
        validation_losses, validation_accuracies: likewise on the validation rows, if there are any.
        train_ms: wall time of the training steps of this network by itself, in milliseconds.
        accuracy: on the test rows, in [0, 1].
        plan: by which the backend trained the network by itself.
        loss_difference: largest difference of an epoch's loss from `losses` when the network was
            trained by itself; 0 where that is the same run.
    """

    seed: int
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    validation_losses: tuple[float, ...]
    validation_accuracies: tuple[float, ...]
    train_ms: float
    accuracy: float
    plan: str
    loss_difference: float


@dataclass(frozen=True, eq=False)
class MeasuredRow(Generic[R]):
    """A row, our runs of it, and the whole result of the first."""

    row: R
    runs: tuple[Run, ...]
    first: ExperimentResult

    def spread(self, measure: str, epoch: int | None = None) -> Spread:
        """Return the spread of a measure of the runs; `epoch` picks from one value an epoch."""
        values: list[Any] = [getattr(run, measure) for run in self.runs]
        return Spread.of(values if epoch is None else [of_run[epoch] for of_run in values])


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
class Measured(Generic[R]):
    """The measurements that a report is written from.

    Args:
        part: of the report.
        settings: as asked for; a choice left to "auto" is made in the rows' first runs.
        dataset: before the split.
        data: the same, split and preprocessed.
        repeats: runs of each row.
        rows: in order, without those that the data is too small for.
        chosen: the row whose first run stands for all: its backend, machine and predictions.
        at_once: where the backend trains the rows of a repeat at once: losses, accuracies and the
            rows' first runs are of those, and each network was trained by itself for its time.
    """

    part: Part[R]
    settings: Experiment
    dataset: Dataset
    data: Prepared
    repeats: int
    rows: tuple[MeasuredRow[R], ...]
    chosen: MeasuredRow[R]
    at_once: AtOnce | None

    @property
    def notes(self) -> tuple[str, ...]:
        """Warnings of the rows' first runs, each once; in part 1, of the chosen row's alone."""
        rows = self.rows if self.part.data["shows_notes"] else (self.chosen,)
        notes = (note for row in rows for note in row.first.history.notes)
        return tuple(dict.fromkeys(notes))

    def named(self, identifier: str) -> MeasuredRow[R] | None:
        """Return the row of that name, None where it was not run."""
        return next((row for row in self.rows if row.row.id == identifier), None)


def measure(
    part: Part[R],
    settings: Experiment,
    *,
    repeats: int = 3,
    tables: Sequence[Table[R]] | None = None,
    on_run: Callable[[MeasuredRow[R]], None] | None = None,
) -> Measured[R]:
    """Run the sweeps of a part, each row `repeats` times from weights of its own.

    The data is prepared once. Seeds are those of `Part.trials`, so that rows of equal settings are
    independent repeats. One epoch of each row goes before all, untimed: it compiles kernels and
    wakes the processor.

    Where the rows of a repeat may share a training and the backend can, they do: the same group
    whatever the machine's speed, so that the figures repeat. Such a run has no time of one network:
    each network is trained by itself, too.

    Args:
        part: of the report.
        settings: of which those that `parts.toml` keeps and the seed are taken; the rest is the
            report's.
        repeats: 1 to 1000.
        tables: to run; None means all. Those that the data is too small for are left out.
        on_run: called after each run with the runs of its row so far.

    Raises:
        SamplewiseError: as `part.load` and `samplewise.experiment.run.run`; the first of a trial.
    """
    whole_number("repeats", repeats, maximum=MOST_REPEATS)
    if settings.data.preprocess == AUTO:
        settings = settings.with_options(preprocess=part.data["preprocess"])
    dataset = part.load(settings.data.source, settings.data.classes, settings.source_options())
    wanted = part.tables() if tables is None else tables
    shape = dataset.image_shape
    fitting = [table for table in wanted if all(row.fits(shape) for row in table.rows)]
    pairs = part.trials(settings, len(dataset.class_names), repeats, fitting)
    firsts = [trials[0] for _, trials in pairs]
    rows = SweepRows(firsts, dataset)
    data = rows.of(firsts[0].experiment)
    together = _warm_up(firsts, data, at_once=_may_share(firsts, rows))
    measured, histories = _train(pairs, data, on_run, together=together)
    chosen = (row for row in measured if row.row.id.startswith(part.data["chosen"]))
    return Measured(
        part=part,
        settings=settings,
        dataset=dataset,
        data=data,
        repeats=repeats,
        rows=measured,
        chosen=next(chosen, measured[-1]),
        at_once=_at_once(histories),
    )


def _may_share(trials: Sequence[Trial], rows: SweepRows) -> bool:
    shares = {one.shares for one in planned_trials(trials, rows)}
    return len(shares) == 1 and None not in shares


def _warm_up(trials: Sequence[Trial], data: Prepared, *, at_once: bool) -> bool:
    """Train an epoch of each trial; return whether the backend trained them at once."""
    experiments = [trial.experiment.with_options(epochs=1) for trial in trials]
    if at_once:
        return run_many(experiments, data)[0].history.shared is not None
    for experiment in experiments:
        run(experiment, data)
    return False


def _train(
    pairs: RowTrials[R],
    data: Prepared,
    on_run: Callable[[MeasuredRow[R]], None] | None,
    *,
    together: bool,
) -> tuple[tuple[MeasuredRow[R], ...], list[History]]:
    """Train each row's trials; return the rows, and a history of each group."""
    found: dict[int, MeasuredRow[R]] = {}
    histories: list[History] = []
    for group in _groups([trials for _, trials in pairs], together=together):
        results = _results(list(group.values()), data)
        histories.append(results[0].history)
        for (index, trial), result in zip(group.items(), results, strict=True):
            before = found.get(index, MeasuredRow(pairs[index][0], (), result))
            run_of_row = _run(trial, result)
            found[index] = dataclasses.replace(before, runs=(*before.runs, run_of_row))
            if on_run is not None:
                on_run(found[index])
    return tuple(found.values()), histories


def _groups(rows: Sequence[Sequence[Trial]], *, together: bool) -> list[dict[int, Trial]]:
    """Return the groups that are trained one after the other, each by the numbers of its rows."""
    if together:
        return [dict(enumerate(repeat)) for repeat in zip(*rows, strict=True)]
    return [{index: trial} for index, trials in enumerate(rows) for trial in trials]


def _results(trials: Sequence[Trial], data: Prepared) -> list[ExperimentResult]:
    results = []
    for outcome in outcomes_of(trials, data):
        if isinstance(outcome, SamplewiseError):
            raise outcome
        results.append(outcome)
    return results


def _at_once(histories: Sequence[History]) -> AtOnce | None:
    """Return the times of the repeats, from the history of a network of each."""
    shared = [history.shared for history in histories if history.shared is not None]
    if not shared:
        return None
    ms = tuple(run.all_networks_ms for run in shared)
    return AtOnce(shared[0].networks, ms, histories[0].plan["name"])


def _run(trial: Trial, result: ExperimentResult) -> Run:
    """Return the figures of a run; one that shared its time is repeated by itself for it.

    The trial is repeated, as the result's experiment names the plan of all networks at once.
    """
    history = result.history
    alone = history if history.shared is None else run(trial.experiment, result.data).history
    ms = alone.train_ms
    assert ms is not None, "a network by itself has its time"
    validation = (record.validation_accuracy for record in history.epochs)
    return Run(
        seed=result.experiment.training.seed,
        losses=tuple(history.losses),
        accuracies=_tracked(record.accuracy for record in history.epochs),
        validation_losses=tuple(history.validation_losses),
        validation_accuracies=_tracked(validation),
        train_ms=ms,
        accuracy=result.on_classes[0],
        plan=alone.plan["name"],
        loss_difference=max(map(abs, map(operator.sub, history.losses, alone.losses))),
    )


def _tracked(values: Iterable[float | None]) -> tuple[float, ...]:
    return tuple(value for value in values if value is not None)
