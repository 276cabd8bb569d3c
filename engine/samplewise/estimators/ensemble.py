"""An ensemble: networks of other initial weights, trained as one product, that predict together."""

from __future__ import annotations

import math
from collections.abc import Sequence
from copy import copy
from dataclasses import replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import clone

from samplewise.errors import DataError, DivergenceError, ParameterError
from samplewise.estimators.interrupts import handled
from samplewise.estimators.running import NOT_FINITE, Guarded, Outcome, Task
from samplewise.estimators.settings import LBFGS, LOSS, SCORE
from samplewise.estimators.sklearn_callbacks import Epochs
from samplewise.network.losses import BinaryCrossEntropy, ClassLoss, Loss
from samplewise.training.callbacks import Callback
from samplewise.training.callbacks.base import is_own
from samplewise.training.many import train_many_without_warnings

# What an ensemble shows of the network that trained longest.
SHOWN = (
    *("n_iter_", "t_", "history_", "plan_", "n_layers_", "out_activation_", "best_epoch_"),
    *("validation_loss_curve_", "validation_scores_", "best_validation_score_"),
)
LEARNT = ("classes_", "_binarizer", "n_features_in_", "feature_names_in_", "n_outputs_")


def fit_ensemble(estimator: Any, task: Task) -> Outcome:
    """Train the networks of an ensemble, and leave them in `estimators_`.

    Returns:
        The outcome of the first one, whose history says why all ended.

    Raises:
        DataError: all diverged.
        CombinationError: early stopping on a backend that does not train them at once.
    """
    outcomes = run_many(task)
    single = replace(task, starts=task.starts[:1])
    estimator.estimators_ = [_member(estimator, single, outcome) for outcome in outcomes]
    longest = max(estimator.estimators_, key=lambda member: member.n_iter_)
    for name in SHOWN:
        setattr(estimator, name, getattr(longest, name))
    if task.held is not None and task.score is None:
        estimator.validation_loss_curve_ = [-row["validation_score"] for row in longest.history_]
    curves = [member.loss_curve_ for member in estimator.estimators_]
    epochs = range(longest.n_iter_)
    estimator.loss_curve_ = [
        float(np.mean([curve[epoch] for curve in curves if epoch < len(curve)])) for epoch in epochs
    ]
    estimator.loss_ = float(np.mean([member.loss_ for member in estimator.estimators_]))
    estimator.best_loss_ = (
        None if estimator.early_stopping else min(estimator.loss_curve_, default=math.inf)
    )
    return outcomes[estimator.estimators_.index(longest)]


def run_many(task: Task) -> list[Outcome]:
    """Train a network from each of the starts; return the outcomes of those that converged.

    Raises:
        DataError: none did.
    """
    score = {} if task.held is None else {SCORE: lambda *given: ensemble_score(task, *given)}
    stopping = task.settings.stopping
    if stopping.keeps_best:
        stopping = replace(stopping, monitor=f"figure_{SCORE}")
    seed = task.settings.seed
    settings = [
        replace(task.settings, seed=seed + index, order_seed=seed, stopping=stopping)
        for index in range(len(task.starts))
    ]
    with handled() as interrupts:
        results = train_many_without_warnings(
            [task.network] * len(settings),
            task.rows.X,
            task.rows.targets,
            settings,
            initial=_initial(task),
            figures={LOSS: task.objective.shown},
            ensemble=score,
            callbacks=[
                [Guarded(each, interrupts) for each in _of_network(index, task.callbacks)]
                for index in range(len(settings))
            ],
            stop=interrupts.stop,
            validation=task.validation,
            sample_weight=task.rows.weights,
        )
        whole = [one for one in results if not isinstance(one, DivergenceError)]
        if not whole:
            raise DataError(NOT_FINITE)
    stopped = interrupts.stop.is_set()
    return [
        Outcome(one.parameters, one.history.backend, None, one.history, interrupted=stopped)
        for one in whole
    ]


def _initial(task: Task) -> Any:
    """Return the snapshot to go on from, or what each network begins with."""
    snapshot = task.snapshot
    if snapshot is not None and len(snapshot.networks) == len(task.starts):
        return snapshot
    # Of networks that train one after the other, only the first offers snapshots.
    return list(task.starts) if snapshot is None else [snapshot, *task.starts[1:]]


def _of_network(index: int, callbacks: Sequence[Callback]) -> list[Callback]:
    """Return the callbacks of a network: a snapshot is of all, so only the first offers it."""
    snapshots = ("on_chunk_end", "on_epoch_over")
    own = [one for one in callbacks if index == 0 or not any(is_own(one, at) for at in snapshots)]
    return [copy(one) if isinstance(one, Epochs) else one for one in own]


def ensemble_score(task: Task, targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the score of the mean prediction; where the task has none, its negative loss.

    Args:
        task: with validation rows.
        targets: of these.
        predictions: of each network, (networks, n, ...).
    """
    mean = predictions.mean(axis=0)
    if task.score is not None:
        return task.score(targets, mean)
    return -task.objective.shown_loss(loss_of_predictions(task.objective.loss, targets, mean))


def loss_of_predictions(loss: Loss, targets: NDArray[Any], predictions: NDArray[Any]) -> float:
    """Return the mean loss of predictions.

    Args:
        loss: of the networks.
        targets: class indices (n,), or numbers or labels (n, outputs), or (n,) of one output.
        predictions: probabilities (n, classes), or numbers or probabilities like the targets.
    """
    logits = logits_of_predictions(loss, predictions)
    if isinstance(loss, ClassLoss):
        return loss.mean(logits, loss.targets(targets, logits.shape[1], logits.dtype))
    return loss.mean(logits, targets.reshape(logits.shape).astype(logits.dtype))


def logits_of_predictions(loss: Loss, predictions: NDArray[Any]) -> NDArray[Any]:
    """Return the logits of which a loss makes these predictions, (n, outputs).

    Args:
        loss: of the networks.
        predictions: probabilities (n, classes), or numbers (n, outputs) or (n,).

    Raises:
        ParameterError: the loss does not say which.
    """
    predictions = predictions.reshape(len(predictions), -1)
    if loss.gives_probabilities:
        # A probability of 0 or 1 has no logit.
        tiny = np.finfo(predictions.dtype).eps
        predictions = predictions.clip(tiny, 1 - tiny)
    if isinstance(loss, BinaryCrossEntropy):
        predictions = predictions[:, 1:]
    logits = loss.logits_of(predictions)
    if logits is None:
        raise ParameterError(
            f"n_ens: {loss.name} gives no loss of mean predictions; choose a monitor"
        )
    return logits


def _member(estimator: Any, task: Task, outcome: Outcome) -> Any:
    """Return an estimator of one of the networks."""
    member = clone(estimator).set_params(n_ens=1)
    known = vars(estimator)
    vars(member).update({name: known[name] for name in LEARNT if name in known})
    # The score of the ensemble is a figure of each record.
    member._keep(replace(task, score=None), outcome, anew=True)
    return member


def check_going_on(estimator: Any, *, one_epoch: bool) -> None:
    """Refuse an ensemble that would go on from weights, or train by lbfgs.

    Raises:
        ParameterError: naming what an ensemble cannot do.
    """
    wanted = {
        "partial_fit": one_epoch,
        "warm_start": estimator.warm_start,
        "solver 'lbfgs'": estimator.solver == LBFGS,
    }
    for name, is_wanted in wanted.items():
        if is_wanted and estimator.n_ens > 1:
            raise ParameterError(
                f"n_ens: must be 1 for {name}, got {estimator.n_ens}; train several estimators"
            )
