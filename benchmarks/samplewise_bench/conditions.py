"""The conditions of a measurement: one core, one thread, and a record of both."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from typing import Any

from samplewise.threads import VARIABLES, limited
from samplewise.training.environment import environment

# Where the system cannot pin a process (macOS, Windows), only the threads are limited.
PINS = hasattr(os, "sched_getaffinity")


@contextmanager
def thread_variables(threads: int) -> Iterator[None]:
    """Set the thread variables for libraries of processes started meanwhile; restore them."""
    before = {name: os.environ[name] for name in VARIABLES if name in os.environ}
    os.environ.update(dict.fromkeys(VARIABLES, str(threads)))
    try:
        yield
    finally:
        for name in VARIABLES:
            os.environ.pop(name, None)
        os.environ.update(before)


@contextmanager
def one_core() -> Iterator[None]:
    """Keep this process on one core with one thread a library; all is restored afterwards."""
    cores = usable_cores()
    try:
        with thread_variables(1), limited(1):
            _reload_numba_threads()
            if PINS:
                os.sched_setaffinity(0, {max(cores)})
            yield
    finally:
        if PINS:
            os.sched_setaffinity(0, cores)
        _reload_numba_threads()


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this process may use, ascending."""
    return sorted(os.sched_getaffinity(0)) if PINS else list(range(os.cpu_count() or 1))


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
    # The engine never imports numba: only a backend does.
    numba = sys.modules.get("numba")
    threads = None if numba is None else int(numba.config.NUMBA_NUM_THREADS)
    pinned = usable_cores() if PINS else None
    return {**environment(), "pinned_to": pinned, "numba_threads": threads}


def machine(found: Mapping[str, Any]) -> str:
    """Return processor, core and threads of `conditions` as the start of a sentence."""
    pinned = found["pinned_to"]
    core = "not pinned" if pinned is None else f"core {pinned[0]}"
    return f"Processor: {found['processor']}, {core}, 1 thread."


def load_in_words(found: Mapping[str, Any]) -> str:
    """Return the load average that was added to `conditions`, "0.25"."""
    load = found["load_average"]
    return "unknown" if load is None else f"{load:.2f}"


def race_in_words(found: Mapping[str, Any], rounds: int) -> str:
    """Return machine, load and rounds of a measurement in turns as sentences."""
    load = f"Load when it began: {load_in_words(found)}"
    return f"{machine(found)} {load}. Rounds, interleaved: {rounds}."


def _reload_numba_threads() -> None:
    numba = sys.modules.get("numba")
    if numba is not None:
        # It refuses once its threads run, which no built-in kernel starts; the record then says so.
        with suppress(RuntimeError):
            numba.config.reload_config()
