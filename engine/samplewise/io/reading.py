"""Reading an untrusted file: a regular file, not too big, that stays the same; and its text."""

from __future__ import annotations

import errno
import io
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samplewise.checks import printable
from samplewise.errors import DataError

MEMORY_WHERE_UNKNOWN = 4 * 2**30
"""Bytes taken as free where the system does not tell."""

_LINE_END = re.compile(rb"\r\n|\r|\n")
_KINDS = (
    (stat.S_ISDIR, "a folder"),
    (stat.S_ISFIFO, "a FIFO (named pipe)"),
    (stat.S_ISCHR, "a character device"),
    (stat.S_ISBLK, "a block device"),
    (stat.S_ISSOCK, "a socket"),
)


def half_free_memory() -> int:
    """Return half of the free memory in bytes, the default limit of one data file."""
    try:
        free = os.sysconf("SC_AVPHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, and macOS without AVPHYS
        free = MEMORY_WHERE_UNKNOWN
    return free // 2


def check_bytes(size: int, max_bytes: int | None, what: str) -> None:
    """Refuse `size` bytes where they exceed `max_bytes` (None: half of the free memory).

    Raises:
        DataError: too big; the message holds both numbers.
    """
    limit = half_free_memory() if max_bytes is None else max_bytes
    if size > limit:
        raise DataError(
            f"{what} takes {size:,} bytes, but at most {limit:,} are allowed; "
            "use a smaller file or a machine with more free memory"
        )


def is_there(path: Path) -> bool:
    """Return True if a path leads to something.

    Where that cannot be found out, for a name too long or a folder that is closed to us, it is
    False: what reads or writes there then says so.
    """
    with suppress(OSError):
        return exists(path)
    return False


def exists(path: Path) -> bool:
    """Return True if a path leads to something. That of `Path` tells no error from Python 3.14 on.

    Raises:
        OSError: that cannot be found out, for a name too long or a folder that is closed to us.
    """
    return _mode(path) != 0


def is_folder(path: Path) -> bool:
    """Return True if a path leads to a folder.

    Raises:
        OSError: as `exists`.
    """
    return stat.S_ISDIR(_mode(path))


def is_data_folder(path: Path) -> bool:
    """Return True if a path of data leads to a folder.

    Raises:
        DataError: that cannot be found out.
    """
    try:
        return is_folder(path)
    except OSError as error:  # a name too long, or a folder above is closed to us
        raise DataError(
            f"cannot read {printable(path)}: {error.strerror}; check the path and its permissions"
        ) from error


def _mode(path: Path) -> int:
    """Return the file mode of the thing that a path leads to, 0 for nothing."""
    try:
        return path.stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        return 0
    except OSError as error:
        if error.errno == errno.ELOOP:
            return 0
        raise
    except ValueError:  # a NUL in it
        return 0


def at_once(path: str | Path, flags: int) -> int:
    """Open a file without waiting, as the `opener` of `open`; return its descriptor.

    The open of a FIFO would else wait for its other end, for ever if none comes.

    Raises:
        OSError: it cannot be opened.
    """
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def other_kind(mode: int) -> str:
    """Return the kind of a file that is not a regular one, such as "a folder"; else "".

    Args:
        mode: of the file, as `os.stat` has it.
    """
    if stat.S_ISREG(mode):
        return ""
    return next((name for test, name in _KINDS if test(mode)), "no regular file")


def check_regular(path: Path, mode: int) -> None:
    """Refuse anything but a regular file, by its mode.

    Raises:
        DataError: it is a folder, FIFO, device or socket; the message names the kind.
    """
    kind = other_kind(mode)
    if kind:
        raise DataError(f"{printable(path)} is {kind}; expected a regular file with content")


@contextmanager
def open_unchanged(path: Path) -> Iterator[io.FileIO]:
    """Open a regular, non-empty file, unbuffered; refuse it if it changes before the block ends.

    Raises:
        DataError: missing, not readable, a folder, FIFO, device or socket (the kind is named),
            empty, or its size or modification time changed.
    """
    with _open_regular(path) as file:
        before = os.fstat(file.fileno())
        if before.st_size == 0:
            raise DataError(
                f"{printable(path)} is empty (0 bytes); expected a regular file with content"
            )
        try:
            with _readable(path):
                yield file
        except DataError as error:
            # Half of an old and half of a new file look damaged: the change is the true reason.
            _check_unchanged(path, before, os.fstat(file.fileno()), error)
            raise
        _check_unchanged(path, before, os.fstat(file.fileno()), None)


def read_whole(path: Path, max_bytes: int | None = None) -> bytes:
    """Return the content of a file of at most `max_bytes` (None: half of the free memory).

    Raises:
        DataError: as `open_unchanged`, or the file is too big.
    """
    with open_unchanged(path) as file:
        check_bytes(os.fstat(file.fileno()).st_size, max_bytes, printable(path))
        return file.readall()


def read_with_room(path: Path) -> bytes:
    """Return the content of a file, where memory has room for it twice.

    Raises:
        DataError: as `open_unchanged`, or the file is too big.
    """
    with open_unchanged(path) as file:
        check_bytes(2 * os.fstat(file.fileno()).st_size, None, f"reading {printable(path)}")
        return file.readall()


def decoded(content: bytes, name: str) -> str:
    """Return the text of a file in UTF-8, with or without a byte-order mark.

    Raises:
        DataError: it is not UTF-8; the message names the first such byte and its line.
    """
    try:
        return content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = 1 + len(_LINE_END.findall(content[: error.start]))
        raise DataError(
            f"{name} is not UTF-8 (byte 0x{content[error.start]:02x} in line {line}); "
            "save it again as UTF-8"
        ) from error


@contextmanager
def _readable(path: Path) -> Iterator[None]:
    try:
        yield
    except DataError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a NUL character in the path
        reason = getattr(error, "strerror", None) or error
        raise DataError(
            f"cannot read {printable(path)}: {reason}; check the path and its permissions"
        ) from error


def _open_regular(path: Path) -> io.FileIO:
    # Asked before the open too, since opening some devices has an effect.
    with _readable(path):
        mode = path.stat().st_mode
    check_regular(path, mode)
    with _readable(path):
        file = io.FileIO(path, "rb", opener=at_once)
    try:
        check_regular(path, os.fstat(file.fileno()).st_mode)
    except DataError:
        file.close()
        raise
    return file


def _check_unchanged(
    path: Path, before: os.stat_result, after: os.stat_result, cause: DataError | None
) -> None:
    if (before.st_size, before.st_mtime_ns) != (after.st_size, after.st_mtime_ns):
        raise DataError(
            f"{printable(path)} changed while it was read; wait until it is written, then try again"
        ) from cause
