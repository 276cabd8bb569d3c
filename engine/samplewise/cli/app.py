"""The entry point `samplewise`: its commands, and what every ending means to a shell.

Exit codes: 0 done, 1 a run failed, 2 the request cannot be met, 130 after Ctrl-C, 143
after a termination. An error is one line on stderr; `samplewise --debug ...` adds the traceback.
"""

from __future__ import annotations

import errno
import gc
import logging
import sys
import traceback
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, TextIO

from samplewise.cli import console, signals
from samplewise.errors import (
    ContractError,
    DivergenceError,
    OutputError,
    SamplewiseError,
    TrainingWarning,
)

if TYPE_CHECKING:
    import typer

DONE, FAILED, USAGE = 0, 1, 2
_DEBUG = "--debug"
# A place that cannot be written is the user's choice; a disk that fails or fills up is not.
_DISK_FAILURES = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command line.

    Args:
        arguments: without the program's name; None takes those of the process.

    Returns:
        The exit code.
    """
    # Imports make objects that stay. Looking through them 50 times took a tenth of a short `train`.
    gc.set_threshold(100_000)
    given = list(sys.argv[1:] if arguments is None else arguments)
    console.tolerate_any_text()
    try:
        with signals.handled(), _logged(), warnings.catch_warnings():
            warnings.showwarning = _show_warning
            # Commands show the notes of a run themselves.
            warnings.simplefilter("ignore", TrainingWarning)
            return _run(given)
    except signals.Stopped as stopped:
        console.note("stopped")
        return stopped.exit_code


class _Notes(logging.Handler):
    """Writes records as plain lines."""

    def emit(self, record: logging.LogRecord) -> None:
        """Write one line to stderr."""
        console.note(record.getMessage())


@contextmanager
def _logged() -> Iterator[None]:
    """Show the library's log on stderr, such as the announcement of compiling."""
    logger, handler = logging.getLogger("samplewise"), _Notes()
    level, propagate = logger.level, logger.propagate
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    logger.propagate = False
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)
        logger.propagate = propagate


def _run(arguments: list[str]) -> int:
    try:
        # Here, so that Ctrl-C is handled while it loads.
        from samplewise.cli.commands import application

        code = application()(arguments, prog_name="samplewise", standalone_mode=False)
        return code if isinstance(code, int) else DONE
    except SystemExit as ended:
        # Raised where --help finds its reader gone.
        return ended.code if isinstance(ended.code, int) else DONE
    except Exception as error:  # noqa: BLE001 - no traceback may reach a user unasked
        if _DEBUG in arguments:
            traceback.print_exc()
        return _report(error)


def _report(error: Exception) -> int:
    """Write one line about an error, and return the exit code that goes with it."""
    import typer

    if isinstance(error, typer.TyperException):
        message = error.format_message().rstrip(".")
        if message.startswith("Got unexpected extra argument"):
            message += "; an option takes one value: several are joined by commas, as in 128,32"
            message += _data_hint(error)
        console.error(message + _help_hint(error))
        return USAGE
    if isinstance(error, SamplewiseError):
        console.error(str(error))
        return FAILED if _is_failure(error) else USAGE
    if isinstance(error, MemoryError):
        size = f" ({error})" if str(error) else ""
        console.error(f"not enough memory{size}; use less data, a smaller network or float32")
    elif isinstance(error, OSError) and error.errno in _DISK_FAILURES and error.filename is None:
        # What writes to files names them; printing does not, in our code as in that of --help.
        console.error(f"cannot write to stdout: {error.strerror}; make room, or write elsewhere")
    elif isinstance(error, OSError):
        console.error(str(error))
    elif isinstance(error, ImportError) and not (error.name or "").startswith("samplewise"):
        console.error(
            f"a package that samplewise needs cannot be imported: {error}; install samplewise "
            "again, with all that it requires"
        )
    else:
        console.error(
            f"internal error, {type(error).__name__}: {error}; "
            f"`samplewise {_DEBUG} ...` shows where: please report it"
        )
    return FAILED


def _is_failure(error: SamplewiseError) -> bool:
    if isinstance(error, OutputError):
        return isinstance(error.__cause__, OSError) and error.__cause__.errno in _DISK_FAILURES
    return isinstance(error, DivergenceError | ContractError)


def _data_hint(error: typer.TyperException) -> str:
    """Return how to name data, for a command that takes them by an option only."""
    context = getattr(error, "ctx", None)
    names = [] if context is None else [param.name for param in context.command.params]
    return "; data are named by --data" if "data" in names and "source" not in names else ""


def _help_hint(error: typer.TyperException) -> str:
    context = getattr(error, "ctx", None)
    return f"; see `{context.command_path} --help`" if context is not None else ""


def _show_warning(
    message: Warning | str,
    category: type[Warning],
    filename: str,
    lineno: int,
    file: TextIO | None = None,
    line: str | None = None,
) -> None:
    """Write a warning as one line, without the place in our source that Python would add."""
    del category, filename, lineno, file, line
    console.warning(str(message))
