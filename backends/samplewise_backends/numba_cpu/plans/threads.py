"""Work shared out over threads: kernels run without the interpreter's lock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from contextvars import copy_context
from functools import partial

# Calls a function with each of some numbers, one after the other or several at once.
Each = Callable[[Callable[[int], None], Sequence[int]], None]


def in_turn(call: Callable[[int], None], numbers: Sequence[int]) -> None:
    """Call a function with each number, one after the other."""
    for number in numbers:
        call(number)


def in_threads(threads: int) -> Each:
    """Return how a function is called with numbers in so many threads, one of them the caller's."""
    return in_turn if threads == 1 else partial(_shared_out, threads)


def _shared_out(threads: int, call: Callable[[int], None], numbers: Sequence[int]) -> None:
    """Call a function with each number; no thread of it is left on return, whatever is raised.

    Threads live as long as this call: a program that is forgotten, an interrupt and a fork find
    none that waits.

    Raises:
        BaseException: the first error of a call; the calls that nobody has begun are left out.
    """
    left, errors = deque(numbers), list[BaseException]()

    def work() -> None:
        while left and not errors:
            # Another thread may have taken the last number meanwhile.
            with suppress(IndexError):
                _try(call, left.popleft(), errors)

    # In copies of this context: NumPy's warnings stay as the caller set them.
    others = [
        threading.Thread(target=copy_context().run, args=(work,))
        for _ in range(min(threads, len(numbers)) - 1)
    ]
    started = []
    try:
        # Where the system gives no further thread, fewer of them do the work.
        with suppress(RuntimeError):
            for thread in others:
                thread.start()
                started.append(thread)
        work()
    finally:
        left.clear()
        for thread in started:
            thread.join()
    if errors:
        raise errors[0]


def _try(call: Callable[[int], None], number: int, errors: list[BaseException]) -> None:
    try:
        call(number)
    except BaseException as error:  # noqa: BLE001 - raised again where all threads have ended
        errors.append(error)


def all_at_once(calls: Sequence[Callable[[], None]], abandon: Callable[[], None]) -> None:
    """Run calls that wait for one another, each in a thread, the first in the caller's.

    Args:
        calls: at least one.
        abandon: lets the others end where one call has failed or could not begin.

    Raises:
        BaseException: the first error of a call, once all have ended.
        RuntimeError: the system gives no further thread; nothing has been called.
    """
    errors, ready, may_begin = list[BaseException](), threading.Event(), list[bool]()

    def begin(number: int) -> None:
        ready.wait()
        if may_begin:
            _try(lambda k: calls[k](), number, errors)
            if errors:
                abandon()

    others = [
        threading.Thread(target=copy_context().run, args=(begin, number))
        for number in range(1, len(calls))
    ]
    started = []
    try:
        for thread in others:
            thread.start()
            started.append(thread)
        may_begin.append(True)
        ready.set()
        begin(0)
    except BaseException:
        abandon()
        raise
    finally:
        ready.set()
        for thread in started:
            thread.join()
    if errors:
        raise errors[0]
