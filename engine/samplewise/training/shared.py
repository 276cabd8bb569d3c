"""The parts of a training that networks have in common when they train at once."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

from samplewise.checks import printable
from samplewise.errors import ParameterError
from samplewise.network import Loss, Network
from samplewise.training.prerequisites import loss_for
from samplewise.training.settings.training_settings import TrainingSettings

SHARED_SETTINGS = (
    "batch_size",
    "dtype",
    "shuffle",
    "augment",
    "backend",
    "device",
    "threads",
    "plan",
    "memory_mb",
    "validation_fraction",
    "class_weight",
    "normalize_weights",
    "gradient_scale",
    "max_steps",
)


def shared_key(network: Network, loss: Loss, settings: TrainingSettings) -> Hashable:
    """Return the key that networks have in common if they may train at once on the same rows.

    Returns:
        A key that is equal for networks which `train_many` takes together; None for a network that
        it takes only by itself.
    """
    if settings.max_seconds is not None:
        return None
    drawn = settings.shuffle or settings.augment is not None
    return (
        network.inputs,
        network.outputs,
        loss,
        *(getattr(settings, name) for name in SHARED_SETTINGS),
        settings.seed_of_order if drawn else None,
        settings.seed if settings.validation_fraction is not None else None,
    )


def shared_loss(networks: Sequence[Network], settings: Sequence[TrainingSettings]) -> Loss:
    """Return the loss of all networks.

    Raises:
        ParameterError: there is not one settings for each network, or their losses differ.
    """
    if not networks or len(networks) != len(settings):
        raise ParameterError(
            "networks and settings: must be lists of the same length, at least 1, got "
            f"{len(networks)} and {len(settings)} long"
        )
    losses = [loss_for(*pair) for pair in zip(networks, settings, strict=True)]
    _check_equal("settings", "loss", [loss.description for loss in losses])
    return losses[0]


def check_shared(networks: Sequence[Network], settings: Sequence[TrainingSettings]) -> None:
    """Refuse networks that cannot train at once; the message names the setting that differs.

    Raises:
        ParameterError: as `train_many`.
    """
    _check_equal("networks", "inputs", [network.inputs for network in networks])
    _check_equal("networks", "outputs", [network.outputs for network in networks])
    for name in SHARED_SETTINGS:
        _check_equal("settings", name, [getattr(own, name) for own in settings])
    for index, own in enumerate(settings):
        if own.max_seconds is not None:
            raise ParameterError(
                f"settings[{index}] has max_seconds {own.max_seconds:g}, but networks that train "
                "at once share one clock; use max_steps, or train them one by one"
            )
    if settings[0].validation_fraction is not None:
        seeds = [own.seed for own in settings]
        _check_equal("settings", "seed", seeds, "; the validation rows are drawn from it")
    if settings[0].shuffle or settings[0].augment is not None:
        _check_equal(
            "settings",
            "order_seed",
            [own.seed_of_order for own in settings],
            "; shuffle and augment draw from it, or from seed where it is None",
        )


def _check_equal(of: str, name: str, values: Sequence[Any], hint: str = "") -> None:
    for index, value in enumerate(values):
        if value != values[0]:
            raise ParameterError(
                f"{of}[{index}] has {name} {printable(value)}, but {of}[0] has "
                f"{printable(values[0])}; networks that train at once share it{hint}"
            )
