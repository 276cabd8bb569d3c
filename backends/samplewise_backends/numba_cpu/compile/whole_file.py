"""Files of the cache folder: regular, written whole or not at all, by one process at a time."""

from __future__ import annotations

import errno
import os
import secrets
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

try:
    import fcntl
except ImportError:  # not a Unix
    _LOCKS = False
else:
    _LOCKS = True

# A kernel compiles in seconds; a process that was suspended meanwhile holds up nobody for ever.
WAIT_S, POLL_S = 60.0, 0.02


def read(path: Path, most: int) -> bytes:
    """Return the first bytes of a regular file, at most `most`.

    Raises:
        OSError: it cannot be read, or is something else, such as a FIFO.
    """
    with open(path, "rb", opener=_at_once) as file:
        if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
            raise OSError(errno.EINVAL, "not a regular file", str(path))
        return file.read(most)


def _at_once(path: str, flags: int) -> int:
    """Open a file without waiting; a FIFO would else wait for its other end, maybe for ever."""
    return os.open(path, flags | getattr(os, "O_NONBLOCK", 0), 0o666)


def write(path: Path, content: bytes) -> None:
    """Write a file under a temporary name in its folder, sync it, and give it its name.

    Raises:
        OSError: the folder cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError:
        with suppress(OSError):
            temporary.unlink()
        raise


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Let one process at a time make a file; the others wait for it, a minute at most.

    The system takes the lock from a process that ends. Where it has no locks, nobody waits.
    """
    lock = path.with_name(f".{path.name}.lock")
    try:
        file = os.fdopen(_at_once(str(lock), os.O_WRONLY | os.O_CREAT), "wb")
    except OSError:
        # Where nothing can be written, nothing will come to be either.
        yield
        return
    with file:
        is_ours = _acquire(file.fileno())
        try:
            yield
        finally:
            # Whoever waits for the removed lock, or makes a new one, finds the kernel made.
            if is_ours:
                with suppress(OSError):
                    lock.unlink()
                # Closing leaves it to a process that was forked meanwhile, which would wait for
                # itself.
                fcntl.flock(file, fcntl.LOCK_UN)


def _acquire(file: int) -> bool:
    """Wait for the lock of an open file; return False where there is none to be had."""
    if not _LOCKS:
        return False
    end = time.monotonic() + WAIT_S
    while time.monotonic() < end:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            time.sleep(POLL_S)
        except OSError:
            return False
        else:
            return True
    return False
