"""Training one network."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Unpack

from numpy.typing import ArrayLike

from samplewise.network import Network
from samplewise.training.beginning import Initial, columns_of
from samplewise.training.callbacks import Hook, as_callbacks
from samplewise.training.callbacks.early_stopping import StoppingState
from samplewise.training.epochs import run_training
from samplewise.training.notes import warn_of
from samplewise.training.prerequisites import announced_backend_choice, check_stop, loss_for
from samplewise.training.result import TrainingResult
from samplewise.training.rows.preparation import RowOptions, check_row_options, prepared
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.snapshot import Snapshot
from samplewise.training.training_run import TrainingRun
from samplewise.training.user_functions import Figure, Metric, UserFunctions


def train(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings,
    *,
    initial: Initial | None = None,
    metrics: Mapping[str, Metric] | None = None,
    figures: Mapping[str, Figure] | None = None,
    callbacks: Hook | Sequence[Hook] = (),
    stop: threading.Event | None = None,
    **rows: Unpack[RowOptions],
) -> TrainingResult:
    """Train a network from fresh weights or those of a model, or continue from a snapshot.

    Args:
        network: its last layer has the identity activation, as losses take logits.
        X: numbers, shape (n, inputs), finite, preprocessed; an array, lists or a data frame,
            whose columns the model and the validation rows find by name.
        targets: those of `settings.loss`: classes, shape (n,) or (n, 1), by name as text, or
            by index, or as bool; or one-hot rows (n, classes); or numbers, (n, outputs) or (n,),
            for `mean_squared_error` and other regression losses; or 0 and 1 for each label,
            (n, outputs).
        settings: how to train.
        initial: a model of the same network: training starts from its weights, by which it predicts
            in the units of the data, with a fresh optimizer, and finds the columns of X by the
            model's names. Or the `state` of a result: training goes on from its weights with its
            optimizer, on any rows, as epoch 1 of these settings. Or a snapshot, as a result or a
            callback gives it: training goes on, with the same rows, settings, metrics and figures,
            to the same bits as if it had not been interrupted.
        metrics: functions of (targets, predictions) by name, called on the validation rows after
            every epoch, such as {"auc": f}; larger is better, or less where the name ends in
            "loss". `monitor="validation_auc"` uses one. Targets are class indices (n,), or numbers
            (n,) or (n, outputs), or bools of labels; predictions are probabilities (n, classes), or
            numbers or probabilities of their shape.
        figures: functions of an epoch's record by name, such as {"half_loss": f}, called after
            every epoch; the record keeps them. `monitor="figure_half_loss"` uses one: less is
            better where the name ends in "loss", else more.
        callbacks: called in this order; a function is called with the record of each epoch, as
            `Callback.on_epoch_end`.
        stop: once set, training ends after the running chunk of steps, and returns the weights so
            far; the history says "interrupted", and the result has a snapshot.
        rows: `validation=(X, targets)`, `sample_weight` and `class_names`, as `RowOptions`.

    Returns:
        The parameters after the last step (or the best or average ones, by `keep_best` and
        `ema_decay`) and the history. Its notes are also warnings, `SamplewiseWarning`.

    Raises:
        ParameterError, DataError: network, settings or arrays do not fit.
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
        SnapshotError: the snapshot is damaged, or of another training; nothing is trained.
        DivergenceError: a loss, weight or logit was not finite.
        ContractError: the backend raised, or broke the contract.
    """
    check_row_options(train, rows)
    result = train_without_warnings(
        network,
        X,
        targets,
        settings,
        initial=initial,
        metrics=metrics,
        figures=figures,
        callbacks=callbacks,
        stop=stop,
        **rows,
    )
    warn_of(result.history.notes)
    return result


def train_without_warnings(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings,
    *,
    initial: Initial | None = None,
    metrics: Mapping[str, Metric] | None = None,
    figures: Mapping[str, Figure] | None = None,
    callbacks: Hook | Sequence[Hook] = (),
    stop: threading.Event | None = None,
    counters: StoppingState | None = None,
    **rows: Unpack[RowOptions],
) -> TrainingResult:
    """Train as `train` does, without warnings; the history has its notes all the same.

    `counters` are those of early stopping and of a plateau to go on from; None begins them.
    """
    loss = loss_for(network, settings)
    shared = prepared(network, X, targets, loss, settings, columns_of(initial), **rows)
    check_stop(stop)
    run = TrainingRun(
        network,
        loss,
        settings,
        shared,
        announced_backend_choice(network, loss, settings, shared),
        as_callbacks(callbacks),
        functions=UserFunctions.checked(metrics, figures, validated=shared.validation is not None),
        initial=initial,
        counters=counters,
    )
    snapshot = initial if isinstance(initial, Snapshot) else None
    return result_of(run, run_training([run], shared, stop, snapshot))


def result_of(run: TrainingRun, snapshot: Snapshot | None) -> TrainingResult:
    """Return the result of a network's training.

    Args:
        run: ended.
        snapshot: of the training where it was interrupted, else None.

    Raises:
        DivergenceError: it diverged.
    """
    if run.error is not None:
        raise run.error
    return TrainingResult(
        network=run.network,
        loss=run.loss,
        parameters=run.parameters,
        state=run.state,
        history=run.history,
        class_names=run.rows.class_names,
        columns=run.rows.columns,
        snapshot=snapshot,
    )
