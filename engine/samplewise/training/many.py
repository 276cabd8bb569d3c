"""Training many networks on the same rows, at once where the backend can."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from typing import Any, Unpack

from numpy.typing import ArrayLike

from samplewise.checks import must_be
from samplewise.errors import CombinationError, DivergenceError, ParameterError, SomeDivergedError
from samplewise.network import Network
from samplewise.registry import Choice
from samplewise.text import counted
from samplewise.training.beginning import Initial, columns_of
from samplewise.training.callbacks import Callback, Hook, as_callbacks
from samplewise.training.epochs import run_training
from samplewise.training.history import INTERRUPTED
from samplewise.training.notes import warn_of
from samplewise.training.prerequisites import announced_backend_choice, check_stop
from samplewise.training.result import TrainingResult
from samplewise.training.rows.preparation import RowOptions, check_row_options, prepared
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.shared import check_shared, shared_loss
from samplewise.training.snapshot import Snapshot
from samplewise.training.snapshot_parts import joined
from samplewise.training.train import result_of
from samplewise.training.training_run import TrainingRun
from samplewise.training.user_functions import EnsembleFigure, Figure, Metric, UserFunctions


def train_many(
    networks: Sequence[Network],
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings | Sequence[TrainingSettings],
    *,
    initial: Snapshot | Sequence[Initial | None] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    figures: Mapping[str, Figure] | None = None,
    ensemble: Mapping[str, EnsembleFigure] | None = None,
    callbacks: Sequence[Hook | Sequence[Hook]] = (),
    stop: threading.Event | None = None,
    **rows: Unpack[RowOptions],
) -> list[TrainingResult]:
    """Train networks on the same rows in the same order, each as `train` would.

    Where the backend can (`Capabilities.many`) all train at once, in one program; else one after
    the other. The results agree to rounding. Only a whole shared run can be timed, so its
    histories have no times of their own but the time of the run: `History.shared`.

    Networks may differ in layers, and settings in seed, rate, epochs, momentum, Nesterov, L2 and
    initial weights. They share inputs, outputs, loss and all of `shared_key`, and the order: with
    `shuffle` or `augment`, settings of different seeds need one `order_seed`. A single run with the
    same settings sees that order too. Those with fewer epochs, or little patience, end earlier. One
    that diverges ends there and disturbs no other. With `validation_fraction` they share the seed,
    and `max_seconds` is refused: networks that train at once would share the clock.

    Args:
        networks: at least one.
        X: as `train`.
        targets: as `train`.
        settings: of each network, or one for all.
        initial: a model or state of each network, or None for fresh weights. Or a snapshot to go on
            from: of networks that train at once the one snapshot of all, or a list of those that
            `part_of` made; else a list, one for each network.
        metrics: as `train`.
        figures: as `train`.
        ensemble: functions of (targets, predictions) by name, called once after every epoch with
            the predictions of all networks on the validation rows, (networks, n, ...), without
            those that diverged. Each record keeps the figure as one of `figures`: with
            `monitor="figure_NAME"` in all settings, all networks stop at once, and return their
            weights of the epoch that was best for all.
        callbacks: of each network; empty for none. A reason to stop stops that network.
        stop: as `train`, for all.
        rows: as `train`.

    Returns:
        The result of each network, in their order.

    Raises:
        CombinationError: `ensemble` without validation rows, or of networks that train one after
            the other.
        ParameterError: not one settings (or list of callbacks) per network, or they differ in
            something that they must share.
        SomeDivergedError: once all are done; it holds the results of the others.
        SamplewiseError: as `train`.
    """
    check_row_options(train_many, rows)
    return _all_or_raise(
        train_many_without_warnings(
            networks,
            X,
            targets,
            settings,
            initial=initial,
            metrics=metrics,
            figures=figures,
            ensemble=ensemble,
            callbacks=callbacks,
            stop=stop,
            **rows,
        )
    )


def train_many_without_warnings(
    networks: Sequence[Network],
    X: ArrayLike,
    targets: ArrayLike,
    settings: TrainingSettings | Sequence[TrainingSettings],
    *,
    initial: Snapshot | Sequence[Initial | None] | None = None,
    metrics: Mapping[str, Metric] | None = None,
    figures: Mapping[str, Figure] | None = None,
    ensemble: Mapping[str, EnsembleFigure] | None = None,
    callbacks: Sequence[Hook | Sequence[Hook]] = (),
    stop: threading.Event | None = None,
    **rows: Unpack[RowOptions],
) -> list[TrainingResult | DivergenceError]:
    """Train as `train_many` does, without warnings; return the error of a network that diverged."""
    networks = _listed("networks", networks)
    if isinstance(settings, TrainingSettings):
        settings = [settings] * len(networks)
    settings = _listed("settings", settings)
    loss = shared_loss(networks, settings)
    check_shared(networks, settings)
    check_stop(stop)
    calls = _callbacks(callbacks, len(networks))
    shared = prepared(networks[0], X, targets, loss, settings[0], columns_of(initial), **rows)
    choices = [
        announced_backend_choice(network, loss, own, shared)
        for network, own in zip(networks, settings, strict=True)
    ]
    together = len(networks) > 1 and _at_once(choices)
    if ensemble:
        _check_ensemble(len(networks), together=together)
    starts = _initial_of_each(initial, len(networks), together=together)
    validated = shared.validation is not None
    functions = UserFunctions.checked(metrics, figures, ensemble, validated=validated)
    runs = [
        TrainingRun(network, loss, own, shared, choice, hooks, functions=functions, initial=start)
        for network, own, choice, hooks, start in zip(
            networks, settings, choices, calls, starts, strict=True
        )
    ]
    found: list[TrainingResult | DivergenceError] = []
    groups = [runs] if together else [[run] for run in runs]
    # Of networks that train at once, the first has the snapshot of all.
    for group, start in zip(groups, starts[: len(groups)], strict=True):
        snapshot = start if isinstance(start, Snapshot) else None
        unfinished = run_training(group, shared, stop, snapshot)
        found += [run.error or _result(run, unfinished) for run in group]
    return found


def _initial_of_each(initial: Any, networks: int, *, together: bool) -> list[Any]:
    """Return a model, a state, a snapshot or None for each network."""
    if initial is None or isinstance(initial, Snapshot):
        return [initial] * networks
    each = _listed("initial", initial)
    if len(each) != networks:
        raise ParameterError(
            f"initial holds {counted(len(each), 'model')} for {counted(networks, 'network')}; give "
            "one for each network"
        )
    if together and any(isinstance(start, Snapshot) for start in each):
        return [joined(each)] * networks
    return each


def _result(run: TrainingRun, unfinished: Snapshot | None) -> TrainingResult:
    return result_of(run, unfinished if run.history.stopped == INTERRUPTED else None)


def _listed(name: str, given: Any) -> list[Any]:
    if not isinstance(given, list | tuple):
        raise ParameterError(must_be(name, "a list, one for each network", given))
    return list(given)


def _callbacks(given: Sequence[Hook | Sequence[Hook]], networks: int) -> list[list[Callback]]:
    lists = _listed("callbacks", given)
    if lists and len(lists) != networks:
        raise ParameterError(
            f"callbacks holds {counted(len(lists), 'list')} for {counted(networks, 'network')}; "
            "give one for each network, or none at all"
        )
    return [as_callbacks(hooks) for hooks in lists] or [[] for _ in range(networks)]


def _at_once(choices: Sequence[Choice]) -> bool:
    backend = choices[0].backend
    return backend.capabilities.many and all(choice.backend is backend for choice in choices)


def _check_ensemble(networks: int, *, together: bool) -> None:
    if networks > 1 and not together:
        raise CombinationError(
            "ensemble: these networks train one after the other; choose a backend that trains "
            "several at once, such as numba_cpu, for all of them"
        )


def _all_or_raise(found: Sequence[TrainingResult | DivergenceError]) -> list[TrainingResult]:
    errors = {i: one for i, one in enumerate(found) if isinstance(one, DivergenceError)}
    results = [None if isinstance(one, DivergenceError) else one for one in found]
    warn_of(note for one in results if one is not None for note in one.history.notes)
    if errors:
        raise SomeDivergedError(results, errors)
    return [one for one in results if one is not None]
