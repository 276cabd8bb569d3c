"""Locks for processes that fork: free in the child, whatever thread held them."""

from __future__ import annotations

import logging  # noqa: F401 - before the hooks below
import os
import threading
import weakref
from typing import Any

_LOCKS: weakref.WeakSet[Any] = weakref.WeakSet()
# One thread forks at a time. It takes the awaited locks first, in their order: a thread that forks
# while it has one would else wait for another that waits for it.
_AWAITED: list[Any] = []
_FORKING: Any = threading.Lock()
_HELD: list[Any] = []


def new_lock() -> threading.Lock:
    """Return a lock that is free in a forked process, where the thread that held it is missing.

    A server that forks its workers while a thread of it predicts would have workers that wait for
    ever. What such a lock guards must be of use at any moment.
    """
    lock = threading.Lock()
    _LOCKS.add(lock)
    return lock


def new_awaited_lock() -> threading.RLock:
    """Return a lock that its thread may take again, and for which forks wait.

    What it guards may be of no use while it is held. It is never forgotten: one for a module.
    """
    lock = threading.RLock()
    _AWAITED.append(lock)
    return lock


def _hold_awaited() -> None:
    for lock in (*_AWAITED, _FORKING):
        lock.acquire()
        _HELD.append(lock)


def _let_go() -> None:
    while _HELD:
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
