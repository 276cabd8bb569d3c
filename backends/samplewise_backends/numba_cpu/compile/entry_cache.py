"""numba's own cache, in our folder, for the kernels that Python calls with arrays."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any, cast

import numba
from numba.core import caching

from samplewise_backends.numba_cpu.compile.kernel_cache import (
    cache_folder,
    folder_to_fill,
    warn_of_no_cache,
)

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
            warn_of_no_cache(f"{cache_folder()} cannot be written: {error.strerror}")


def keep_on_disk(compiled: Any, function: Callable[..., Any]) -> None:
    """Cache as `cache=True` does, with our folder and class."""
    if folder_to_fill() is None:
        return
    settings = cast(Any, numba.config)
    # Locators that the user names would replace ours; numba reads this when a cache is made.
    before = settings.CACHE_LOCATOR_CLASSES
    settings.CACHE_LOCATOR_CLASSES = ""
    try:
        compiled._cache = _MendingCache(function)
    finally:
        settings.CACHE_LOCATOR_CLASSES = before
