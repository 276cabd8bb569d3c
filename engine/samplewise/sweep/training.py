"""Training a group of trials, and what the journal says of each."""

from __future__ import annotations

import math
import time
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from samplewise.checks import printable
from samplewise.errors import (
    DivergenceError,
    SamplewiseError,
    SomeDivergedError,
    TrainingWarning,
)
from samplewise.experiment.run import ExperimentResult, Prepared, run, run_many
from samplewise.experiment.scores import defined
from samplewise.sweep.candidates import DONE, FAILED
from samplewise.sweep.definition import Trial
from samplewise.sweep.groups import Planned
from samplewise.sweep.journal import Entry
from samplewise.sweep.rows import SweepRows
from samplewise.training.history import History

Outcome = ExperimentResult | SamplewiseError


@dataclass(frozen=True)
class Trained:
    """A group that was trained.

    Args:
        results: of each trial, the part of its journal's line that training decides.
        seconds: that the group took.
        training_s: those of its training alone, without loading kernels and libraries.
    """

    results: list[Entry]
    seconds: float
    training_s: float


def train_group(trials: Sequence[Trial], rows: SweepRows) -> Trained:
    """Train trials that may train at once; no network is kept.

    Args:
        trials: at least one.
        rows: of the sweep.
    """
    start_s = time.perf_counter()
    outcomes = outcomes_of(trials, rows.of(trials[0].experiment))
    trained = [one for one in outcomes if isinstance(one, ExperimentResult)]
    training_s = math.fsum(_train_ms(one.history) for one in trained) / 1e3
    seconds = time.perf_counter() - start_s
    return Trained([_result(one) for one in outcomes], seconds, training_s)


def entries_of(group: Sequence[Planned], results: Sequence[Entry]) -> list[Entry]:
    """Return the lines of the journal for a group."""
    return [
        {
            "key": one.trial.key,
            "values": one.trial.values,
            "seed": one.trial.seed,
            "parameters": one.parameters,
            **result,
        }
        for one, result in zip(group, results, strict=True)
    ]


def failed(reason: str) -> Entry:
    """Return the result of a trial that failed."""
    return {"status": FAILED, "reason": printable(reason)}


def outcomes_of(trials: Sequence[Trial], data: Prepared) -> list[Outcome]:
    """Return the result of each trial, or the error that ended it."""
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
            return [outcome for trial in trials for outcome in outcomes_of([trial], data)]


def _result(outcome: Outcome) -> Entry:
    if isinstance(outcome, SamplewiseError):
        kind = "diverged" if isinstance(outcome, DivergenceError) else "cannot be trained"
        return failed(f"{kind}: {outcome}")
    return {"status": DONE, "figures": _figures(outcome)}


def _train_ms(history: History) -> float:
    """Return the time of a network's steps; of networks at once, its share."""
    shared = history.shared
    return shared.all_networks_ms / shared.networks if shared else history.train_ms or 0.0


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
