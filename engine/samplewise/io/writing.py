"""Whole-or-absent writing of files and folders."""

from __future__ import annotations

import errno
import os
import shutil
import tempfile
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from samplewise.checks import printable
from samplewise.errors import OutputError
from samplewise.io.leftovers import OLD, TEMPORARY, clear_leftovers, held_folder, hidden_beside
from samplewise.io.reading import exists, is_folder, is_there, other_kind

TENSORS = ".safetensors"
FILE_ENDINGS = frozenset(
    (TENSORS, ".npy", ".npz", ".pt", ".pth", ".pkl", ".pickle", ".joblib", ".h5", ".hdf5", ".keras")
) | {".onnx", ".csv", ".json", ".toml", ".parquet", ".html", ".png", ".jpg", ".zip"}
"""Endings of names that other programs read as a format of their own."""


NO_SYNC_OF_FOLDERS = {errno.EINVAL, errno.EBADF, errno.ENOTSUP, errno.ENOSYS}
"""Answers of network and shared file systems that sync files but no folders."""


def sync_folder(path: Path) -> None:
    """Let the names in a folder survive a power loss, where the file system offers that."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in NO_SYNC_OF_FOLDERS:
            raise
    finally:
        os.close(descriptor)


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that a reader sees the old content or the new, never a part.

    The bytes go to a temporary name in the same folder, are synced, and the name is replaced.

    Raises:
        OutputError: the folder is missing, not writable or full; the old file is then untouched.
            Or the path leads to a folder, device or the like, which a file must not replace.
    """
    kind = _kind_not_replaced(path)
    if kind:
        raise OutputError(f"cannot write {printable(path)}: it is {kind}; name a file")
    temporary = hidden_beside(path, TEMPORARY)
    try:
        with temporary.open("xb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
        sync_folder(path.parent)
    except OSError as error:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise _not_written(path, error) from error


def _kind_not_replaced(path: Path) -> str:
    """Return the kind of what a path leads to where no file must replace it, else ""."""
    # A name too long, a folder that is closed to us: the write that follows says so.
    with suppress(OSError):
        # As /dev/stdout, which root would replace by the file.
        if path.is_symlink() and path.readlink().is_relative_to("/proc"):
            return "a link to an open file of a process"
        return other_kind(path.stat().st_mode)
    return ""


def _not_written(path: Path, error: OSError) -> OutputError:
    remedy = ""
    if isinstance(error, FileNotFoundError) and not is_there(path.absolute().parent):
        remedy = f"; make the folder {printable(path.parent)} first"
    elif error.errno in (errno.ENOSPC, errno.EDQUOT):
        remedy = "; make room, or write elsewhere"
    return OutputError(f"cannot write {printable(path)}: {error.strerror or error}{remedy}")


def check_tensor_file(path: Path) -> None:
    """Refuse a name of another format for a file of safetensors; one without an ending is fine.

    Raises:
        OutputError: the name has the ending of another format.
    """
    if path.suffix.lower() in FILE_ENDINGS - {TENSORS}:
        raise OutputError(
            f"cannot write {printable(path)}: weights are written as safetensors; end the name in "
            f"{TENSORS}"
        )


def write_text(path: Path, content: str) -> None:
    """Write UTF-8 text as `write_bytes` does."""
    write_bytes(path, content.encode("utf-8"))


def make_folder(folder: Path) -> list[str]:
    """Make a folder with its parents, where it is missing; return the names in it, sorted.

    Raises:
        OutputError: it cannot be made, or not be looked into.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return sorted(entry.name for entry in folder.iterdir())
    except OSError as error:
        raise OutputError(
            f"cannot make the folder {printable(folder)}: {error.strerror or error}"
        ) from error


def check_output_folder(folder: Path, *, force: bool, known: Collection[str]) -> None:
    """Refuse an output folder that could not be made, or that would replace something.

    `force` replaces a folder of known files, never one that holds anything else: a slip such as
    `--out ~` must not delete.

    Args:
        folder: where the output shall go.
        force: whether an earlier output may be replaced.
        known: names of the files that such an output consists of.

    Raises:
        OutputError: it exists and `force` is false, is not a folder, is the current folder or above
            it, holds another file, or its parent cannot hold it; or its name ends as a file's.
    """
    try:
        _check_replaceable(folder, force=force, known=known)
        _check_writable(folder.absolute().parent)
    except OutputError:
        raise
    except OSError as error:  # a name too long, or a folder that may not be looked into
        raise OutputError(
            f"cannot write {printable(folder)}: {error.strerror or error}; name another with --out"
        ) from error


def check_folder_name(folder: Path) -> None:
    """Refuse the name of a file for a folder that does not exist yet.

    Raises:
        OutputError: the name ends as a file's.
    """
    if folder.suffix.lower() in FILE_ENDINGS and not folder.exists():
        raise OutputError(
            f"cannot write {printable(folder)}: a folder is written, but the name ends as a "
            "file's; name a folder with --out"
        )


def _check_replaceable(folder: Path, *, force: bool, known: Collection[str]) -> None:
    shown = printable(folder)
    if folder.is_symlink() or (exists(folder) and not is_folder(folder)):
        raise OutputError(f"{shown} is not a folder; name another with --out")
    check_folder_name(folder)
    entries = {entry.name for entry in folder.iterdir()} if folder.exists() else set()
    if entries and not force:
        raise OutputError(
            f"{shown} exists already; pass --force to replace it, or name another with --out OTHER"
        )
    resolved, current = folder.resolve(), Path.cwd()
    if resolved == current or resolved in current.parents:
        raise OutputError(f"{shown} is the current folder or above it; name another with --out")
    strangers = sorted(name for name in entries - set(known) if not _is_left_over(name, known))
    if strangers:
        raise OutputError(
            f"{shown} holds '{printable(strangers[0])}', which this command does not write; "
            "--force replaces only an earlier output of it: name another with --out"
        )


def _is_left_over(name: str, known: Collection[str]) -> bool:
    """Return True for the temporary name of a known file, which a killed process leaves behind."""
    ours = any(name.startswith(f".{one[:32]}.") for one in known)
    return ours and name.endswith(".tmp")


def _check_writable(parent: Path) -> None:
    """Make a folder and remove it: to the superuser, permissions say nothing of /proc or /sys."""
    while not exists(parent):
        parent = parent.parent
    try:
        Path(tempfile.mkdtemp(prefix=".samplewise.", dir=parent)).rmdir()
    except OSError as error:
        raise OutputError(
            f"cannot make a folder in {printable(parent)}: {error.strerror}"
        ) from error


@contextmanager
def new_folder(folder: Path, *, force: bool, known: Collection[str]) -> Iterator[Path]:
    """Give a temporary folder that becomes `folder` when the block ends without an error.

    With `force` an existing folder is replaced only then, so a failed run loses nothing. The
    arguments are those of `check_output_folder`.

    Raises:
        OutputError: as `check_output_folder`, also where what it refuses came to be during the
            block; or the final rename failed.
    """
    clear_leftovers(folder.absolute())
    check_output_folder(folder, force=force, known=known)
    folder = folder.absolute()
    old = hidden_beside(folder, OLD)
    try:
        temporary, held = held_folder(folder)
    except OSError as error:
        raise _not_written(folder, error) from error
    try:
        yield temporary
        # Again: another run may have written there in the meantime.
        _check_replaceable(folder, force=force, known=known)
        if folder.exists():
            if force:
                folder.rename(old)
            else:
                folder.rmdir()
        temporary.rename(folder)
        sync_folder(folder.parent)
    except BaseException as error:
        if old.exists() and not folder.exists():
            old.rename(folder)
        shutil.rmtree(temporary, ignore_errors=True)
        if isinstance(error, OSError) and not isinstance(error, OutputError):
            raise _not_written(folder, error) from error
        raise
    finally:
        os.close(held)
    shutil.rmtree(old, ignore_errors=True)
