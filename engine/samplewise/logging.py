"""The library's log: the logger "samplewise" of Python's own `logging`.

| level | records |
|---|---|
| INFO | compiling that takes long, a faster backend that cannot run; `verbose` estimators |
| DEBUG | the backend and plan of a training, with the reason |

Nothing is shown until a program sets logging up, except one line on stderr while a backend
compiles, or where a faster one cannot run here;
`logging.getLogger("samplewise").setLevel(logging.WARNING)` silences both. Notes on a run are
warnings, which `logging.captureWarnings(True)` brings into logs.
"""

from __future__ import annotations

import logging
import sys
from typing import Any

from samplewise.checks import one_of, whole_number

NAME = "samplewise"
logger = logging.getLogger(NAME)
logger.addHandler(logging.NullHandler())


class _Stderr(logging.Handler):
    """Writes records to stderr as it is at that time, such as that of a notebook's cell."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line; a stderr that is closed, broken or None ends no training."""
        try:
            sys.stderr.write(f"{self.format(record)}\n")
            sys.stderr.flush()
        except (OSError, ValueError, AttributeError):
            return


_STDERR = _Stderr()
_STDERR.setFormatter(logging.Formatter(f"{NAME}: %(message)s"))


def to_stderr(level: int | str = logging.INFO) -> logging.Handler:
    """Show the log on stderr, a line a record; a further call changes the level only.

    Where the root logger has handlers, these get the records, too.

    Args:
        level: the lowest that is shown, as a number or a name such as "debug".

    Returns:
        The handler; `logging.getLogger("samplewise").removeHandler(handler)` ends it.

    Raises:
        ParameterError: the level is unknown.
    """
    known = logging.getLevelNamesMapping()
    if isinstance(level, str):
        number = known[one_of("level", level.upper(), known)]
    else:
        number = whole_number("level", level, minimum=0)
    logger.setLevel(number)
    logger.addHandler(_STDERR)
    return _STDERR


def announce(text: str, *arguments: Any) -> None:
    """Log an INFO record, on stderr where nobody has set logging up.

    By itself, logging shows no INFO, and a user would take the wait for a hang.
    """
    if is_set_up():
        logger.info(text, *arguments)
    elif logger.level <= logging.INFO:
        record = logger.makeRecord(NAME, logging.INFO, __file__, 0, text, arguments, None)
        _STDERR.handle(record)


def is_set_up() -> bool:
    """Return True where records reach a handler that may show them."""
    here: logging.Logger | None = logger
    while here is not None:
        if not all(isinstance(handler, logging.NullHandler) for handler in here.handlers):
            return True
        here = here.parent if here.propagate else None
    return False
