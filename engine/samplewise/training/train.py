"""Training one network."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from numpy.typing import ArrayLike, NDArray

from samplewise import registry
from samplewise.checks import instance_of, printable
from samplewise.errors import ParameterError
from samplewise.network import Loss, Network
from samplewise.training.callbacks import Callback, Hook, as_callbacks
from samplewise.training.epochs import run_epochs
from samplewise.training.history import History
from samplewise.training.notes import warn_of
from samplewise.training.rows.preparation import Validation, prepared
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.trainee import Trainee


@dataclass(frozen=True, eq=False)
class TrainingResult:
    """A trained network.

    Args:
        parameters: flat vector (P,), in the run's dtype.
        loss: the loss trained with.
        history: of the run.
        class_names: of the class indices that the network predicts, in order: those of text
            targets, or "0", "1" and so on; empty where no classes are learnt.
    """

    parameters: NDArray[Any]
    loss: Loss
    history: History
    class_names: tuple[str, ...] = ()


def train(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings,
    *,
    validation: Validation | None = None,
    sample_weight: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    callbacks: Hook | Sequence[Hook] = (),
    stop: threading.Event | None = None,
) -> TrainingResult:
    """Train a network from fresh weights.

    Args:
        network: ends in a layer with the identity activation: losses take logits.
        X: numbers, shape (n, inputs), finite, preprocessed; an array, lists or a data frame.
        targets: as `settings.loss` learns them: classes, shape (n,) or (n, 1), by name as text, or
            by index, or as bool; or one-hot rows (n, classes); or numbers, (n, outputs) or (n,),
            which `mean_squared_error` and its like take; or 0 and 1 for each of several labels,
            (n, outputs).
        settings: how to train.
        validation: X and labels of further rows, preprocessed as X is, to measure on after every
            epoch; instead of the setting validation_fraction.
        sample_weight: how often each row counts, (n,), at least 0. A row of weight 0 is as if it
            were not there. Weights multiply with those of classes and are scaled to the mean 1:
            with one batch of all rows, a row of weight 2 counts exactly as that row twice.
        class_names: of the class indices, one for each class of the network, by which
            `class_weight` and text targets go; None takes those of text targets in code-point
            order, False and True of bool, and "0", "1" and so on of indices.
        callbacks: called in this order; a function is called with the record of each epoch, as
            `Callback.on_epoch_end`.
        stop: once set, training ends at the next batch edge of bounded work and keeps what was
            trained; the history says so.

    Returns:
        The parameters after the last step, or what `keep_best` and `ema_decay` make of them, and
        the history, whose notes are also warnings of the category `SamplewiseWarning`.

    Raises:
        ParameterError, DataError: network, settings or arrays do not fit.
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
        DivergenceError: a loss, weight or logit was not finite.
        ContractError: the backend raised, or broke the contract.
    """
    result = trained(
        network,
        X,
        targets,
        settings,
        validation=validation,
        sample_weight=sample_weight,
        class_names=class_names,
        callbacks=callbacks,
        stop=stop,
    )
    warn_of(result.history.notes)
    return result


def trained(
    network: Network,
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings,
    *,
    validation: Validation | None = None,
    sample_weight: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    callbacks: Hook | Sequence[Hook] = (),
    stop: threading.Event | None = None,
) -> TrainingResult:
    """Train as `train` does, without warnings; the history has its notes all the same."""
    loss = loss_for(network, settings)
    rows = prepared(
        network,
        X,
        targets,
        loss,
        settings,
        validation=validation,
        sample_weight=sample_weight,
        class_names=class_names,
    )
    return train_on(rows, network, loss, settings, callbacks=as_callbacks(callbacks), stop=stop)


def train_on(
    rows: TrainingRows,
    network: Network,
    loss: Loss,
    settings: TrainingSettings,
    *,
    callbacks: Sequence[Callback],
    stop: threading.Event | None,
) -> TrainingResult:
    """Train as `train` does, on rows that are prepared already."""
    check_stop(stop)
    fields = settings.step_fields(weighted=rows.weights is not None)
    choice = registry.resolve(
        settings.backend, network, loss, settings.rule, rows.X.dtype, settings.plan, fields
    )
    trainee = Trainee(network, loss, settings, rows, choice, callbacks)
    run_epochs([trainee], rows, stop)
    return result_of(trainee)


def check_stop(stop: Any) -> None:
    """Refuse what cannot be asked whether it is set.

    Raises:
        ParameterError: it is no event.
    """
    if stop is not None and not callable(getattr(stop, "is_set", None)):
        raise ParameterError(f"stop is '{printable(stop)}', but must be a threading.Event")


def result_of(trainee: Trainee) -> TrainingResult:
    """Return what came of a network's training.

    Raises:
        DivergenceError: it diverged.
    """
    if trainee.error is not None:
        raise trainee.error
    return TrainingResult(
        trainee.state.parameters, trainee.loss, trainee.history, trainee.class_names
    )


def loss_for(network: Network, settings: TrainingSettings) -> Loss:
    """Return the loss of a network.

    Raises:
        ParameterError: network or settings are none, or the settings' loss does not fit.
    """
    instance_of("network", network, Network)
    instance_of("settings", settings, TrainingSettings)
    loss = settings.loss_for(network.outputs)
    loss.check_outputs(network.outputs)
    last = network.layers[-1].activation
    if last != "identity":
        raise ParameterError(
            f"the last layer has activation '{last}', but {loss.name} takes logits and applies "
            "its own; give the last layer 'identity'"
        )
    return loss
