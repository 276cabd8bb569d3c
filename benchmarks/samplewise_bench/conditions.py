"""The conditions of a measurement: one core, one thread, and a record of both."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from samplewise.threads import limited
from samplewise.training.environment import environment

# Read by libraries that are loaded later; threadpoolctl reaches those that are loaded already.
THREAD_VARIABLES = (
    "OPENBLAS_NUM_THREADS",
    "MKL_NUM_THREADS",
    "OMP_NUM_THREADS",
    "NUMBA_NUM_THREADS",
)


@contextmanager
def thread_variables(threads: int) -> Iterator[None]:
    """Set `THREAD_VARIABLES` for the libraries of processes started meanwhile; restore them."""
    before = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core with one thread a library; all is restored afterwards.

    Where the system cannot pin a process (macOS, Windows), only the threads are limited.
    """
    pins = hasattr(os, "sched_getaffinity")
    cores = usable_cores()
    try:
        with thread_variables(1), limited(1):
            _reload_numba_threads()
            if pins:
                os.sched_setaffinity(0, {max(cores)})
            yield
    finally:
        if pins:
            os.sched_setaffinity(0, cores)
        _reload_numba_threads()


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this process may use, ascending."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def load_average() -> float | None:
    """Return the processes that wanted a core over the last minute, None where not counted."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None


def conditions() -> dict[str, Any]:
    """Return the conditions by which a reader judges a timing, as JSON values.

    These are the environment of a training run, the cores this process may use, and the threads
    of numba where a backend has loaded it.
    """
    pinned = usable_cores() if hasattr(os, "sched_getaffinity") else None
    return {**environment(), "pinned_to": pinned, "numba_threads": _numba_threads()}


def core(found: Mapping[str, Any]) -> str:
    """Return the core of `conditions` in words."""
    pinned = found["pinned_to"]
    return "not pinned" if pinned is None else f"core {pinned[0]}"


def _loaded_numba() -> Any:
    # The engine never imports numba: only a backend does.
    return sys.modules.get("numba")


def _reload_numba_threads() -> None:
    numba = _loaded_numba()
    if numba is not None:
        # It refuses once its threads run, which no built-in kernel starts; the record then says so.
        with suppress(RuntimeError):
            numba.config.reload_config()


def _numba_threads() -> int | None:
    numba = _loaded_numba()
    return None if numba is None else int(numba.config.NUMBA_NUM_THREADS)
