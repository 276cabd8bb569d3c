"""The one place that decides how kernels are compiled and where they are cached.

numba keys its cache by the source of a kernel's own file, and sees no change in another one. So
the cache folder is named after a hash of every source in this package: an edited helper is always
compiled anew, and two versions never share an entry.
"""

from __future__ import annotations

import hashlib
import os
import stat
import warnings
from collections.abc import Callable
from functools import cache, partial
from pathlib import Path
from typing import Any, cast

import numba
import platformdirs
from numba import types
from numba.core import caching, ccallback

# Lets sums be reordered, so that they vectorise, and products be fused into them. `nnan` and
# `ninf` stay out: with them, numba folds isnan and isfinite to constants.
REORDERED = frozenset({"reassoc", "contract", "arcp", "nsz"})
# Lets a product be fused into a sum, which rounds once instead of twice.
FUSED = frozenset({"contract"})


@cache
def cache_folder() -> Path | None:
    """Return the folder of compiled kernels, made if need be, or None where none can be used.

    Entries are pickles that numba runs on load, so a folder that others may write is refused.
    """
    base = (
        os.environ.get("NUMBA_CACHE_DIR")
        or os.environ.get("SAMPLEWISE_CACHE_DIR")
        or platformdirs.user_cache_dir("samplewise")
    )
    folder = Path(base) / "kernels" / _sources_hash()
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        details = folder.stat()
    except OSError as error:
        _warn_of_no_cache(f"{folder} cannot be made: {error.strerror}")
        return None
    writable_by_others = bool(details.st_mode & (stat.S_IWGRP | stat.S_IWOTH))
    if hasattr(os, "getuid") and (details.st_uid != os.getuid() or writable_by_others):
        _warn_of_no_cache(f"others may write to {folder}")
        return None
    if not os.access(folder, os.W_OK):
        _warn_of_no_cache(f"{folder} cannot be written")
        return None
    return folder


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
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.rglob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


_FunctionCache: Any = caching.FunctionCache


class _MendingCache(_FunctionCache):  # type: ignore[misc]
    """numba's cache, but what cannot be read is compiled anew, and what cannot be kept is not.

    A process killed while it wrote, or a power cut, leaves an entry cut short. numba raises what
    pickle makes of it, at this start and every later one.
    """

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
            _warn_of_no_cache(f"{self.cache_path} cannot be written: {error.strerror}")


def _options(flags: frozenset[str]) -> dict[str, Any]:
    return {"nogil": True, "error_model": "numpy", "fastmath": set(flags) or False}


def entry_point(function: Callable[..., Any]) -> Any:
    """Compile on first call from Python, with products fused into sums, and keep it on disk."""
    dispatcher = numba.njit(**_options(FUSED))(function)
    if not cast(Any, numba.config).DISABLE_JIT:
        _keep_on_disk(dispatcher, function)
    return dispatcher


def _keep_on_disk(compiled: Any, function: Callable[..., Any]) -> None:
    """Do what `cache=True` does, with our folder and class."""
    folder, settings = cache_folder(), cast(Any, numba.config)
    if folder is None:
        return
    # numba reads this when a cache is made; it has no argument for the folder.
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(folder)
    try:
        compiled._cache = _MendingCache(function)
    finally:
        settings.CACHE_DIR = before


INTEGER = types.intp
INTEGERS = types.CPointer(types.int64)  # type: ignore[no-untyped-call]
NUMBER, NUMBERS = "number", "numbers"
"""What a routine takes: an integer, the address of int64, a number of its dtype, their address."""


class Routine:
    """A kernel that others call by its address, so that it is compiled once and not in each.

    Args:
        function: returns nothing.
        kinds: of its arguments.
    """

    def __init__(self, function: Callable[..., None], kinds: tuple[Any, ...]) -> None:
        self._function, self._kinds = function, kinds
        self._compiled: dict[str, Any] = {}

    def address(self, dtype: str) -> int:
        """Return where the routine of a dtype is in this process; compile it if need be."""
        if dtype not in self._compiled:
            # numba.cfunc(cache=True) would choose the folder and the class of the cache.
            callback: Any = ccallback.CFunc
            signature = self._arguments(dtype), types.void
            compiled = callback(self._function, signature, {}, _options(FUSED))
            _keep_on_disk(compiled, self._function)
            compiled.compile()
            self._compiled[dtype] = compiled
        return int(self._compiled[dtype].address)

    def _arguments(self, dtype: str) -> tuple[Any, ...]:
        number = getattr(types, dtype)
        kinds = {NUMBER: number, NUMBERS: types.CPointer(number)}  # type: ignore[no-untyped-call]
        return tuple(kinds.get(kind, kind) for kind in self._kinds)


def routine(*kinds: Any) -> Callable[[Callable[..., None]], Routine]:
    """Compile on the first question for the address, as `entry_point`, for kernels to call."""
    return lambda function: Routine(function, kinds)


def _inner(function: Callable[..., Any], flags: frozenset[str], **options: Any) -> Any:
    # Without the wrappers for Python and C that nobody calls, and without a cache of its own: a
    # sixth of the time of a first compile. The trap: called from Python, such a kernel crashes.
    unwrapped: dict[str, Any] = {"no_cpython_wrapper": True, "no_cfunc_wrapper": True}
    return numba.njit(**_options(flags), **unwrapped, **options)(function)


def kernel(function: Callable[..., Any]) -> Any:
    """Compile for other kernels to call, in strict IEEE arithmetic."""
    return _inner(function, frozenset())


def reordered_kernel(function: Callable[..., Any]) -> Any:
    """Compile as `kernel`, but let sums be reordered: for inner products only.

    Measured on a dot product of 4096 float64: 1.2 us against 3.0 us in strict order.
    """
    return _inner(function, REORDERED)


def inlined_kernel(function: Callable[..., Any]) -> Any:
    """Compile into each caller, with products fused into sums and nothing else reordered.

    An array is seven arguments of machine code, so a call with ten of them costs more than a
    small layer: inlining the layers was measured to take a third off a step of 784-10-1.
    """
    return _inner(function, FUSED, forceinline=True)


def spliced_kernel(function: Callable[..., Any]) -> Any:
    """Copy the source into each caller, which compiles it with its own flags.

    For long functions with few callers: numba optimises a function once for itself and once more
    in everything that calls it. A quarter of the time of a first compile. Such a function takes no
    `*arguments`.
    """
    return _inner(function, FUSED, inline="always")
