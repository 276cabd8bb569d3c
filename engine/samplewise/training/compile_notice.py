"""A line while a backend compiles, so that nobody takes the wait for a hang.

It is an INFO record of the logger "samplewise". Where no logging is set up, it is a line on stderr:
by itself, logging shows no INFO. `logging.getLogger("samplewise").setLevel(logging.WARNING)`
silences both.
"""

from __future__ import annotations

import logging
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from samplewise.contract import Backend

LOGGER = "samplewise"
# Loading compiled kernels takes 0.2 s, compiling them seconds: only the latter is announced.
QUIET_S = 0.7


@contextmanager
def announced(backend: Backend) -> Iterator[None]:
    """Announce what the block compiles, once it takes noticeably long."""
    timer = threading.Timer(QUIET_S, _announce, [backend])
    timer.daemon = True
    timer.start()
    try:
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


def _announce(backend: Backend) -> None:
    text = _text(backend)
    logger = logging.getLogger(LOGGER)
    if logger.hasHandlers():
        logger.info(text)
    elif logger.level <= logging.INFO:
        with suppress(OSError, ValueError, AttributeError):  # broken, closed, or None
            print(f"samplewise: {text}", file=sys.stderr, flush=True)  # noqa: T201
