"""Running a sweep: groups of trials, each written to the journal once it is trained."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samplewise.checks import file_path, instance_of, printable
from samplewise.data.dataset import Dataset
from samplewise.errors import (
    DivergenceError,
    OutputError,
    SamplewiseError,
    SomeDivergedError,
    TrainingWarning,
)
from samplewise.experiment.run import ExperimentResult, Prepared, run, run_many
from samplewise.experiment.scores import defined
from samplewise.io.lock import locked
from samplewise.io.writing import make_folder
from samplewise.sweep.candidates import DONE, FAILED
from samplewise.sweep.definition import Sweep, Trial
from samplewise.sweep.groups import Groups, Planned, plan
from samplewise.sweep.journal import FILE, Entry, Journal
from samplewise.sweep.results import SweepResult
from samplewise.sweep.rows import SweepRows
from samplewise.training.history import History
from samplewise.training.train import check_stop

Outcome = ExperimentResult | SamplewiseError


@dataclass(frozen=True)
class Progress:
    """The state of a sweep after a group of trials.

    Args:
        finished: trials with a result, those of earlier starts too.
        failed: of them.
        trials: of the sweep.
        group: trials that were just trained.
        seconds_left: estimated.
    """

    finished: int
    failed: int
    trials: int
    group: int
    seconds_left: float


def run_sweep(
    sweep: Sweep,
    folder: str | Path,
    *,
    data: Dataset | None = None,
    retry_failed: bool = False,
    on_group: Callable[[Progress], None] | None = None,
    stop: threading.Event | None = None,
) -> SweepResult:
    """Train the trials of a sweep that its folder does not hold yet.

    Trials that may train at once do, in groups of seconds; each network is that of its single run,
    to rounding. A group's trials are then appended to the folder's journal, so that whatever ends
    the process, the same call goes on. A trial that cannot be trained is noted with the reason.

    Args:
        sweep: to run.
        folder: of the journal; made where it is missing.
        data: used instead of loading that of the settings.
        retry_failed: train trials again that have failed.
        on_group: called after each group.
        stop: setting it ends the sweep after the running group.

    Raises:
        OutputError: the folder cannot be written, is in use, or holds another sweep.
        ParameterError: a candidate does not fit the data; nothing was trained.
        SamplewiseError: as `load`.
    """
    instance_of("sweep", sweep, Sweep)
    check_stop(stop)
    folder = file_path("folder", folder)
    if data is not None:
        instance_of("data", data, Dataset)
    rows = SweepRows(sweep.trials, data)
    planned = plan(sweep.trials, rows)
    _make(folder)
    with locked(folder, "another process runs the sweep"):
        journal = Journal(folder / FILE, sweep.definition, rows.fingerprint)
        _train_missing(planned, rows, journal, on_group, stop, retry_failed=retry_failed)
    return SweepResult(sweep, journal.entries)


def _make(folder: Path) -> None:
    """Make the folder of a sweep; refuse one that holds other files."""
    strangers = make_folder(folder)
    if strangers and FILE not in strangers:
        raise OutputError(
            f"{printable(folder)} holds '{printable(strangers[0])}' and no sweep; name another "
            "folder with --out"
        )


def _train_missing(
    planned: Sequence[Planned],
    rows: SweepRows,
    journal: Journal,
    on_group: Callable[[Progress], None] | None,
    stop: threading.Event | None,
    *,
    retry_failed: bool,
) -> None:
    status = {entry["key"]: entry["status"] for entry in journal.entries}
    known = {DONE} if retry_failed else {DONE, FAILED}
    groups = Groups([one for one in planned if status.get(one.trial.key) not in known])
    while (stop is None or not stop.is_set()) and (group := groups.take()):
        start_s = time.perf_counter()
        outcomes = _trained([one.trial for one in group], rows.of(group[0].trial.experiment))
        seconds = time.perf_counter() - start_s
        entries = [_entry(one, outcome) for one, outcome in zip(group, outcomes, strict=True)]
        journal.append(*entries)
        status |= {entry["key"]: entry["status"] for entry in entries}
        # The first group also loads kernels and libraries, so only its training counts.
        groups.took(group, seconds if groups.are_measured else _training_s(outcomes) or seconds)
        if on_group is not None:
            failed, left = list(status.values()).count(FAILED), groups.seconds_left or 0.0
            on_group(Progress(len(status), failed, len(planned), len(group), left))


def _trained(trials: Sequence[Trial], data: Prepared) -> list[Outcome]:
    """Train a group; return the result of each trial, or the error that ended it."""
    experiments = [trial.experiment for trial in trials]
    with warnings.catch_warnings():
        # The journal keeps how many notes each network has.
        warnings.simplefilter("ignore", TrainingWarning)
        if len(trials) == 1:
            try:
                return [run(experiments[0], data)]
            except SamplewiseError as error:
                return [error]
        try:
            return list(run_many(experiments, data))
        except SomeDivergedError as error:
            return [error.errors.get(i, one) for i, one in enumerate(error.results)]
        except SamplewiseError:
            # One of them cannot be trained or tested; the others shall not go with it.
            return [outcome for trial in trials for outcome in _trained([trial], data)]


def _training_s(outcomes: Sequence[Outcome]) -> float:
    results = [one for one in outcomes if isinstance(one, ExperimentResult)]
    return math.fsum(_train_ms(one.history) for one in results) / 1e3


def _train_ms(history: History) -> float:
    """Return the time of a network's steps; of networks at once, its share."""
    shared = history.shared
    return shared.all_networks_ms / shared.networks if shared else history.train_ms or 0.0


def _entry(planned: Planned, outcome: Outcome) -> Entry:
    """Return the line of the journal for a trial."""
    trial = planned.trial
    entry: Entry = {"key": trial.key, "values": trial.values, "seed": trial.seed}
    entry["parameters"] = planned.parameters
    if isinstance(outcome, SamplewiseError):
        kind = "diverged" if isinstance(outcome, DivergenceError) else "cannot be trained"
        return entry | {"status": FAILED, "reason": printable(f"{kind}: {outcome}")}
    return entry | {"status": DONE, "figures": _figures(outcome)}


def _figures(result: ExperimentResult) -> dict[str, Any]:
    history = result.history
    last = history.epochs[(history.best_epoch or len(history.epochs)) - 1]
    return {
        "test_accuracy": result.test_accuracy,
        "test_loss": _finite(result.test_loss),
        "test_r2": defined(result.test_r2),
        "validation_accuracy": last.validation_accuracy,
        "validation_loss": _finite(last.validation_loss),
        "training_loss": _finite(last.loss),
        "epochs_run": len(history.epochs),
        "stopped": history.stopped,
        "train_ms": _train_ms(history),
        "networks_at_once": history.shared.networks if history.shared else 1,
        "backend_used": history.backend,
        "plan_used": history.plan["name"],
        "notes": len(history.notes),
    }


def _finite(value: float | None) -> float | None:
    return value if value is not None and math.isfinite(value) else None
