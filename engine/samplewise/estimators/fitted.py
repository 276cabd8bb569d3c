"""The attributes that a training leaves in an estimator."""

from __future__ import annotations

import math
import warnings
from typing import Any

from sklearn.exceptions import ConvergenceWarning

from samplewise.estimators.running import Outcome, Task
from samplewise.estimators.settings import LOSS
from samplewise.text import counted
from samplewise.training.full_batch import FullBatchResult
from samplewise.training.history import FINISHED, EpochRecord


class EpochTable(list[dict[str, Any]]):
    """The figures of each epoch, a dict each.

    Attributes:
        stopped: why the last training ended, as `History.stopped`.
        notes: of the engine about data and learning, worth reading.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stopped, self.notes = "", list[str]()

    def to_frame(self) -> Any:
        """Return the table as a pandas data frame, a row for each epoch."""
        from pandas import DataFrame

        return DataFrame(list(self))


def begin(estimator: Any, *, anew: bool, by_epochs: bool) -> None:
    """Set the attributes that grow from training to training, as before the first one.

    Args:
        estimator: about to take the figures of a training.
        anew: whether it is the first one; else they are set where they are missing.
        by_epochs: whether it trains in epochs; lbfgs does not.
    """
    known = vars(estimator)
    if not anew and "history_" in known and ("loss_curve_" in known or not by_epochs):
        return
    estimator.n_iter_, estimator.t_, estimator.history_ = 0, 0, EpochTable()
    if not by_epochs:
        return
    early = estimator.early_stopping
    estimator.loss_curve_ = []
    estimator.best_loss_ = None if early else math.inf
    estimator.validation_scores_ = [] if early else None
    estimator.best_validation_score_ = -math.inf if early else None
    estimator.validation_loss_curve_ = None


def leave_full_batch(estimator: Any, task: Task, found: FullBatchResult) -> None:
    """Write the figures of lbfgs into an estimator."""
    penalty = found.penalty or 0.0
    estimator.n_iter_ = found.iterations
    estimator.loss_ = task.objective.shown_loss(found.final_loss - penalty) + penalty
    estimator.history_.stopped = found.message
    estimator.plan_ = {"backend": found.backend}


def leave_epochs(estimator: Any, task: Task, outcome: Outcome) -> None:
    """Write the figures of a training in epochs into an estimator."""
    history = outcome.history
    assert history is not None
    table = [_row(task, record, len(estimator.history_)) for record in history.epochs]
    losses = [row["loss"] for row in table]
    estimator.n_iter_ = len(losses)
    estimator.t_ += sum(record.samples for record in history.epochs)
    estimator.loss_curve_ += losses
    estimator.loss_ = losses[-1] if losses else math.nan
    estimator.history_ += table
    estimator.history_.stopped, estimator.history_.notes = history.stopped, list(history.notes)
    estimator.plan_ = {"backend": history.backend, "reason": history.backend_reason, **history.plan}
    estimator.best_epoch_ = history.best_epoch
    if estimator.best_loss_ is not None:
        estimator.best_loss_ = min([estimator.best_loss_, *losses])
    if task.held is not None:
        _leave_validation(estimator, table, diverged=outcome.diverged is not None)


def _row(task: Task, record: EpochRecord, before: int) -> dict[str, Any]:
    row = {
        "epoch": before + record.epoch,
        "loss": record.figures[LOSS],
        "learning_rate": record.learning_rate,
        "train_ms": record.train_ms,
    }
    if task.held is None:
        return row
    validation_loss = -task.negative_validation_loss(record)
    return row | {"validation_loss": validation_loss, "validation_score": task.score_of(record)}


def _leave_validation(estimator: Any, table: list[dict[str, Any]], *, diverged: bool) -> None:
    # As scikit-learn: the epoch that diverged has a score too.
    scores = [
        math.nan if row["validation_score"] is None else row["validation_score"] for row in table
    ]
    scores += [math.nan] * diverged
    estimator.validation_loss_curve_ = [
        *(estimator.validation_loss_curve_ or ()),
        *(row["validation_loss"] for row in table),
    ]
    if estimator.validation_scores_ is None:
        return
    estimator.validation_scores_ += scores
    known = [score for score in estimator.validation_scores_ if not math.isnan(score)]
    estimator.best_validation_score_ = max(known, default=-math.inf)


def leave_row_in_curve(estimator: Any, loss: float) -> None:
    """Count a row that was learnt by itself as an epoch too, as `partial_fit` does."""
    estimator.n_iter_ = 1
    estimator.loss_curve_.append(loss)
    estimator.best_loss_ = min(estimator.best_loss_, loss)


def warn_of_end(estimator: Any, outcome: Outcome) -> None:
    """Warn of a training that has not converged.

    Warns:
        ConvergenceWarning: it diverged after the best epoch, ran all of its epochs, or lbfgs found
            no minimum.
    """
    found = outcome.full_batch
    if outcome.diverged is not None:
        text = f"{outcome.diverged}. The weights of epoch {estimator.best_epoch_} are kept."
    elif found is not None and not found.converged:
        text = (
            f"lbfgs failed to converge after {counted(found.iterations, 'iteration')} and "
            f"{counted(found.calls, 'evaluation')}: {found.message}. Increase max_iter or max_fun, "
            "or scale the data."
        )
    elif outcome.history is not None and outcome.history.stopped == FINISHED:
        text = (
            f"Stochastic Optimizer: Maximum iterations ({estimator.max_iter}) reached and the "
            "optimization hasn't converged yet."
        )
    else:
        return
    warnings.warn(text, ConvergenceWarning, stacklevel=5)
