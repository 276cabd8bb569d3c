"""The effects of Ctrl-C, a termination and a closed terminal on a command."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_HANDLED = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)
_FIRST = b"\nstopping after the current steps; once more to exit at once\n"


class Stopped(BaseException):
    """A signal ends the program now. No `except Exception` may catch it on the way.

    Args:
        exit_code: 128 and the signal's number: 130 for Ctrl-C, 143 for a termination.
    """

    def __init__(self, exit_code: int) -> None:
        super().__init__(exit_code)
        self.exit_code = exit_code


class Interrupts:
    """The requests that signals have made.

    Args:
        stop: set by the first signal.
        exit_code: that of the last signal; 0 before the first.
        finish: whether the first signal only sets `stop`, so that work in hand is kept.
    """

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.exit_code = 0
        self.finish = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal.

        Raises:
            Stopped: unless this is the first one and `finish` is set.
        """
        del frame
        first = not self.stop.is_set()
        self.exit_code = 128 + number
        self.stop.set()
        if not (first and self.finish):
            raise Stopped(self.exit_code)
        # Not through sys.stderr: the signal may have come while it was being written to.
        with suppress(OSError):
            os.write(2, _FIRST)


@contextmanager
def handled() -> Iterator[Interrupts]:
    """Handle the signals until the block ends; then the handlers before are back.

    A signal that is ignored stays so, as under nohup. Off the main thread, where no handler can be
    set, nothing is handled.
    """
    interrupts = Interrupts()
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number in _HANDLED:
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, interrupts)
    try:
        yield interrupts
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
