"""Locks that a forked process finds free."""

from __future__ import annotations

import os
import threading
import weakref

_LOCKS: weakref.WeakSet[threading.Lock] = weakref.WeakSet()


def new_lock() -> threading.Lock:
    """Return a lock that is free in a forked process, where the thread that held it is missing.

    A server that forks its workers while a thread of it predicts would have workers that wait for
    ever. What such a lock guards must be of use at any moment.
    """
    lock = threading.Lock()
    _LOCKS.add(lock)
    return lock


def _free_all() -> None:
    for lock in _LOCKS:
        # As Python frees the locks of its own modules.
        lock._at_fork_reinit()  # type: ignore[attr-defined]


if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(after_in_child=_free_all)
