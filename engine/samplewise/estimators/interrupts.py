"""Ctrl-C during a training: the weights so far are kept, and KeyboardInterrupt is raised after."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from types import FrameType
from typing import Any


class Interrupts:
    """The first Ctrl-C sets `stop`; a second one is raised at once."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self._asked = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT."""
        if self._asked:
            signal.default_int_handler(number, frame)
        self._ask()

    def _ask(self) -> None:
        # Another one that comes while `stop` is being set would wait for its lock for ever.
        self._asked = True
        self.stop.set()

    def guarded(self, function: Callable[..., Any], instead: Any = None) -> Callable[..., Any]:
        """Return a function that sets `stop`, and gives `instead`, for its KeyboardInterrupt."""

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except KeyboardInterrupt:
                self._ask()
                return instead

        return call


@contextmanager
def handled() -> Iterator[Interrupts]:
    """Handle Ctrl-C until the block ends, where Python's own handler would.

    Off the main thread no handler can be set, and no KeyboardInterrupt is raised. Only once the
    block has ended is it known whether `stop` is set: until then, Ctrl-C may come.

    Raises:
        KeyboardInterrupt: the block raised an error after `stop` was set; whoever takes a fit that
            fails for one of many, as a search does, stops all the same.
    """
    interrupts = Interrupts()
    main = threading.current_thread() is threading.main_thread()
    handles = main and signal.getsignal(signal.SIGINT) is signal.default_int_handler
    if handles:
        signal.signal(signal.SIGINT, interrupts)
    try:
        yield interrupts
    except Exception as error:
        if interrupts.stop.is_set():
            raise KeyboardInterrupt from error
        raise
    finally:
        if handles:
            signal.signal(signal.SIGINT, signal.default_int_handler)
