"""Hooks into training."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from samplewise.checks import printable
from samplewise.errors import ParameterError
from samplewise.training.history import EpochRecord, History

STOPPED = "callback"


class Callback:
    """Subclass and override what is needed; every hook does nothing by itself.

    Whatever a hook raises ends the training and is raised unchanged.
    """

    def on_compile_begin(self, backend: str) -> None:
        """Called before the program is warmed up, which may compile for seconds."""

    def on_train_begin(self, history: History) -> None:
        """Called once, after compiling and before the first epoch."""

    def on_epoch_end(self, record: EpochRecord) -> str | bool | None:
        """Called after each epoch.

        Return None or False to go on, True or a reason to stop; `History.stopped` keeps the reason,
        or "callback" for True.
        """
        del record
        return None

    def on_train_end(self, history: History) -> None:
        """Called once after `on_train_begin`, however training ended; an error may be under way."""


Hook = Callback | Callable[[EpochRecord], Any]
"""A callback, or a function that is called as `on_epoch_end`."""


class _Function(Callback):
    def __init__(self, function: Callable[[EpochRecord], Any]) -> None:
        self._function = function

    def on_epoch_end(self, record: EpochRecord) -> Any:
        """Call the function."""
        return self._function(record)


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
            f"callbacks holds the class {hook.__name__}, but must hold instances; write "
            f"{hook.__name__}()"
        )
    if callable(hook):
        return _Function(hook)
    raise ParameterError(
        f"callbacks holds '{printable(hook)}', but must hold instances of samplewise.Callback, or "
        "functions of an epoch's record"
    )


def stop_reason(returned: object) -> str | None:
    """Return the reason to stop that `on_epoch_end` gave, or None to go on.

    Raises:
        ParameterError: it is neither None, a bool nor a text.
    """
    if returned is None or isinstance(returned, bool | np.bool_):
        return STOPPED if returned else None
    if isinstance(returned, str):
        return returned or None
    raise ParameterError(
        f"on_epoch_end of a callback returned '{printable(returned)}', but must return None or "
        "False to go on, True or a reason to stop"
    )
