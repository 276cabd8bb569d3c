"""Training many networks on the same rows, at once where the backend can."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Any

from numpy.typing import ArrayLike

from samplewise import registry
from samplewise.checks import printable
from samplewise.errors import DivergenceError, ParameterError, SomeDivergedError
from samplewise.network import Loss, Network
from samplewise.registry import Choice
from samplewise.training.callbacks import Callback, Hook, as_callbacks
from samplewise.training.epochs import run_epochs
from samplewise.training.notes import warn_of
from samplewise.training.rows.preparation import Validation, prepared
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import TrainingResult, check_stop, loss_for, result_of, train_on
from samplewise.training.trainee import Trainee

SHARED_SETTINGS = (
    *("batch_size", "dtype", "shuffle", "augment"),
    *("backend", "threads", "plan", "memory_mb"),
    *("validation_fraction", "class_weight", "max_steps"),
)


def train_many(
    networks: Sequence[Network],
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings | Sequence[TrainingSettings],
    *,
    validation: Validation | None = None,
    sample_weight: ArrayLike | None = None,
    class_names: Sequence[str] | None = None,
    callbacks: Sequence[Hook | Sequence[Hook]] = (),
    stop: threading.Event | None = None,
) -> list[TrainingResult]:
    """Train networks on the same rows in the same order, each as `train` would.

    Where the backend can (`Capabilities.many`) all train at once, in one program; else one after
    the other. The results agree to rounding. Only a whole shared run can be timed, so its
    histories have no times of their own but say what the run took: `History.shared`.

    Networks may differ in layers, and settings in seed, rate, epochs, momentum, Nesterov, L2 and
    initial weights. They share inputs, outputs, loss and `SHARED_SETTINGS`, and the order: with
    `shuffle` or `augment`, settings of different seeds need one `order_seed`. A single run with the
    same settings sees that order too. Those with fewer epochs, or little patience, end earlier. One
    that diverges ends there and disturbs no other. With `validation_fraction` they share the seed,
    and `max_seconds` is refused: networks that train at once would share the clock.

    Args:
        networks: at least one.
        X: as `train`.
        targets: as `train`.
        settings: of each network, or one for all.
        validation: as `train`.
        sample_weight: as `train`.
        class_names: as `train`.
        callbacks: of each network; empty for none. A reason to stop stops that network.
        stop: as `train`, for all.

    Returns:
        What came of each network, in their order.

    Raises:
        ParameterError: not one settings (or list of callbacks) a network, or they do not share
            what they must.
        SomeDivergedError: once all are done; it holds what came of the others.
        SamplewiseError: as `train`.
    """
    networks = _listed("networks", networks)
    if isinstance(settings, TrainingSettings):
        settings = [settings] * len(networks)
    settings = _listed("settings", settings)
    loss = _shared_loss(networks, settings)
    _check_shared(networks, settings)
    check_stop(stop)
    calls = _callbacks(callbacks, len(networks))
    rows = prepared(
        networks[0],
        X,
        targets,
        loss,
        settings[0],
        validation=validation,
        sample_weight=sample_weight,
        class_names=class_names,
    )
    each = list(zip(networks, settings, calls, strict=True))
    choices = [_choice(network, own, loss, rows) for network, own, _ in each]
    if len(networks) == 1 or not _at_once(choices):
        return _all_or_raise([_one(rows, loss, *one, stop) for one in each])
    trainees = [
        Trainee(network, loss, own, rows, choice, hooks)
        for (network, own, hooks), choice in zip(each, choices, strict=True)
    ]
    run_epochs(trainees, rows, stop)
    return _all_or_raise([trainee.error or result_of(trainee) for trainee in trainees])


def _listed(name: str, given: Any) -> list[Any]:
    if not isinstance(given, list | tuple):
        raise ParameterError(f"{name} is '{printable(given)}', but must be a list, one a network")
    return list(given)


def _callbacks(given: Sequence[Hook | Sequence[Hook]], networks: int) -> list[list[Callback]]:
    lists = _listed("callbacks", given)
    if lists and len(lists) != networks:
        raise ParameterError(
            f"callbacks holds {len(lists)} lists for {networks} networks; give one a network, or "
            "none at all"
        )
    return [as_callbacks(hooks) for hooks in lists] or [[] for _ in range(networks)]


def _shared_loss(networks: Sequence[Network], settings: Sequence[TrainingSettings]) -> Loss:
    if not networks or len(networks) != len(settings):
        raise ParameterError(
            f"there are {len(networks)} networks and {len(settings)} settings; give at least one "
            "network, and settings for each"
        )
    losses = [loss_for(*pair) for pair in zip(networks, settings, strict=True)]
    _check_equal("settings", "loss", [loss.description for loss in losses])
    return losses[0]


def _check_shared(networks: Sequence[Network], settings: Sequence[TrainingSettings]) -> None:
    _check_equal("networks", "inputs", [network.inputs for network in networks])
    _check_equal("networks", "outputs", [network.outputs for network in networks])
    for name in SHARED_SETTINGS:
        _check_equal("settings", name, [getattr(own, name) for own in settings])
    for index, own in enumerate(settings):
        if own.max_seconds is not None:
            raise ParameterError(
                f"settings[{index}] has max_seconds {own.max_seconds:g}, but networks that train "
                "at once have no clock of their own; use max_steps, or train them one by one"
            )
    if settings[0].validation_fraction is not None:
        seeds = [own.seed for own in settings]
        _check_equal("settings", "seed", seeds, "; the validation rows are drawn from it")
    if settings[0].shuffle or settings[0].augment is not None:
        _check_equal(
            "settings",
            "order_seed",
            [own.seed_of_order for own in settings],
            "; what shuffle and augment draw follows from it, or from seed where it is None",
        )


def _check_equal(what: str, name: str, values: Sequence[Any], hint: str = "") -> None:
    for index, value in enumerate(values):
        if value != values[0]:
            raise ParameterError(
                f"{what}[{index}] has {name} {printable(value)}, but {what}[0] has "
                f"{printable(values[0])}; networks that train at once share it{hint}"
            )


def _choice(network: Network, own: TrainingSettings, loss: Loss, rows: TrainingRows) -> Choice:
    fields = own.step_fields(weighted=rows.weights is not None)
    return registry.resolve(own.backend, network, loss, own.rule, rows.X.dtype, own.plan, fields)


def _at_once(choices: Sequence[Choice]) -> bool:
    backend = choices[0].backend
    return backend.capabilities.many and all(choice.backend is backend for choice in choices)


def _one(
    rows: TrainingRows,
    loss: Loss,
    network: Network,
    own: TrainingSettings,
    callbacks: Sequence[Callback],
    stop: threading.Event | None,
) -> TrainingResult | DivergenceError:
    try:
        return train_on(rows, network, loss, own, callbacks=callbacks, stop=stop)
    except DivergenceError as error:
        return error


def _all_or_raise(found: Sequence[TrainingResult | DivergenceError]) -> list[TrainingResult]:
    errors = {i: one for i, one in enumerate(found) if isinstance(one, DivergenceError)}
    results = [None if isinstance(one, DivergenceError) else one for one in found]
    warn_of(note for one in results if one is not None for note in one.history.notes)
    if errors:
        raise SomeDivergedError(results, errors)
    return [one for one in results if one is not None]
