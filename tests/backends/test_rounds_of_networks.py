"""Rounds of work over threads: all of them, in order, and no number far ahead of another."""

import random
import signal
import threading
import time

import pytest

from interrupting import outside_coverage
from samplewise_backends.numba_cpu.plans.rounds import Rounds


def ran(threads, numbers, rounds, call=lambda number, k: None, stop=lambda: False):
    """Return how many rounds were run, and their calls in the order of their beginning."""
    calls = []

    def noted(number, k):
        calls.append((number, k))
        call(number, k)

    count = Rounds(noted, range(numbers), rounds, stop).run(threads)
    return count, calls


@pytest.mark.parametrize("threads", [1, 2, 4])
@pytest.mark.parametrize("numbers", [1, 3, 7])
def test_each_number_has_each_round_once_and_in_order(threads, numbers):
    draws = random.Random(1)

    def wait(number, k):
        time.sleep(draws.random() / 1000)

    count, calls = ran(threads, numbers, 5, wait)
    assert count == 5
    assert sorted(calls) == [(number, k) for number in range(numbers) for k in range(5)]
    for number in range(numbers):
        assert [k for one, k in calls if one == number] == list(range(5))


def test_a_thread_goes_on_while_another_ends_its_round_but_not_far():
    ahead, slow = threading.Event(), []

    def call(number, k):
        if number == 0 and k == 0:
            # Until the other number is in its second round.
            assert ahead.wait(10)
            time.sleep(0.05)
            slow.extend(calls)
        calls.append((number, k))
        if (number, k) == (1, 1):
            ahead.set()

    calls = []
    Rounds(call, range(2), 4, lambda: False).run(2)
    assert slow == [(1, 0), (1, 1)]
    assert len(calls) == 8


def test_the_number_that_is_furthest_behind_comes_next():
    begun, others = [], threading.Semaphore(0)

    def call(number, k):
        begun.append((number, k))
        if (number, k) == (0, 0):
            for _ in range(4):
                assert others.acquire(timeout=10)
            # Until the other thread waits, both of its numbers a round ahead.
            time.sleep(0.05)
        elif number > 0:
            others.release()

    Rounds(call, range(3), 4, lambda: False).run(2)
    assert sorted(begun[:5]) == [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)]
    assert (0, 1) in begun[5:7]


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_a_stop_ends_all_numbers_after_the_round_that_one_has_begun(threads):
    begun = []

    def call(number, k):
        begun.append((number, k))
        time.sleep(0.001)

    count, calls = ran(threads, 5, 9, call, lambda: (3, 2) in begun)
    # Another thread may have begun the next round.
    assert 3 <= count <= (3 if threads == 1 else 4)
    assert sorted(calls) == [(number, k) for number in range(5) for k in range(count)]


def test_a_stop_before_the_first_round_leaves_one():
    assert ran(2, 3, 9, stop=lambda: True)[0] == 1


@pytest.mark.parametrize("threads", [1, 2, 3])
def test_an_error_ends_all_threads_and_is_raised(threads):
    def call(number, k):
        if (number, k) == (1, 2):
            raise ValueError("of a call")
        time.sleep(0.001)

    before, calls = threading.active_count(), []
    with pytest.raises(ValueError, match="of a call"):
        Rounds(lambda *one: (calls.append(one), call(*one)), range(4), 99, lambda: False).run(
            threads
        )
    assert threading.active_count() == before
    assert len(calls) < 4 * 6


def test_an_error_lets_a_thread_that_waits_go():
    ahead = threading.Event()

    def call(number, k):
        if number == 0:
            assert ahead.wait(10)
            # Until the other thread waits for this call.
            time.sleep(0.05)
            raise ValueError("of a call")
        if k == 1:
            ahead.set()

    with pytest.raises(ValueError, match="of a call"):
        Rounds(call, range(2), 9, lambda: False).run(2)


def test_after_an_error_a_stop_begins_nothing():
    together, failed, calls = threading.Barrier(2, timeout=10), threading.Event(), []

    def call(number, k):
        calls.append((number, k))
        together.wait()
        if number == 0:
            failed.set()
            raise ValueError("of a call")
        assert failed.wait(10)
        time.sleep(0.05)

    with pytest.raises(ValueError, match="of a call"):
        Rounds(call, range(3), 9, failed.is_set).run(2)
    assert sorted(calls) == [(0, 0), (1, 0)]


def test_the_callers_thread_which_handles_signals_takes_part_only_where_it_is_the_only_one():
    """Where a handler raises in the middle of a condition, its lock is held for ever."""
    for threads in (1, 2, 3):
        seen = set()
        ran(threads, 3, 4, lambda *_, seen=seen: seen.add(threading.get_ident()))
        assert (threading.get_ident() in seen) == (threads == 1)


@pytest.mark.skipif(not hasattr(signal, "pthread_kill"), reason="no signal to a thread here")
def test_an_interrupt_of_the_caller_ends_the_rounds_soon():
    class SignalledError(Exception):
        pass

    def raised():
        raise SignalledError

    def call(number, k):
        if (number, k) == (1, 2):
            signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
        time.sleep(0.02)
        calls.append((number, k))

    calls, threads = [], threading.active_count()
    before = signal.signal(signal.SIGALRM, outside_coverage(raised))
    try:
        with pytest.raises(SignalledError):
            Rounds(call, range(3), 99, lambda: False).run(2)
    finally:
        signal.signal(signal.SIGALRM, before)
    assert threading.active_count() == threads
    assert (1, 2) in calls
    assert len(calls) < 3 * 6
