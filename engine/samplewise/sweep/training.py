"""Training a group of trials, and what the journal says of each."""

from __future__ import annotations

import math
import threading
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samplewise.checks import printable
from samplewise.errors import DivergenceError, SamplewiseError, SomeDivergedError, TrainingWarning
from samplewise.experiment.prepared import Prepared
from samplewise.experiment.run import ExperimentResult, run, run_many
from samplewise.experiment.scores import finite
from samplewise.sweep.candidates import DONE, FAILED, PAUSED
from samplewise.sweep.groups import PlannedTrial
from samplewise.sweep.journal import Entry
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.trials import Trial
from samplewise.training.callbacks import Callback
from samplewise.training.history import INTERRUPTED, EpochRecord, History
from samplewise.training.snapshot import Snapshot
from samplewise.training.snapshot_parts import part_of

MOST_CHARACTERS = 500
"""Of a reason in the journal, which must not lose the remedy at its end."""
Outcome = ExperimentResult | SamplewiseError


@dataclass(frozen=True)
class TrainedGroup:
    """A group that was trained.

    Args:
        results: of each trial, the part of its journal's line that training decides.
        snapshots: of each trial, to go on from after its rung; None where it is done.
        seconds: that the group took.
        training_s: those of its training alone, without loading kernels and libraries.
    """

    results: list[Entry]
    snapshots: list[Snapshot | None]
    seconds: float
    training_s: float


def train_group(trials: Sequence[Trial], rows: SweepRows) -> TrainedGroup:
    """Train trials that may train at once; only networks that go on are kept."""
    start_s = time.perf_counter()
    outcomes = outcomes_of(trials, rows.of(trials[0].experiment))
    trained = [one for one in outcomes if isinstance(one, ExperimentResult)]
    training_s = math.fsum(_train_ms(one.history) for one in trained) / 1e3
    seconds = time.perf_counter() - start_s
    results = [_result(one) for one in outcomes]
    return TrainedGroup(results, [_snapshot_of(one) for one in outcomes], seconds, training_s)


def entries_of(group: Sequence[PlannedTrial], results: Sequence[Entry]) -> list[Entry]:
    """Return the lines of the journal for a group."""
    return [
        {
            "key": one.trial.key,
            "values": one.trial.values,
            "seed": one.trial.seed,
            "parameters": one.parameters,
            **({} if one.trial.until is None else {"until": one.trial.until}),
            **result,
        }
        for one, result in zip(group, results, strict=True)
    ]


def failed(reason: str) -> Entry:
    """Return the result of a trial that failed."""
    return {"status": FAILED, "reason": printable(reason, MOST_CHARACTERS)}


def not_trained(reason: str, count: int) -> TrainedGroup:
    """Return a group of which every trial failed for one reason."""
    return TrainedGroup([failed(reason) for _ in range(count)], [None] * count, 0.0, 0.0)


def outcomes_of(trials: Sequence[Trial], data: Prepared) -> list[Outcome]:
    """Return the result of each trial, or the error that ended it."""
    experiments = [trial.experiment for trial in trials]
    pause = _Pause(trials[0])
    hooks = [pause] if pause.is_wanted else []
    initial = [trial.initial for trial in trials]
    with warnings.catch_warnings():
        # The journal keeps how many notes each network has.
        warnings.simplefilter("ignore", TrainingWarning)
        if len(trials) == 1:
            try:
                only, start = experiments[0], initial[0]
                return [run(only, data, initial=start, callbacks=hooks, stop=pause.stop)]
            except SamplewiseError as error:
                return [error]
        try:
            each = [hooks] * len(trials)
            return list(
                run_many(experiments, data, initial=initial, callbacks=each, stop=pause.stop)
            )
        except SomeDivergedError as error:
            return [error.errors.get(i, one) for i, one in enumerate(error.results)]
        except SamplewiseError:
            # One of them cannot be trained or tested; the others shall not go with it.
            return [outcome for trial in trials for outcome in outcomes_of([trial], data)]


def _result(outcome: Outcome) -> Entry:
    if isinstance(outcome, SamplewiseError):
        kind = "diverged" if isinstance(outcome, DivergenceError) else "cannot be trained"
        return failed(f"{kind}: {outcome}")
    status = PAUSED if outcome.history.stopped == INTERRUPTED else DONE
    return {"status": status, "figures": _figures(outcome)}


def _snapshot_of(outcome: Outcome) -> Snapshot | None:
    """Return the snapshot of a network by itself, to go on from; None where it is done."""
    if not isinstance(outcome, ExperimentResult) or outcome.trained.snapshot is None:
        return None
    shared = outcome.history.shared
    index = 0 if shared is None else shared.index
    return part_of(outcome.trained.snapshot, index, outcome.trained.state)


class _Pause(Callback):
    """Interrupts a training after the epochs of a trial's rung, for all networks at once."""

    def __init__(self, trial: Trial) -> None:
        until = trial.until
        self._until = None if until == trial.experiment.training.epochs else until
        self.stop = threading.Event()

    @property
    def is_wanted(self) -> bool:
        """True if the rung ends before the training."""
        return self._until is not None

    def on_train_begin(self, history: History) -> None:
        """Let the next network train where a backend trains one after the other."""
        self.stop.clear()

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Stop after the rung."""
        if self._until is not None and record.epoch >= self._until:
            self.stop.set()


def _train_ms(history: History) -> float:
    """Return the time of a network's steps; of networks at once, its share."""
    shared = history.shared
    return shared.all_networks_ms / shared.networks if shared else history.train_ms or 0.0


def _figures(result: ExperimentResult) -> dict[str, Any]:
    history = result.history
    last = history.epochs[(history.best_epoch or len(history.epochs)) - 1]
    return {
        "test_accuracy": result.test_accuracy,
        "test_loss": finite(result.test_loss),
        "test_rmse": finite(result.test_rmse),
        "test_mae": finite(result.test_mae),
        "test_r2": finite(result.test_r2),
        "validation_accuracy": last.validation_accuracy,
        "validation_loss": finite(last.validation_loss),
        "training_loss": finite(last.loss),
        "epochs_run": len(history.epochs),
        "stopped": history.stopped,
        "train_ms": _train_ms(history),
        "networks_at_once": history.shared.networks if history.shared else 1,
        "backend_used": history.backend,
        "plan_used": history.plan["name"],
        "notes": len(history.notes),
    }
