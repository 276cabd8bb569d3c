"""The conditions of a measurement: one core, one thread, and a record of both."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
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
def one_core() -> Iterator[None]:
    """Keep this process on one core with one thread a library; all is restored afterwards.

    Where the system cannot pin a process (macOS, Windows), only the threads are limited.
    """
    variables = {name: os.environ.get(name) for name in THREAD_VARIABLES}
    cores = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else None
    os.environ.update(dict.fromkeys(THREAD_VARIABLES, "1"))
    _reload_numba_threads()
    try:
        if cores is not None:
            os.sched_setaffinity(0, {max(cores)})
        with limited(1):
            yield
    finally:
        if cores is not None:
            os.sched_setaffinity(0, cores)
        for name, value in variables.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value
        _reload_numba_threads()


def conditions() -> dict[str, Any]:
    """Return what a reader needs to judge a timing, as JSON values.

    That is the environment of a training run, the cores this process may use, and the threads of
    numba where a backend has loaded it.
    """
    pinned = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return {**environment(), "pinned_to": pinned, "numba_threads": _numba_threads()}


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
