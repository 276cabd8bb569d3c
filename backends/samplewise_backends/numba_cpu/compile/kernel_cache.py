"""The folder of compiled kernels: where it lies, and when it is trusted.

It is named after a hash of every source in this package, of the compilers' versions and of their
settings that change code: an edited helper is always compiled anew, and two versions never share an
entry.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import warnings
from functools import cache
from pathlib import Path

import platformdirs

from samplewise_backends.numba_cpu.compile.key import backend_hash, settings_hash

# A full disk takes an empty file, but not its first block.
PROBE_BYTES = 4096


@cache
def cache_folder() -> Path | None:
    """Return the folder of compiled kernels, made if need be, or None where none can be used.

    Entries are machine code that is run, so a folder that others may write is refused. One
    that can only be read, such as a read-only image's, serves what is in it.
    """
    return _folder_or_reason()[0]


@cache
def folder_to_fill() -> Path | None:
    """Return the same for a kernel that must be compiled: without a folder, warn why."""
    folder, reason = _folder_or_reason()
    if folder is None:
        warn_of_no_cache(reason)
    return folder


def _folder_or_reason() -> tuple[Path | None, str]:
    named = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("SAMPLEWISE_CACHE_DIR")
    try:
        base = Path(named or platformdirs.user_cache_dir("samplewise")).expanduser().absolute()
    except RuntimeError as error:
        # A "~" that nobody resolves would become a folder of that name, wherever the process runs.
        return None, f"no home folder is known: {error}"
    folder = base / "kernels" / _entries_name()
    try:
        # Whatever the umask, its owner alone writes. Others may read: an image is often filled by
        # root and run by somebody else.
        folder.mkdir(parents=True, exist_ok=True, mode=0o755)
        details = folder.stat()
    except OSError as error:
        return None, f"{folder} cannot be made: {error.strerror}"
    writable_by_others = bool(details.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    # The system's administrator may write everywhere in any case.
    if hasattr(os, "getuid") and (details.st_uid not in (os.getuid(), 0) or writable_by_others):
        return None, f"others may write to {folder}"
    if not os.access(folder, os.R_OK | os.X_OK):
        return None, f"{folder} cannot be read"
    return folder, ""


@cache
def keeps_kernels() -> bool:
    """Return True if a later process finds the kernels that this one compiles."""
    folder = cache_folder()
    if folder is None:
        return False
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            file.write(bytes(PROBE_BYTES))
            file.flush()
    except OSError:
        return False
    return True


@cache
def warn_of_no_cache(reason: str) -> None:
    """Warn once a process; numba makes Python forget which warnings were shown."""
    warnings.warn(
        f"compiled kernels are not kept, so every start compiles anew: {reason}; "
        "set SAMPLEWISE_CACHE_DIR to a folder of your own",
        RuntimeWarning,
        stacklevel=2,
    )


def _entries_name() -> str:
    content = (backend_hash() + settings_hash()).encode()
    return hashlib.sha256(content).hexdigest()[:16]
