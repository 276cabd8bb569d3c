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

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle SIGINT."""
        if self.stop.is_set():
            signal.default_int_handler(number, frame)
        self.stop.set()

    def guarded(self, function: Callable[..., Any], instead: Any = None) -> Callable[..., Any]:
        """Return a function that sets `stop`, and gives `instead`, for its KeyboardInterrupt."""

        @wraps(function)
        def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return function(*args, **kwargs)
            except KeyboardInterrupt:
                self.stop.set()
                return instead

        return call


@contextmanager
def handled() -> Iterator[Interrupts]:
    """Handle Ctrl-C until the block ends, where Python's own handler would.

    Off the main thread no handler can be set, and no KeyboardInterrupt is raised.
    """
    interrupts = Interrupts()
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is not signal.default_int_handler:
        yield interrupts
        return
    signal.signal(signal.SIGINT, interrupts)
    try:
        yield interrupts
    finally:
        signal.signal(signal.SIGINT, signal.default_int_handler)
