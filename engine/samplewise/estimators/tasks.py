"""From the arguments of `fit` to all that a training needs."""

from __future__ import annotations

import warnings
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import instance_of
from samplewise.contract import TrainingState
from samplewise.errors import DataError, ParameterError
from samplewise.estimators.held_out import Rows, Score, scored, split
from samplewise.estimators.inputs import checked_pair, checked_rows
from samplewise.estimators.objective import Objective, poisson_constant
from samplewise.estimators.random_states import drawing_from
from samplewise.estimators.row_weights import sample_weights
from samplewise.estimators.running import Task
from samplewise.estimators.settings import (
    LBFGS,
    LOSS,
    NOT_YET,
    Occasion,
    Waiting,
    batch_size_of,
    settings_for,
)
from samplewise.network import Network, Optimizer, aligned_zeros
from samplewise.network.losses import Poisson
from samplewise.training.callbacks import as_callbacks
from samplewise.training.notes import notes_on_channels, warn_of
from samplewise.training.snapshot import Snapshot

LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Given:
    """The arguments of `fit` or `partial_fit`.

    Args:
        X, y, sample_weight: rows to learn from.
        X_val, y_val, sample_weight_val: validation rows, or None.
        initial: a snapshot to go on from, or None.
        one_epoch: whether this is `partial_fit`.
    """

    X: Any
    y: Any
    sample_weight: Any
    X_val: Any = None
    y_val: Any = None
    sample_weight_val: Any = None
    initial: Snapshot | None = None
    one_epoch: bool = False


def task_of(estimator: Any, given: Given, *, anew: bool, rows: Rows | None = None) -> Task:
    """Return the training of an estimator, whose attributes of rows and targets are set.

    Args:
        estimator: to train.
        given: arguments of `fit`.
        anew: whether it begins with new weights.
        rows: as `rows_of` returns them for this estimator; None to ask it.

    Raises:
        ValueError: an argument or parameter cannot be used.
    """
    _check_epochs(estimator, given.initial)
    rows = rows or rows_of(estimator, given, anew=anew)
    network = estimator._network(rows.X.shape[1], estimator.n_outputs_)
    warn_of(notes_on_channels(network))
    with drawing_from(estimator.random_state) as random_state:
        drawn = (
            _first_weights(estimator, network, rows, random_state)
            if anew
            else [estimator._weights(network)]
        )
        rows, held, score = _held_out(estimator, rows, given, random_state)
        seed = int(random_state.randint(LARGEST_SEED))
    begun = estimator._begun if given.one_epoch and not anew else None
    # Another order in each call of `partial_fit`, too.
    seed += 0 if begun is None else begun.state.step
    dtype = str(drawn[0].dtype)
    occasion = _occasion(estimator, rows, dtype, seed, anew=anew, one_epoch=given.one_epoch)
    _warn_of_batches(estimator, len(rows.X))
    objective = with_constant(estimator, rows)
    settings = settings_for(estimator, objective, occasion)
    return Task(
        network=network,
        objective=objective,
        settings=settings,
        rows=rows,
        starts=tuple(start_of(network, one, settings.optimizer, begun) for one in drawn),
        snapshot=given.initial,
        held=held,
        score=score,
        callbacks=() if estimator.callbacks is None else tuple(as_callbacks(estimator.callbacks)),
        verbose=bool(estimator.verbose),
        waiting=occasion.waiting,
    )


def _occasion(
    estimator: Any, rows: Rows, dtype: str, seed: int, *, anew: bool, one_epoch: bool
) -> Occasion:
    begun = None if anew else estimator._begun
    waiting = NOT_YET if begun is None else begun.waiting_of(estimator)
    return Occasion(
        rows=len(rows.X),
        dtype=dtype,
        seed=seed,
        mean_weight=None if rows.weights is None else float(rows.weights.mean()),
        rows_seen=0 if anew else estimator.t_,
        one_epoch=one_epoch,
        # A fit has a new optimizer, with the first rate.
        waiting=waiting if one_epoch else waiting._replace(falls=0),
    )


def _check_epochs(estimator: Any, initial: Any) -> None:
    """Refuse a snapshot, and warn of callbacks, where the solver has no epochs."""
    if estimator.solver == LBFGS and estimator.callbacks is not None:
        warnings.warn(
            "callbacks: solver 'lbfgs' has no epochs after which to call them, and leaves them "
            "out; choose 'adam' or 'sgd'",
            stacklevel=2,
        )
    if initial is None:
        return
    instance_of("initial", initial, Snapshot, made_by="Checkpoint(folder).snapshot()")
    if estimator.solver == LBFGS:
        raise ParameterError(
            "initial: solver 'lbfgs' has no epochs to go on from; choose 'adam' or 'sgd'"
        )


def _warn_of_batches(estimator: Any, rows: int) -> None:
    """Warn where there are fewer rows than a batch should have."""
    size = estimator.batch_size
    if size != "auto" and size > rows and estimator.solver != LBFGS:
        warnings.warn(
            "Got `batch_size` less than 1 or larger than sample size. It is going to be clipped",
            stacklevel=2,
        )


def _first_weights(
    estimator: Any, network: Network, rows: Rows, random_state: np.random.RandomState
) -> list[NDArray[Any]]:
    """Draw the initial weights of each network of an ensemble, or of the one."""
    dtype = estimator.dtype or ("float32" if rows.X.dtype == "float32" else "float64")
    return [estimator._drawn(network, random_state, dtype) for _ in range(estimator.n_ens)]


def with_constant(estimator: Any, rows: Rows) -> Objective:
    """Return the objective of an estimator, with the constant of a Poisson loss on rows."""
    objective: Objective = estimator._objective()
    if not isinstance(objective.loss, Poisson):
        return objective
    size = batch_size_of(estimator, len(rows.X))
    return replace(objective, constant=poisson_constant(rows.targets, rows.weights, size))


class Begun(NamedTuple):
    """A training that may go on.

    Args:
        state: after its last step.
        optimizer: that took the step.
        waiting: for a better figure.
        epochs: of `loss_curve_` in this wait; rows that were learnt by themselves come after them.
        goes_by: as `goes_by`, of the estimator in these epochs.
    """

    state: TrainingState
    optimizer: Optimizer
    waiting: Waiting
    epochs: int
    goes_by: Any

    def waiting_of(self, estimator: Any) -> Waiting:
        """Return the wait with which an estimator goes on; a new one for another figure."""
        if self.goes_by != goes_by(estimator):
            return self.waiting._replace(waited=0, best=NOT_YET.best)
        return self.waiting.after(vars(estimator).get("loss_curve_", ())[self.epochs :], estimator)


def goes_by(estimator: Any) -> Any:
    """Return the name of the figure that an estimator waits for, to be compared alone."""
    return (LOSS, estimator.monitor) if estimator.early_stopping else None


def start_of(
    network: Network, parameters: NDArray[Any], optimizer: Optimizer, begun: Begun | None
) -> TrainingState:
    """Return the weights to begin with, and the optimizer's state to go on from, where it has one.

    Args:
        network: to train.
        parameters: flat vector (P,).
        optimizer: of the training.
        begun: whose optimizer goes on, where its update and its tensors are the same; None for a
            new one.
    """
    if (
        begun is not None
        and (begun.optimizer.variant, begun.optimizer.slots) == (optimizer.variant, optimizer.slots)
        and begun.state.network is not None
        and begun.state.network.layout == network.layout
    ):
        # Activations and dropout may have been set anew since.
        return replace(begun.state, parameters=parameters, network=None)
    slots = optimizer.slots * len(parameters)
    return TrainingState(parameters, aligned_zeros(slots, parameters.dtype))


def rows_of(estimator: Any, given: Given, *, anew: bool) -> Rows:
    """Return the rows to learn from, with their weights; set the attributes that come of them."""
    numeric = not hasattr(estimator, "predict_proba")
    X, y = checked_pair(estimator, estimator._flat(given.X), given.y, reset=anew, numeric=numeric)
    weights = sample_weights(given.sample_weight, X)
    targets = estimator._encoded(y, one_epoch=given.one_epoch)
    if given.one_epoch and estimator.early_stopping:
        raise ValueError("partial_fit does not support early_stopping=True")
    return estimator._weighted(Rows(X, targets, weights))


def _held_out(
    estimator: Any, rows: Rows, given: Given, random_state: np.random.RandomState
) -> tuple[Rows, Rows | None, Score | None]:
    """Return the rows to train on, the validation rows, and the score of these."""
    _check_validation(given)
    if given.X_val is not None and estimator.solver == LBFGS:
        warnings.warn(
            "X_val: solver 'lbfgs' has no epochs after which to measure it, and leaves it out; "
            "choose 'adam' or 'sgd'",
            stacklevel=2,
        )
    elif given.X_val is not None:
        X = checked_rows(estimator, estimator._flat(given.X_val))
        weights = sample_weights(given.sample_weight_val, X)
        held = Rows(X, estimator._encoded_validation(given.y_val), weights)
        return rows, held, _score(estimator, held, given.y_val)
    if not estimator.early_stopping or given.one_epoch or estimator.solver == LBFGS:
        return rows, None, None
    two = estimator.n_outputs_ == 1 and hasattr(estimator, "classes_")
    fraction = estimator.validation_fraction
    kept, held = split(rows, fraction, random_state, two_classes=two)
    if held.weights is not None and not held.weights.any():
        raise DataError(
            "sample_weight: all rows that early stopping holds out have the weight 0; give X_val, "
            "or leave out rows without weight"
        )
    return kept, held, _score(estimator, held, estimator._decoded(held.targets))


def _check_validation(given: Given) -> None:
    """Refuse validation rows that are given in part."""
    needed = {"X_val": given.X_val, "y_val": given.y_val}
    missing = [name for name, value in needed.items() if value is None]
    some = (given.X_val, given.y_val, given.sample_weight_val)
    if missing and any(value is not None for value in some):
        raise ParameterError(f"{missing[0]}: must be given where other validation data are")


def _score(estimator: Any, held: Rows, y: Any) -> Score | None:
    if estimator.monitor == LOSS or (estimator.monitor is None and estimator.n_ens > 1):
        return None
    if estimator.monitor is None:
        return estimator._default_score(held)
    return scored(estimator.monitor, held.X, y, held.weights, estimator._answers)
