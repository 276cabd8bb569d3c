"""The routines of this process: built ahead, kept by an earlier process, or compiled now."""

from __future__ import annotations

import re
import threading
import warnings
from pathlib import Path
from typing import Any

from samplewise_backends.numba_cpu.compile import kernel_cache, key, objects
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.compile.linking import link
from samplewise_backends.numba_cpu.compile.settings import (
    are_defaults,
    code_settings,
    compiles_in_memory,
)

PREBUILT = Path(__file__).parents[1] / "prebuilt"
"""The folder of objects in the distribution, one inner folder for each level of a processor."""

_addresses: dict[tuple[Routine, str], int] = {}
_compiled_here: set[str] = set()
# Threads that ask at once wait for one compile.
_lock = threading.RLock()


def address(routine: Routine, dtype: str) -> int:
    """Return the address of a dtype's routine in this process.

    Args:
        routine: of the package, or of anybody.
        dtype: of its numbers, "float32" or "float64".
    """
    with _lock:
        found = _addresses.get((routine, dtype))
        if found is None:
            found = _addresses[routine, dtype] = _loaded(routine, dtype)
        return found


def _loaded(routine: Routine, dtype: str) -> int:
    """Find or make an object, and put it into memory."""
    source = key.source_of(routine.py_func.__code__.co_filename)
    if source is None or compiles_in_memory():
        return _compile(routine, dtype, None, {})
    wanted = _description(routine, dtype, source)
    for place, processor in _built_ahead():
        path = place / _file_name(routine, dtype)
        found = _read(path, {**wanted, **processor}, ignored=("versions", "settings"))
        if found is not None:
            return found
    folder = kernel_cache.cache_folder()
    wanted |= {"processor": list(key.processor())}
    if folder is None:
        return _compile(routine, dtype, None, wanted)
    path = folder / _file_name(routine, dtype, wanted)
    found = _read(path, wanted)
    return _compile(routine, dtype, path, wanted) if found is None else found


def _built_ahead() -> list[tuple[Path, dict[str, Any]]]:
    """Return folders of objects that run here, the best first, and their processors."""
    if not PREBUILT.is_dir() or not are_defaults():
        return []
    return [(PREBUILT / level, {"processor": [level, ""]}) for level in key.levels()]


def _description(routine: Routine, dtype: str, source: str) -> dict[str, Any]:
    """Return what an object must say of itself, but for its processor."""
    return {
        "routine": routine.name,
        "dtype": dtype,
        "source": source,
        "layout": objects.layout_of(routine.record.of(dtype)),
        "versions": key.versions(),
        "settings": code_settings(),
    }


def _file_name(routine: Routine, dtype: str, *of: Any) -> str:
    """Return the name of an object, with a hash of what it is of beside its folder."""
    return ".".join([routine.name, dtype, *map(key.short_hash, of), "kernel"])


def _read(path: Path, wanted: dict[str, Any], ignored: tuple[str, ...] = ()) -> int | None:
    """Return the address of an object on disk, or None where it must be compiled."""
    try:
        header, code = objects.read(path)
        symbol, needs = header.pop("symbol"), header.pop("needs")
        for name in wanted.keys() - set(ignored):
            if header.get(name) != wanted[name]:
                raise ValueError(f"of another {name}")
        return link(code, symbol, needs)
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, RuntimeError) as error:
        warnings.warn(
            f"compiled kernel {path} cannot be used: {error}; it is compiled anew",
            RuntimeWarning,
            stacklevel=2,
        )
        return None


def _compile(routine: Routine, dtype: str, path: Path | None, header: dict[str, Any]) -> int:
    """Compile a routine, keep it at `path`, and return its address."""
    from samplewise_backends.numba_cpu.compile.compiler import compile_routine

    symbol = "sw_" + re.sub(r"\W", "_", f"{routine.name}_{dtype}")
    made = compile_routine(routine, dtype, symbol)
    _compiled_here.add(routine.name)
    if path is not None:
        header |= {"symbol": symbol, "needs": made.needs}
        try:
            objects.write(path, header, made.code)
        except OSError as error:
            kernel_cache.warn_of_no_cache(f"{path.parent} cannot be written: {error.strerror}")
    return link(made.code, made.symbol, made.needs)
