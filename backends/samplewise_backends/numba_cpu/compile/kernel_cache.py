"""Compiled kernels on disk: where they lie, when they are trusted, and when they no longer hold.

numba keys its cache by the source of a kernel's own file, and sees no change in another one. So
the cache folder is named after a hash of every source in this package, of numba's version and of
its settings that change code: an edited helper is always compiled anew, and two versions never
share an entry.
"""

from __future__ import annotations

import hashlib
import os
import stat
import tempfile
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import llvmlite
import numba
import platformdirs
from numba.core import caching

# numba's settings that change the compiled code, which its own cache ignores.
CODE_SETTINGS = (
    "OPT",
    "LOOP_VECTORIZE",
    "SLP_VECTORIZE",
    "DISABLE_INTEL_SVML",
    "LLVM_REFPRUNE_FLAGS",
    "BOUNDSCHECK",
    "DEBUGINFO_DEFAULT",
    "EXTEND_VARIABLE_LIFETIMES",
    "ENABLE_PROFILING",
)
# A full disk takes an empty file, but not its first block.
PROBE_BYTES = 4096


@cache
def cache_folder() -> Path | None:
    """Return the folder of compiled kernels, made if need be, or None where none can be used.

    Entries are pickles that numba runs on load, so a folder that others may write is refused. One
    that can only be read, such as a read-only image's, serves what is in it.
    """
    named = os.environ.get("NUMBA_CACHE_DIR") or os.environ.get("SAMPLEWISE_CACHE_DIR")
    try:
        base = Path(named or platformdirs.user_cache_dir("samplewise")).expanduser().absolute()
    except RuntimeError as error:
        # A "~" that nobody resolves would become a folder of that name, wherever the process runs.
        _warn_of_no_cache(f"no home folder is known: {error}")
        return None
    folder = base / "kernels" / _sources_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        details = folder.stat()
    except OSError as error:
        _warn_of_no_cache(f"{folder} cannot be made: {error.strerror}")
        return None
    writable_by_others = bool(details.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    # The system's administrator may write everywhere in any case.
    if hasattr(os, "getuid") and (details.st_uid not in (os.getuid(), 0) or writable_by_others):
        _warn_of_no_cache(f"others may write to {folder}")
        return None
    if not os.access(folder, os.R_OK | os.X_OK):
        _warn_of_no_cache(f"{folder} cannot be read")
        return None
    return folder


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
def _warn_of_no_cache(reason: str) -> None:
    """Warn once a process; numba makes Python forget which warnings were shown."""
    warnings.warn(
        f"compiled kernels are not kept, so every start compiles anew: {reason}; "
        "set SAMPLEWISE_CACHE_DIR to a folder of your own",
        RuntimeWarning,
        stacklevel=2,
    )


def _sources_hash() -> str:
    settings = [str(getattr(numba.config, name, None)) for name in CODE_SETTINGS]
    versions = numba.__version__, llvmlite.__version__
    digest = hashlib.sha256(" ".join([*versions, *settings]).encode())
    for source in sorted(Path(__file__).parents[1].rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


_Locator: Any = caching.UserProvidedCacheLocator
_Entries: Any = caching.CompileResultCacheImpl
_FunctionCache: Any = caching.FunctionCache


class _FolderLocator(_Locator):  # type: ignore[misc]
    """Names the place of a kernel's entries; numba's own passes over what can only be read."""

    def get_cache_path(self) -> str:
        """Return the folder of the entries, which numba makes when it writes the first."""
        return str(Path(cache_folder() or "") / self.get_suitable_cache_subpath(self._py_file))

    @classmethod
    def from_function(cls, py_func: Any, py_file: str) -> Any:
        """Return the locator of a kernel in a file."""
        return cls(py_func, py_file)


class _FolderEntries(_Entries):  # type: ignore[misc]
    """numba's entries, in our folder."""

    _locator_classes = (_FolderLocator,)


class _MendingCache(_FunctionCache):  # type: ignore[misc]
    """numba's cache; unreadable entries are compiled anew, and failures to write are a warning.

    A process killed while it wrote, or a power cut, leaves an entry cut short. numba raises the
    error of pickle, at this start and every later one.
    """

    _impl_class = _FolderEntries

    def load_overload(self, sig: Any, target_context: Any) -> Any:
        """Return the compiled code of a signature, or None where it must be compiled."""
        try:
            return super().load_overload(sig, target_context)
        except Exception:  # noqa: BLE001 - a damaged pickle may raise anything
            self._try(self.flush)
            return None

    def save_overload(self, sig: Any, data: Any) -> None:
        """Keep the compiled code of a signature, if the disk allows."""
        self._try(partial(super().save_overload, sig, data))

    def _try(self, write: Callable[[], None]) -> None:
        try:
            write()
        except OSError as error:
            self.disable()
            _warn_of_no_cache(f"{cache_folder()} cannot be written: {error.strerror}")


def keep_on_disk(compiled: Any, function: Callable[..., Any]) -> None:
    """Cache as `cache=True` does, with our folder and class."""
    if cache_folder() is None:
        return
    settings = cast(Any, numba.config)
    # Locators that the user names would replace ours; numba reads this when a cache is made.
    before = settings.CACHE_LOCATOR_CLASSES
    settings.CACHE_LOCATOR_CLASSES = ""
    try:
        compiled._cache = _MendingCache(function)
    finally:
        settings.CACHE_LOCATOR_CLASSES = before
