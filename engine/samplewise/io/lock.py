"""Folders and files that one process holds at a time; the system lets go when the process ends.

Not every file system has locks: over NFS folders have none, and others have none at all.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samplewise.checks import printable
from samplewise.errors import OutputError
from samplewise.warn import warn

try:
    import fcntl
except ImportError:  # Windows
    _LOCKS = False
else:
    _LOCKS = True


class NoLockError(OSError):
    """The file system has no lock for a folder."""


def nothing_held() -> int:
    """Return a descriptor that holds nothing, to be closed as one that does."""
    return os.open(os.devnull, os.O_RDONLY)


def taken(folder: Path) -> int | None:
    """Lock a folder; the lock stays with it when it is renamed. Windows locks nothing.

    Returns:
        A descriptor, to be closed; None where another holds the folder.

    Raises:
        NoLockError: it cannot be locked.
        OSError: it cannot be opened.
    """
    if not _LOCKS:
        return nothing_held()
    # Anything but a folder is refused at once; the open of a FIFO would wait for a writer.
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        return None
    except OSError as error:
        os.close(descriptor)
        raise NoLockError(error.errno, error.strerror) from error
    return descriptor


@contextmanager
def held(descriptor: int) -> Iterator[None]:
    """Hold an open file until the block ends, waiting for the process that holds it now.

    A system without such locks, as Windows, leaves it free.

    Args:
        descriptor: of the file, to which no other thread writes.
    """
    if not _LOCKS:
        yield
        return
    with suppress(OSError):
        fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        yield
    finally:
        with suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_UN)


@contextmanager
def locked(folder: Path, why: str, remedy: str = "name another folder") -> Iterator[None]:
    """Hold a folder until the block ends, or the process does.

    Args:
        folder: existing.
        why: the reason, for people, why another process could hold it.
        remedy: what they can do.

    Raises:
        OutputError: another process holds it, or it cannot be opened.

    Warns:
        SamplewiseWarning: it cannot be locked, and is not held.
    """
    try:
        descriptor = taken(folder)
    except NoLockError as error:
        warn(
            f"{printable(folder)} cannot be locked ({error.strerror}), as on some network file "
            f"systems; nothing prevents that {why}"
        )
        descriptor = nothing_held()
    except OSError as error:
        raise OutputError(f"cannot open {printable(folder)}: {error.strerror or error}") from error
    if descriptor is None:
        raise OutputError(f"{printable(folder)} is in use: {why}; {remedy}")
    try:
        yield
    finally:
        os.close(descriptor)
