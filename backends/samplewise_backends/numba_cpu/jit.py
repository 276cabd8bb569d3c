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
from functools import cache
from pathlib import Path
from typing import Any

import numba
import platformdirs

# Lets sums be reordered, so that they vectorise, and products be fused into them. `nnan` and
# `ninf` stay out: with them, numba folds isnan and isfinite to constants.
REORDERED = frozenset({"reassoc", "contract", "arcp", "nsz"})


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


def _warn_of_no_cache(reason: str) -> None:
    warnings.warn(
        f"compiled kernels are not kept, so every start compiles anew: {reason}; "
        "set SAMPLEWISE_CACHE_DIR to a folder of your own",
        RuntimeWarning,
        stacklevel=2,
    )


def _sources_hash() -> str:
    digest = hashlib.sha256(numba.__version__.encode())
    for source in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(source.read_bytes())
    return digest.hexdigest()[:16]


def _compile(function: Callable[..., Any], flags: frozenset[str]) -> Any:
    folder = cache_folder()
    options: dict[str, Any] = {
        "nogil": True,
        "error_model": "numpy",
        "fastmath": set(flags) or False,
    }
    if folder is None:
        return numba.njit(**options)(function)
    # numba reads this when it decorates; it has no argument for the folder.
    settings: Any = numba.config
    before = settings.CACHE_DIR
    settings.CACHE_DIR = str(folder)
    try:
        return numba.njit(cache=True, **options)(function)
    finally:
        settings.CACHE_DIR = before


def kernel(function: Callable[..., Any]) -> Any:
    """Compile on first call, in strict IEEE arithmetic, without bounds checks or the GIL."""
    return _compile(function, frozenset())


def reordered_kernel(function: Callable[..., Any]) -> Any:
    """Compile as `kernel`, but let sums be reordered: for inner products only.

    Measured on a dot product of 4096 float64: 1.2 us against 3.0 us in strict order.
    """
    return _compile(function, REORDERED)
