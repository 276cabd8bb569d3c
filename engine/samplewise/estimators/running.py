"""One training of an estimator: the engine's, with Ctrl-C and divergence in scikit-learn's way."""

from __future__ import annotations

import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from math import nan
from typing import Any

from numpy.typing import NDArray

from samplewise.contract import TrainingState
from samplewise.errors import DataError, DivergenceError
from samplewise.estimators.held_out import Rows, Score
from samplewise.estimators.interrupts import Interrupts, handled
from samplewise.estimators.objective import Objective
from samplewise.estimators.parameters import TrainingParameters
from samplewise.estimators.settings import LOSS, NOT_YET, SCORE, Waiting
from samplewise.network import Network
from samplewise.training.callbacks import Callback
from samplewise.training.callbacks.early_stopping import PATIENCE
from samplewise.training.full_batch import FullBatchResult, minimize
from samplewise.training.history import EpochRecord, History
from samplewise.training.schedules import Plateau
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.snapshot import Snapshot
from samplewise.training.train import train_without_warnings

NOT_FINITE = (
    "Solver produced non-finite parameter weights. The input data may contain large values and "
    "need to be preprocessed."
)


@dataclass(frozen=True, eq=False)
class Task:
    """All that a training needs.

    Args:
        network: to train.
        objective: its loss.
        settings: of the training.
        rows: to train on.
        starts: weights and optimizer to begin with, of each network of an ensemble.
        snapshot: to go on from instead, or None.
        held: validation rows, or None.
        score: of predictions on them, or None for the negative validation loss.
        callbacks: of the user.
        verbose: whether to print each epoch.
        waiting: for a better figure, before the first epoch.
    """

    network: Network
    objective: Objective
    settings: TrainingSettings
    rows: Rows
    starts: tuple[TrainingState, ...]
    snapshot: Snapshot | None = None
    held: Rows | None = None
    score: Score | None = None
    callbacks: tuple[Callback, ...] = ()
    verbose: bool = False
    waiting: Waiting = NOT_YET

    @property
    def validation(self) -> tuple[NDArray[Any], NDArray[Any]] | None:
        """The validation rows and their targets, as `train` takes them."""
        return None if self.held is None else (self.held.X, self.held.targets)

    @property
    def metrics(self) -> Mapping[str, Score]:
        """The score, where it is one of targets and predictions."""
        return {} if self.held is None or self.score is None else {SCORE: self.score}

    @property
    def figures(self) -> Mapping[str, Callable[[EpochRecord], float]]:
        """The loss that is shown, and the score where it is the validation loss."""
        found: dict[str, Callable[[EpochRecord], float]] = {LOSS: self.objective.shown}
        if self.held is not None and self.score is None:
            found[SCORE] = self.negative_validation_loss
        return found

    def negative_validation_loss(self, record: EpochRecord) -> float:
        """Return the validation loss times -1, in the units that are shown: more is better."""
        assert record.validation_loss is not None
        return -self.objective.shown_loss(record.validation_loss)

    def score_of(self, record: EpochRecord) -> float | None:
        """Return the score of an epoch; None where there is none, or it is not finite."""
        named = record.figures if self.score is None else record.metrics
        return named.get(SCORE)

    @property
    def waits_for_score(self) -> bool:
        """True if patience goes by the score, and not by the training loss."""
        return self.settings.stopping.monitor.endswith(SCORE)

    def waiting_after(self, history: History, parameters: TrainingParameters) -> Waiting:
        """Return the wait for a better figure after this training; its whole epochs count."""
        whole = [record for record in history.epochs if record.samples == history.rows]
        if not self.waits_for_score:
            return self.waiting.after([record.figures[LOSS] for record in whole], parameters)
        scores = [self.score_of(record) for record in whole]
        figures = [None if score is None else -score for score in scores]
        return self.waiting.after(figures, parameters)


@dataclass(frozen=True, eq=False)
class Outcome:
    """The end of a training.

    Args:
        parameters: that the estimator predicts with, flat (P,).
        backend: name of the one that trained.
        state: to go on from; None after a divergence, and of lbfgs.
        history: of the training; None of lbfgs.
        full_batch: the result of lbfgs, else None.
        interrupted: whether Ctrl-C ended it.
        diverged: the error that ended it, after an epoch whose weights were kept; else None.
    """

    parameters: NDArray[Any]
    backend: str
    state: TrainingState | None = None
    history: History | None = None
    full_batch: FullBatchResult | None = None
    interrupted: bool = False
    diverged: DivergenceError | None = None


def run(task: Task) -> Outcome:
    """Train, and return the weights that the settings keep.

    Raises:
        DataError: the weights are not finite, and those of no epoch were to be kept.
        SamplewiseError: as `samplewise.train`.
    """
    with handled() as interrupts:
        follower = _Printer(task) if task.verbose else _Follower()
        callbacks = [follower, *(Guarded(each, interrupts) for each in task.callbacks)]
        try:
            result = train_without_warnings(
                task.network,
                task.rows.X,
                task.rows.targets,
                task.settings,
                initial=task.snapshot or task.starts[0],
                metrics={
                    name: interrupts.guarded(each, nan) for name, each in task.metrics.items()
                },
                figures=task.figures,
                callbacks=callbacks,
                stop=interrupts.stop,
                counters=task.waiting.counters(of_score=task.waits_for_score),
                validation=task.validation,
                sample_weight=task.rows.weights,
            )
        except DivergenceError as error:
            outcome = _kept(task, follower.history, error)
        else:
            history = result.history
            outcome = Outcome(result.parameters, history.backend, result.state, history)
    return replace(outcome, interrupted=interrupts.stop.is_set())


def run_full_batch(task: Task, max_iterations: int, max_calls: int, tolerance: float) -> Outcome:
    """Train on all rows at once by L-BFGS-B.

    Args:
        task: without validation rows.
        max_iterations: as `minimize`.
        max_calls: as `minimize`.
        tolerance: as `minimize`.

    Raises:
        DataError: the loss is not finite.
        SamplewiseError: as `samplewise.training.full_batch.minimize`.
    """
    with handled() as interrupts:
        try:
            result = minimize(
                task.network,
                task.rows.X,
                task.rows.targets,
                task.settings,
                initial=task.starts[0],
                max_iterations=max_iterations,
                max_calls=max_calls,
                tolerance=tolerance,
                stop=interrupts.stop,
                sample_weight=task.rows.weights,
            )
        except DivergenceError as error:
            raise DataError(NOT_FINITE) from error
    stopped = interrupts.stop.is_set()
    return Outcome(result.parameters, result.backend, full_batch=result, interrupted=stopped)


def _kept(task: Task, history: History, error: DivergenceError) -> Outcome:
    """Return the weights of the best epoch before a divergence."""
    if history.best_epoch is None or error.parameters is None:
        raise DataError(NOT_FINITE) from error
    return Outcome(error.parameters, history.backend, history=history, diverged=error)


class _Follower(Callback):
    """Keeps the history, whatever ends the training."""

    history: History

    def on_train_begin(self, history: History) -> None:
        """Keep the history."""
        self.history = history


class _Printer(_Follower):
    """Prints each epoch too, why the rate falls, and why the training ends early."""

    takes_model = False

    def __init__(self, task: Task) -> None:
        self._task = task
        self._rate = 0.0

    def on_epoch_end(self, record: EpochRecord, *args: Any, **kwargs: Any) -> None:
        """Print the epoch as scikit-learn does."""
        schedule = self._task.settings.schedule
        rate = record.learning_rate or 0.0
        if isinstance(schedule, Plateau) and rate < self._rate:
            self._print_wait(schedule.plateau_epochs, f"Setting learning rate to {rate:f}")
        self._rate = rate
        sys.stdout.write(f"Iteration {record.epoch}, loss = {record.figures[LOSS]:.8f}\n")
        score = self._task.score_of(record)
        if score is not None:
            sys.stdout.write(f"Validation score: {score:f}\n")

    def on_train_end(self, history: History) -> None:
        """Print why it ends before the last epoch."""
        settings = self._task.settings
        if history.stopped == Plateau.name and isinstance(settings.schedule, Plateau):
            epochs = settings.schedule.plateau_epochs
            self._print_wait(epochs, "Learning rate too small. Stopping.")
        elif history.stopped == PATIENCE and settings.stopping.patience is not None:
            self._print_wait(settings.stopping.patience, "Stopping.")

    def _print_wait(self, epochs: int, consequence: str) -> None:
        """Print that nothing got better, in scikit-learn's words, which count an epoch less."""
        figure = "Validation score" if self._task.waits_for_score else "Training loss"
        tolerance = self._task.settings.stopping.min_delta
        sys.stdout.write(
            f"{figure} did not improve more than tol={tolerance:f} for {epochs - 1} consecutive "
            f"epochs. {consequence}\n"
        )


class Guarded(Callback):
    """A callback of the user that stops the training where it raises KeyboardInterrupt."""

    def __init__(self, callback: Callback, interrupts: Interrupts) -> None:
        self.takes_model = callback.takes_model
        for name in vars(Callback):
            if name.startswith("on_"):
                setattr(self, name, interrupts.guarded(getattr(callback, name)))
        # Nothing is left to stop.
        self.on_train_end = callback.on_train_end  # type: ignore[method-assign]
