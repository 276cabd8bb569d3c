"""Hooks of a user into training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np

from samplewise.checks import must_be, shown
from samplewise.errors import ParameterError
from samplewise.options.arguments import parameters_of
from samplewise.training.history import EpochRecord, History

if TYPE_CHECKING:
    from samplewise.model.model import Model
    from samplewise.training.snapshot import Snapshot

STOPPED = "callback"
HOOKS_OF_EPOCHS = "on_chunk_end", "on_epoch_end", "on_epoch_over"


class Callback:
    """Base of callbacks: subclass it and override some of its hooks, which do nothing.

    Whatever a hook raises ends the training and is raised unchanged.

    Attributes:
        takes_model: whether `on_epoch_end` is called with a model too; None goes by whether it has
            a second argument that must be given, or is named `model`.
    """

    takes_model: bool | None = None

    def on_compile_begin(self, backend: str) -> None:
        """Called before the program is warmed up, which may compile for seconds."""

    def on_train_begin(self, history: History) -> None:
        """Called once, after compiling and before the first step; a resumed history has epochs."""

    def on_chunk_end(self, take_snapshot: Callable[[], Snapshot]) -> None:
        """Called after each chunk of steps, at the end of an epoch before the epoch is measured.

        Called once more where a training is interrupted, at the edge where it ends.

        Args:
            take_snapshot: returns all that is needed to go on from here with
                `train(..., initial=snapshot)`; of networks at once, of all. Only while this call
                lasts. Taking a snapshot changes no later step.
        """

    def on_epoch_over(self, take_snapshot: Callable[[], Snapshot]) -> None:
        """Called after an epoch is measured and `on_epoch_end` of all callbacks were called.

        Args:
            take_snapshot: as in `on_chunk_end`; it goes on with the next epoch.
        """

    # To a type checker, these arguments let it be overridden with or without a model.
    def on_epoch_end(self, record: EpochRecord, *args: Any, **kwargs: Any) -> str | bool | None:
        """Called after each epoch.

        Return None or False to go on, True or a reason to stop; `History.stopped` keeps the reason,
        or "callback" for True.

        Args:
            record: the figures of the epoch.
            args: a `samplewise.Model` with a copy of the weights that were measured, where this
                hook asks for one: override it as `on_epoch_end(self, record, model)`. A plan that
                keeps the weights in another form brings them out for it, which costs time and may
                change last bits of later steps.
            kwargs: none.
        """
        return None

    def on_train_end(self, history: History) -> None:
        """Called once after `on_train_begin`, however training ended; an error may be under way."""


Hook = Callback | Callable[[EpochRecord], Any] | Callable[[EpochRecord, "Model"], Any]
"""A callback, or a function that is called as `on_epoch_end`, with or without a model."""


class _Function(Callback):
    def __init__(self, function: Callable[..., Any]) -> None:
        self._function = function
        self.takes_model = _has_model(function)

    def on_epoch_end(self, record: EpochRecord, *args: Any, **kwargs: Any) -> Any:
        """Call the function."""
        return self._function(record, *args)


def _has_model(function: Callable[..., Any]) -> bool:
    try:
        parameters = parameters_of(function).values()
    except (TypeError, ValueError):  # of some built-in functions nothing is known
        return False
    named = [
        each
        for each in parameters
        if each.kind in (each.POSITIONAL_ONLY, each.POSITIONAL_OR_KEYWORD)
    ]
    # A second argument with a default is often a value that a lambda keeps.
    return any(each.default is each.empty or each.name == "model" for each in named[1:2])


class Callbacks:
    """The callbacks of one network, called one after the other."""

    def __init__(self, callbacks: Sequence[Callback]) -> None:
        self._all = callbacks
        self._begun: list[Callback] = []

    @property
    def look_at_epochs(self) -> bool:
        """True if one of them has a hook of its own that is called during or after each epoch."""
        return any(is_own(one, hook) for one in self._all for hook in HOOKS_OF_EPOCHS)

    def compile_begins(self, backend: str) -> None:
        """Call `on_compile_begin` of each."""
        for callback in self._all:
            callback.on_compile_begin(backend)

    def train_begins(self, history: History) -> None:
        """Call `on_train_begin` of each."""
        for callback in self._all:
            self._begun.append(callback)
            callback.on_train_begin(history)

    def chunk_ends(self, take_snapshot: Callable[[], Snapshot]) -> None:
        """Call `on_chunk_end` of each."""
        for callback in self._all:
            callback.on_chunk_end(take_snapshot)

    def epoch_is_over(self, take_snapshot: Callable[[], Snapshot]) -> None:
        """Call `on_epoch_over` of each."""
        for callback in self._all:
            callback.on_epoch_over(take_snapshot)

    def epoch_ends(self, record: EpochRecord, model: Callable[[], Model]) -> str | None:
        """Call `on_epoch_end` of each; return the first reason to stop, or None to go on.

        Raises:
            ParameterError: a callback returned something else than a reason.
        """
        if not self._hooked:
            return None
        made: list[Model] = []
        reasons = []
        for callback, takes in self._hooked:
            if takes and not made:
                made.append(model())
            reasons.append(_stop_reason(callback.on_epoch_end(record, *(made if takes else ()))))
        return next(filter(None, reasons), None)

    @cached_property
    def _hooked(self) -> list[tuple[Callback, bool]]:
        """Each callback with an `on_epoch_end` of its own, and whether it takes a model."""
        # Reading a signature takes longer than all else at the end of an epoch.
        return [
            (one, _has_model(one.on_epoch_end) if one.takes_model is None else one.takes_model)
            for one in self._all
            if is_own(one, "on_epoch_end")
        ]

    def train_ends(self, history: History) -> list[Exception]:
        """Call `on_train_end` of each that was called at the begin; return their errors."""
        raised: list[Exception] = []
        for callback in self._begun:
            try:
                callback.on_train_end(history)
            except Exception as error:  # noqa: BLE001 - raised once all are called
                raised.append(error)
        return raised


def is_own(callback: Callback, hook: str) -> bool:
    """Return True if a callback has a hook of its own, not the one that does nothing."""
    return getattr(getattr(callback, hook), "__func__", None) is not getattr(Callback, hook)


def as_callbacks(given: Hook | Sequence[Hook]) -> list[Callback]:
    """Return callbacks, where a function becomes the `on_epoch_end` of one.

    Raises:
        ParameterError: something else is given.
    """
    hooks = list(given) if isinstance(given, list | tuple) else [given]
    return [_callback(hook) for hook in hooks]


def _callback(hook: Any) -> Callback:
    if isinstance(hook, Callback):
        return hook
    if isinstance(hook, type):
        raise ParameterError(
            f"callbacks: must be instances, got the class {hook.__name__}; write {hook.__name__}()"
        )
    if callable(hook):
        return _Function(hook)
    wanted = "instances of samplewise.Callback, or functions of an epoch's record"
    raise ParameterError(must_be("callbacks", wanted, hook))


def _stop_reason(returned: object) -> str | None:
    """Return the reason to stop that `on_epoch_end` gave, or None to go on."""
    if returned is None or isinstance(returned, bool | np.bool_):
        return STOPPED if returned else None
    if isinstance(returned, str):
        return returned or None
    raise ParameterError(
        "on_epoch_end of a callback: must return None or False to continue, True or a reason to "
        f"stop, got {shown(returned)}"
    )
