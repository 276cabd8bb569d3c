"""The effects of Ctrl-C, a termination and a closed terminal on a command."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from types import FrameType

_HANDLED = tuple(
    number
    for name in ("SIGINT", "SIGTERM", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)


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
        checkpoint: asks for a checkpoint: with the first signal, and with each SIGUSR2.
        in_hand: the work that the first signal lets end, in the message.
    """

    def __init__(self, checkpoint: Callable[[], None], in_hand: str) -> None:
        self._checkpoint = checkpoint
        self._first = (
            f"\nstopping after the current {in_hand}; once more to exit at once\n".encode()
        )
        self.stop = threading.Event()
        self.exit_code = 0
        self.finish = False

    def __call__(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal.

        Raises:
            Stopped: unless this is the first one and `finish` is set.
        """
        del frame
        first = self.exit_code == 0
        self.exit_code = 128 + number
        # Another one that comes while the first sets `stop` would wait for its lock for ever.
        if first:
            self.stop.set()
        if not (first and self.finish):
            raise Stopped(self.exit_code)
        self._checkpoint()
        # Not through sys.stderr: the signal may have come while it was being written to.
        with suppress(OSError):
            os.write(2, self._first)

    def on_request(self, number: int, frame: FrameType | None) -> None:
        """Handle a signal that asks for a checkpoint and lets the work go on."""
        del number, frame
        self._checkpoint()


@contextmanager
def handled(
    checkpoint: Callable[[], None] | None = None, in_hand: str = "steps"
) -> Iterator[Interrupts]:
    """Handle the signals until the block ends; then the handlers before are back.

    A signal that is ignored stays so, as under nohup. Off the main thread, where no handler can be
    set, nothing is handled.

    Args:
        checkpoint: asks for a checkpoint; without it, SIGUSR2 ends the program as ever.
        in_hand: as `Interrupts`.
    """
    interrupts = Interrupts(checkpoint or (lambda: None), in_hand)
    handlers: dict[int, Callable[[int, FrameType | None], None]] = dict.fromkeys(
        _HANDLED, interrupts
    )
    if checkpoint is not None and hasattr(signal, "SIGUSR2"):
        handlers[signal.SIGUSR2] = interrupts.on_request
    before = {}
    if threading.current_thread() is threading.main_thread():
        for number, handler in handlers.items():
            if signal.getsignal(number) != signal.SIG_IGN:
                before[number] = signal.signal(number, handler)
    try:
        yield interrupts
    finally:
        for number, earlier in before.items():
            signal.signal(number, earlier)
