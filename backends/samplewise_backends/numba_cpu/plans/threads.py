"""Work shared out over threads: kernels run without the interpreter's lock."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from contextvars import copy_context
from functools import partial
from queue import SimpleQueue

# Calls a function with each of some numbers, one after the other or several at once.
Each = Callable[[Callable[[int], None], Sequence[int]], None]


def in_turn(call: Callable[[int], None], numbers: Sequence[int]) -> None:
    """Call a function with each number, one after the other."""
    for number in numbers:
        call(number)


def in_threads(threads: int) -> Each:
    """Return a function that calls another with each number, in so many threads."""
    return in_turn if threads == 1 else partial(_shared_out, threads)


class _Others:
    """Threads beside the caller's, which all have ended when `wait` has returned.

    The handler of a signal runs in the main thread, and may raise wherever that one runs Python's
    code. So the caller, which may be that thread, waits by a queue, which is C code: an interrupt
    in a condition or an event of `threading` may leave its lock held for ever, and after one in
    `join` Python 3.11 takes the thread for ended.

    Args:
        works: of each thread; they raise nothing.
    """

    def __init__(self, works: Sequence[Callable[[], None]]) -> None:
        self._ended, self._bell = list[None](), SimpleQueue[None]()
        # In copies of this context: NumPy's warnings stay as the caller set them.
        self._threads = [
            threading.Thread(target=copy_context().run, args=(self._run, work)) for work in works
        ]
        self.started = 0

    def _run(self, work: Callable[[], None]) -> None:
        work()
        self._ended.append(None)
        self._bell.put(None)

    def start(self) -> None:
        """Start them; `started` says how many where it raises.

        Raises:
            RuntimeError: the system gives no further thread.
        """
        for thread in self._threads:
            thread.start()
            self.started += 1

    def wait(self, abandon: Callable[[], object]) -> None:
        """Wait until all have ended, and raise only then what interrupts the caller meanwhile.

        Args:
            abandon: lets them end soon; called after an interrupt, and takes no lock.
        """
        try:
            self._wait()
        except BaseException:
            abandon()
            self._wait()
            raise

    def _wait(self) -> None:
        while len(self._ended) < self.started:
            self._bell.get()
        for thread in self._threads:
            # One may live whose start was interrupted.
            if thread.is_alive():
                thread.join()


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

    others = _Others([work] * (min(threads, len(numbers)) - 1))
    try:
        # Where the system gives no further thread, fewer of them do the work.
        with suppress(RuntimeError):
            others.start()
        work()
    finally:
        left.clear()
        others.wait(left.clear)
    if errors:
        raise errors[0]


def _try(call: Callable[[int], None], number: int, errors: list[BaseException]) -> None:
    try:
        call(number)
    except BaseException as error:  # noqa: BLE001 - raised again where all threads have ended
        errors.append(error)


def beside(threads: int, call: Callable[[int], None], abandon: Callable[[], None]) -> None:
    """Run a call in each of some threads, of which none is the caller's: that one only waits.

    For calls that wait for one another by locks, which no signal's handler may leave held.

    Args:
        threads: at most. Where the system gives none, the caller calls.
        call: called with the number of the thread; fewer of them do the same work.
        abandon: lets the calls end soon where the caller is interrupted, without a lock.

    Raises:
        BaseException: the first error of a call, or what interrupted the caller.
    """
    errors = list[BaseException]()
    others = _Others([partial(_try, call, number, errors) for number in range(threads)])
    try:
        with suppress(RuntimeError):
            others.start()
        if others.started == 0:
            call(0)
    except BaseException:
        abandon()
        raise
    finally:
        others.wait(abandon)
    if errors:
        raise errors[0]


@contextmanager
def in_company(calls: Sequence[Callable[[], None]], abandon: Callable[[], None]) -> Iterator[None]:
    """Run calls, each in a thread, beside the block, for which they wait and which waits for them.

    Args:
        calls: those that end before the block go on waiting for it.
        abandon: lets all waiting end, at the end of the block, and where a call has failed.

    Raises:
        BaseException: of the block, or the first error of a call, once all have ended.
        RuntimeError: the system gives no further thread; the block has not begun.
    """
    errors = list[BaseException]()

    def run(number: int) -> None:
        _try(lambda k: calls[k](), number, errors)
        if errors:
            abandon()

    others = _Others([partial(run, number) for number in range(len(calls))])
    try:
        others.start()
        yield
    finally:
        abandon()
        others.wait(abandon)
    if errors:
        raise errors[0]
