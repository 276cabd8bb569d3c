"""Locks for processes that fork: free in the child, whatever thread held them."""

from __future__ import annotations

import logging  # noqa: F401 - before the hooks below
import os
import threading
import weakref
from typing import Any

_LOCKS: weakref.WeakSet[Any] = weakref.WeakSet()
# One for all: of several, a thread that forks while it has the second would wait for one that forks
# while it has the first, and this one for the second.
_AWAITED: Any = threading.RLock()
_HELD: list[Any] = []


def new_lock() -> threading.Lock:
    """Return a lock that is free in a forked process, where the thread that held it is missing.

    A server that forks its workers while a thread of it predicts would have workers that wait for
    ever. What such a lock guards must be of use at any moment.
    """
    lock = threading.Lock()
    _LOCKS.add(lock)
    return lock


def awaited_lock() -> threading.RLock:
    """Return the lock of the process for which forks wait; its thread may take it again.

    What it guards may be of no use while it is held. All callers get the same one.
    """
    return _AWAITED


def _hold_awaited() -> None:
    _AWAITED.acquire()
    _HELD.append(_AWAITED)


def _let_go() -> None:
    # Once released, the list may hold the entry of the next thread that forks.
    if _HELD:
        _HELD.pop().release()


def _free_all() -> None:
    _let_go()
    for lock in _LOCKS:
        # As Python frees the locks of its own modules.
        lock._at_fork_reinit()


# The hooks of what was imported last run first, and that of `logging` holds its lock: had it run
# before, a compile that logs would wait for the fork, and the fork for the compile.
if hasattr(os, "register_at_fork"):  # Windows has no fork
    os.register_at_fork(before=_hold_awaited, after_in_parent=_let_go, after_in_child=_free_all)
