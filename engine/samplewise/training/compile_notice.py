"""A line where a user waits: while a backend compiles, or as a faster one cannot run here.

It goes to the log, or to stderr where no logging is set up; `samplewise.logging` says how to
silence both.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from functools import cache

from samplewise.contract import Backend
from samplewise.logging import announce
from samplewise.registry import Choice

# Loading compiled kernels takes 0.2 s, compiling them seconds: only the latter is announced.
QUIET_S = 0.7


@contextmanager
def announced(backend: Backend) -> Iterator[None]:
    """Announce what the block compiles, once it takes noticeably long."""
    # The text is made late: of a short compile nothing is said.
    timer = threading.Timer(QUIET_S, lambda: announce(_text(backend)))
    timer.daemon = True
    try:
        # Where the system gives no further thread, and where Python ends, nothing is said.
        with suppress(RuntimeError):
            timer.start()
        yield
    finally:
        timer.cancel()


def _text(backend: Backend) -> str:
    takes = getattr(backend, "compile_time", "")
    about = f", {takes}" if takes else ""
    # Where they are not kept, the backend warns of it and says what to do.
    kept = (
        " (once; kept for later runs)" if getattr(backend, "keeps_compiled", False) is True else ""
    )
    return f"compiling kernels of {backend.name}{about}{kept}"


def announce_slower(choice: Choice) -> None:
    """Announce that a faster backend cannot run here, once in a process."""
    if choice.unavailable:
        _announce_once(f"{choice.unavailable}; {choice.backend.name} trains, and takes longer")


@cache
def _announce_once(text: str) -> None:
    announce("%s", text)
