"""The limit on threads of the matrix products, shared by all runs of the process.

A BLAS has one thread count for the whole process. Each run setting and restoring it by itself
would lift the limit of the others: the first to end gives them other bits, and the last one leaves
the process with the limit of another run.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from functools import lru_cache

from threadpoolctl import (
    LibController,
    ThreadpoolController,
    get_cached_controller,
    reset_cached_controller,
)

from samplewise.locks import new_lock

VARIABLES = tuple(f"{name}_NUM_THREADS" for name in ("OPENBLAS", "MKL", "OMP", "NUMBA"))
"""Environment variables that libraries read when they are loaded; the limit here reaches those that
are loaded already."""


class _SharedLimit:
    """The counts asked for at the moment, and the libraries' counts before the first of them."""

    def __init__(self) -> None:
        self._lock = new_lock()
        self._asked: dict[object, int] = {}
        self._before: dict[str, tuple[LibController, int]] = {}

    def enter(self, user: object, threads: int) -> None:
        """Limit all BLAS libraries loaded so far, those limited already too."""
        with self._lock:
            self._asked[user] = threads
            for library in _libraries("blas").lib_controllers:
                self._before.setdefault(library.filepath, (library, library.num_threads))
            self._apply()

    def leave(self, user: object) -> None:
        """Give up the count of a user; the last to leave restores those from before the first.

        It may be called again where it was interrupted.
        """
        with self._lock:
            self._asked.pop(user, None)
            self._apply()
            if not self._asked:
                self._before.clear()

    def _apply(self) -> None:
        # The smallest: 1 is the only count whose bits are promised.
        for library, before in self._before.values():
            _set(library, min(self._asked.values(), default=before))


def _libraries(user_api: str) -> ThreadpoolController:
    # Finding them reads the memory map of the process, in 5 ms. threadpoolctl does so anew where
    # modules were imported since.
    return _selected(get_cached_controller(), user_api)


@lru_cache(maxsize=2)
def _selected(found: ThreadpoolController, user_api: str) -> ThreadpoolController:
    return found.select(user_api=user_api)


def library_loaded() -> None:
    """Say that a library with threads may have been loaded without importing a module.

    A backend calls it after it has loaded one by ctypes, so that the limit reaches that one too.
    """
    reset_cached_controller()


def loaded_libraries() -> list[str]:
    """Return the libraries with threads, sorted, as "openblas 0.3.30, 1 threads"."""
    # Not by its `info`, which asks each library for more: 70 us of a fit of a few milliseconds.
    each = get_cached_controller().lib_controllers
    return sorted({f"{one.internal_api} {one.version}, {one.num_threads} threads" for one in each})


def _set(library: LibController, threads: int) -> None:
    if library.num_threads == threads:
        return
    # From 3.8 on, threadpoolctl obeys the first thread only and ignores all others silently.
    release = getattr(library, "clear_controlling_thread", None)
    if release is not None:
        release(force=True)
    library.set_num_threads(threads)
    if release is not None:
        release(force=True)


_SHARED = _SharedLimit()


class limited:  # noqa: N801 - a context manager, written as a function is
    """Limit the threads of all libraries loaded so far; nest it to catch those loaded since.

    A class: the generator of a context manager costs more than the limit itself.

    Args:
        threads: at least 1. Where runs overlap in time, the smallest of their counts holds.
    """

    def __init__(self, threads: int) -> None:
        self._threads = threads
        self._before: list[tuple[LibController, int]] = []

    def __enter__(self) -> None:
        """Set the limit."""
        try:
            # OpenMP has a count for each calling thread. threadpoolctl's own limit describes each
            # library first, which takes 4 us of a training of half a millisecond.
            openmp = _libraries("openmp").lib_controllers
            self._before = [(one, one.num_threads) for one in openmp]
            _SHARED.enter(self, self._threads)
            for library in openmp:
                _set(library, self._threads)
        except BaseException:
            self.__exit__()
            raise

    def __exit__(self, *_: object) -> None:
        """Set the counts from before."""
        try:
            self._leave()
        except BaseException:
            # The handler of a signal may raise anywhere; a limit left behind would stay for ever.
            self._leave()
            raise

    def _leave(self) -> None:
        for library, count in self._before:
            _set(library, count)
        _SHARED.leave(self)


_OF_MANY: ContextVar[int] = ContextVar("threads of networks that train at once", default=1)


@contextmanager
def many_split_over(threads: int) -> Iterator[None]:
    """Let networks that train at once in this block be split over threads, which changes no bit.

    Args:
        threads: at most; their settings may allow more.
    """
    token = _OF_MANY.set(threads)
    try:
        yield
    finally:
        _OF_MANY.reset(token)


def threads_of_many() -> int:
    """Return the maximum number of threads that `many_split_over` allows here."""
    return _OF_MANY.get()
