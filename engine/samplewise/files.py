"""Whole-or-absent writing of files and folders."""

from __future__ import annotations

import os
import secrets
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samplewise.errors import OutputError


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    The bytes go to a temporary name in the same folder, are synced, and the name is replaced.

    Raises:
        OutputError: the folder is missing, not writable or full; the old file is then untouched.
    """
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        _sync(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise OutputError(f"cannot write {path}: {error.strerror or error}") from error


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text as `write_bytes` does."""
    write_bytes(path, content.encode("utf-8"))


def check_output_folder(folder: Path, *, force: bool) -> None:
    """Refuse an output folder that could not be made, or that would replace something.

    Raises:
        OutputError: it exists and `force` is false, is no folder, or its parent cannot hold it.
    """
    if folder.is_symlink() or (folder.exists() and not folder.is_dir()):
        raise OutputError(f"{folder} is not a folder; name another with --out")
    if folder.exists() and any(folder.iterdir()) and not force:
        raise OutputError(f"{folder} exists already; name another with --out, or pass --force")
    parent = folder.absolute().parent
    while not parent.exists():
        parent = parent.parent
    if not parent.is_dir() or not os.access(parent, os.W_OK):
        raise OutputError(f"cannot make {folder}: {parent} is not a folder that can be written")


@contextmanager
def new_folder(folder: Path, *, force: bool) -> Iterator[Path]:
    """Give a temporary folder that becomes `folder` when the block ends without an error.

    With `force` an existing folder is replaced only then, so a failed run loses nothing.

    Raises:
        OutputError: as `check_output_folder`, or the final rename failed.
    """
    check_output_folder(folder, force=force)
    folder = folder.absolute()
    temporary = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.tmp")
    old = folder.with_name(f".{folder.name}.{secrets.token_hex(4)}.old")
    try:
        temporary.mkdir(parents=True)
        yield temporary
        if folder.exists():
            folder.rename(old)
        temporary.rename(folder)
        _sync(folder.parent)
    except BaseException as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, OutputError):
            raise OutputError(f"cannot write {folder}: {error.strerror or error}") from error
        raise
    shutil.rmtree(old, ignore_errors=True)
