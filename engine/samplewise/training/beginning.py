"""The state and the history with which the training of a network begins."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samplewise.checks import must_be, printable, whole_number
from samplewise.contract import TrainingState
from samplewise.data.columns import Columns
from samplewise.errors import ParameterError
from samplewise.network import Loss, Network, aligned_empty, aligned_zeros, initialize
from samplewise.registry import Choice
from samplewise.streams import Streams
from samplewise.text import counted
from samplewise.training.history import History, when_read
from samplewise.training.notes import notes_on_channels
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.snapshot import Snapshot

if TYPE_CHECKING:
    from samplewise.model.model import Model

Initial: TypeAlias = "Model | Snapshot | TrainingState"


def columns_of(initial: object) -> Columns | None:
    """Return the columns of the models to go on from, whose weights belong to them.

    Returns:
        None where no model has columns.

    Raises:
        ParameterError: two models have different ones.
    """
    if initial is None:
        return None
    from samplewise.model.model import Model

    starts = initial if isinstance(initial, list | tuple) else [initial]
    found = [start.columns for start in starts if isinstance(start, Model) and start.columns]
    other = next((one for one in found if one != found[0]), None)
    if other is not None:
        names = [printable(", ".join(column.name for column in one)) for one in (found[0], other)]
        raise ParameterError(
            "initial: the models must have the same columns in the same order, as they train on "
            f"the same rows, got {names[0]} and {names[1]}; train them one by one"
        )
    return found[0] if found else None


# Trainings that differ in a rate, as of a search, begin with the same weights. To draw those of
# 784-10-1 takes 75 us and more than twice that behind a training, to copy them 2. All that are kept
# take 32 MiB at most.
KEPT_WEIGHTS, KEPT_BYTES = 64, 2**19


def _first_weights(
    network: Network, settings: TrainingSettings, dtype: np.dtype[Any]
) -> NDArray[Any]:
    """Return the weights before the first step, in an array of its own."""
    parts = network, settings.init, settings.seed, dtype
    if network.layout.size * dtype.itemsize > KEPT_BYTES:
        return _drawn(*parts)
    weights = aligned_empty(network.layout.size, dtype)
    weights[...] = _kept(*parts)
    return weights


def _drawn(network: Network, init: str, seed: int, dtype: np.dtype[Any]) -> NDArray[Any]:
    return initialize(network, init, Streams(seed).of_run("init"), dtype)


_kept = lru_cache(KEPT_WEIGHTS)(_drawn)


def first_state(
    network: Network,
    settings: TrainingSettings,
    dtype: np.dtype[Any],
    initial: Initial | None,
) -> TrainingState:
    """Return the state before the first step, in arrays of its own.

    Args:
        network: to train.
        settings: how to train it.
        dtype: of the training.
        initial: a state to go on from, or a model whose weights to take; else they are drawn.

    Raises:
        ParameterError: it is none of these, or of another network, optimizer or dtype, or it holds
            numbers that are not finite.
    """
    size = network.layout.size
    slots = aligned_zeros(settings.optimizer.slots * size, dtype)
    if initial is None or isinstance(initial, Snapshot):
        return TrainingState(_first_weights(network, settings, dtype), slots, network=network)
    parameters = network.layout.zeros(dtype)
    if not isinstance(initial, TrainingState):
        parameters[...] = _parameters_of(initial, network, dtype)
        return TrainingState(parameters, slots, network=network)
    if initial.network is not None:
        _check_network(initial.network, network, "state")
    for name, ours in (("parameters", parameters), ("optimizer_state", slots)):
        _copy_finite(name, ours, getattr(initial, name))
    step = whole_number("initial: step", initial.step, minimum=0)
    return TrainingState(parameters, slots, step, network)


def _parameters_of(model: Any, network: Network, dtype: np.dtype[Any]) -> NDArray[Any]:
    """Return the parameters (P,) of a model."""
    from samplewise.model.model import Model
    from samplewise.model.unscaled import unscaled

    if not isinstance(model, Model):
        wanted = "a samplewise.Model, Snapshot or TrainingState"
        raise ParameterError(must_be("initial", wanted, model))
    _check_network(model.network, network, "model")
    with np.errstate(over="ignore", under="ignore"):
        parameters = np.asarray(unscaled(model, "initial").parameters, dtype)
    if parameters.shape != (network.layout.size,) or not np.isfinite(parameters).all():
        finite = int(np.isfinite(parameters).sum())
        raise ParameterError(
            f"initial: its parameters must be {network.layout.size:,} finite numbers of {dtype}, "
            f"got {parameters.size:,}, {finite:,} of them finite; train in float64, or begin with "
            "another model"
        )
    return parameters


def _check_network(given: Any, network: Network, kind: str) -> None:
    """Refuse weights of another network, whose vector may have the same length."""
    if not isinstance(given, Network) or given != network:
        raise ParameterError(
            f"initial: its network must be {network} with the same layers, got {printable(given)}; "
            f"train the network of the {kind}"
        )


def _copy_finite(name: str, ours: NDArray[Any], given: Any) -> None:
    """Copy an array of a state to go on from."""
    fits = isinstance(given, np.ndarray) and (given.shape, given.dtype) == (ours.shape, ours.dtype)
    if not fits or not np.isfinite(given).all():
        got = f"{given.dtype} {given.shape}" if isinstance(given, np.ndarray) else printable(given)
        raise ParameterError(
            f"initial: {name} must be {len(ours)} finite numbers of {ours.dtype}, got {got}; go on "
            "with the network, optimizer and dtype of the state"
        )
    ours[...] = given


def new_history(
    network: Network, loss: Loss, settings: TrainingSettings, rows: TrainingRows, choice: Choice
) -> History:
    """Return a history without epochs, not compiled yet."""
    notes, offered = [*rows.notes, *notes_on_channels(network)], choice.backend.capabilities
    if settings.batch_size > len(rows):
        notes.append(
            f"batch_size is {settings.batch_size}, but training has {counted(len(rows), 'row')}; "
            "all rows make one batch"
        )
    return History(
        backend=choice.backend.name,
        backend_reason=choice.reason,
        settings=when_read(lambda: {**settings.to_options(), "loss": loss.name}),
        network=when_read(network.to_dict),
        environment={},
        fingerprint=rows.fingerprint,
        deterministic=offered.deterministic and settings.threads == 1,
        device=offered.device,
        matmul_precision=offered.matmul_precision,
        compile_ms=0.0,
        rows=len(rows),
        validation_rows=0 if rows.validation is None else len(rows.validation),
        notes=notes,
    )
