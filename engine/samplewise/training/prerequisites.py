"""What every kind of training needs before it begins: a loss, a backend, and arguments that fit."""

from __future__ import annotations

from typing import Any

import numpy as np

from samplewise import registry
from samplewise.checks import instance_of, must_be
from samplewise.errors import ParameterError
from samplewise.network import Loss, Network
from samplewise.network.layer_spec import layer_spec
from samplewise.registry import Choice
from samplewise.training.compile_notice import announce_slower
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings


def loss_for(network: Network, settings: TrainingSettings) -> Loss:
    """Return the loss that trains a network.

    Raises:
        ParameterError: network or settings are of another type, the loss does not fit, or nothing
            of the network is trained.
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
    if network.first_trained == len(network.layers):
        raise ParameterError(
            f"network: nothing to train, as it has no layer with weights that is not frozen, got "
            f"{layer_spec(network.layers)}; set trainable=True for at least one"
        )
    return loss


def backend_choice(
    network: Network, loss: Loss, settings: TrainingSettings, *, weighted: bool = False
) -> Choice:
    """Return the backend that trains a network with these settings.

    Args:
        network: to train.
        loss: as `loss_for` returns it.
        settings: of the training.
        weighted: whether the rows have weights.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """
    parts = network, loss, settings.optimizer, np.dtype(settings.dtype)
    fields = settings.step_fields(weighted=weighted)
    plan, device = settings.plan_spec.name, settings.device
    return registry.resolve(settings.backend, *parts, plan, fields, device)


def announced_backend_choice(
    network: Network, loss: Loss, settings: TrainingSettings, rows: TrainingRows
) -> Choice:
    """Return the backend that trains a network on rows, and announce it where a faster one cannot.

    Raises:
        UnknownBackendError, UnavailableBackendError: as `registry.resolve`.
    """
    choice = backend_choice(network, loss, settings, weighted=rows.weights is not None)
    announce_slower(choice)
    return choice


def check_no_dropout(where: str, network: Network) -> None:
    """Refuse a network whose steps differ from its predictions.

    Raises:
        ParameterError: a layer drops units; the message begins with `where`.
    """
    if network.differs_in_training:
        raise ParameterError(
            f"{where}: the network drops other units in every step; use train, or leave out its "
            "dropout layers"
        )


def check_stop(stop: Any) -> None:
    """Refuse anything but an event.

    Raises:
        ParameterError: it is not an event.
    """
    if stop is not None and not callable(getattr(stop, "is_set", None)):
        raise ParameterError(must_be("stop", "a threading.Event", stop))
