"""The routines of this process: built ahead, kept by an earlier process, or compiled now."""

from __future__ import annotations

import re
import time
import warnings
from enum import Enum
from pathlib import Path
from typing import Any

from samplewise.locks import awaited_lock
from samplewise_backends.numba_cpu.compile import (
    compile_time,
    kernel_cache,
    key,
    objects,
    whole_file,
)
from samplewise_backends.numba_cpu.compile.jit import Routine
from samplewise_backends.numba_cpu.compile.linking import link
from samplewise_backends.numba_cpu.compile.settings import (
    are_defaults,
    code_settings,
    compiles_in_memory,
)

PREBUILT = Path(__file__).parents[1] / "prebuilt"
"""The folder of objects in the distribution: an inner one for each level, then for the sources."""


class Origin(Enum):
    """Where a routine of this process came from."""

    PREBUILT = "prebuilt"
    KEPT = "compiled by an earlier process"
    COMPILED = "compiled by this process"


_addresses: dict[tuple[Routine, str], int] = {}
_origins: dict[tuple[Routine, str], Origin] = {}
_damaged: list[str] = []
# Threads that ask at once wait for one compile. So do forks: in the middle of one, numba and LLVM
# are of no use to a child.
_lock = awaited_lock()


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


def origin_of(routine: Routine, dtype: str) -> Origin:
    """Find or make a dtype's routine, and return where it came from."""
    address(routine, dtype)
    return _origins[routine, dtype]


def all_prebuilt() -> bool:
    """Return True if no routine of this process was compiled on this machine, now or before."""
    return set(_origins.values()) <= {Origin.PREBUILT}


def built_ahead(base: Path, level: str, source: str) -> Path:
    """Return the folder of objects built ahead; sources that were edited since have another one.

    Args:
        base: `PREBUILT`, or where it is made.
        level: of the processor.
        source: the hash of the sources.
    """
    return base / level / key.short_hash(source)


def _loaded(routine: Routine, dtype: str) -> int:
    """Find or make an object, and put it into memory."""
    source = key.source_of(routine.py_func.__code__.co_filename)
    if source is None or compiles_in_memory():
        return _compile(routine, dtype, None, {})
    wanted = description(routine, dtype, source)
    for level in _levels_built_ahead():
        path = built_ahead(PREBUILT, level, source) / file_name(routine, dtype)
        processor = {"processor": [level, ""]}
        found = _read(path, {**wanted, **processor}, ignored=("versions", "settings"))
        if found is not None:
            _origins[routine, dtype] = Origin.PREBUILT
            return found
    folder = kernel_cache.folder_to_fill()
    wanted |= {"processor": list(key.processor())}
    if folder is None:
        return _compile(routine, dtype, None, wanted)
    path = folder / file_name(routine, dtype, wanted)
    found = _read(path, wanted)
    if found is None:
        with whole_file.locked(path):
            # Another process may have made it meanwhile.
            found = _read(path, wanted)
            if found is None:
                return _compile(routine, dtype, path, wanted)
    _origins[routine, dtype] = Origin.KEPT
    return found


def _levels_built_ahead() -> list[str]:
    """Return the levels whose objects run here, the best first."""
    return key.levels() if PREBUILT.is_dir() and are_defaults() else []


def description(routine: Routine, dtype: str, source: str) -> dict[str, Any]:
    """Return the header that an object must have, but for its processor."""
    return {
        "routine": routine.name,
        "dtype": dtype,
        "source": source,
        "layout": objects.layout_of(routine.record.of(dtype)),
        "versions": key.versions(),
        "settings": code_settings(),
    }


def file_name(routine: Routine, dtype: str, *of: Any) -> str:
    """Return the file name of an object, with a hash of each further thing that it depends on."""
    return ".".join([routine.name, dtype, *map(key.short_hash, of), "kernel"])


def symbol_of(routine: Routine, dtype: str) -> str:
    """Return the name of the function in an object."""
    return "sw_" + re.sub(r"\W", "_", f"{routine.name}_{dtype}")


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
        _warn_of_damage(f"{path} cannot be used: {error}")
        return None


def _warn_of_damage(reason: str) -> None:
    """Warn of the first object in the process: where one is damaged, others often are."""
    if not _damaged:
        warnings.warn(
            f"compiled kernel {reason}; it, and any other such one, is compiled anew",
            RuntimeWarning,
            stacklevel=2,
        )
    _damaged.append(reason)


def _compile(routine: Routine, dtype: str, path: Path | None, header: dict[str, Any]) -> int:
    """Compile a routine, keep it at `path`, and return its address."""
    from samplewise_backends.numba_cpu.compile.compiler import compile_routine

    began = time.process_time()
    made = compile_routine(routine, dtype, symbol_of(routine, dtype))
    compile_time.add(time.process_time() - began)
    _origins[routine, dtype] = Origin.COMPILED
    if path is not None:
        header |= {"symbol": made.symbol, "needs": made.needs}
        try:
            if path.is_dir():
                path.rmdir()
            objects.write(path, header, made.code)
        except OSError as error:
            # A folder with something in it was reported when it could not be read as a file.
            if not path.is_dir():
                kernel_cache.warn_of_no_cache(f"{path.parent} cannot be written: {error.strerror}")
    return link(made.code, made.symbol, made.needs)
