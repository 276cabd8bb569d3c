"""A process forked while another thread holds a lock of the library works on."""

import os
import subprocess
import sys
import threading
import time
from contextlib import ExitStack

import pytest

from limits import exit_code, forked, joined
from samplewise import TrainingSettings, locks, multilayer_perceptron, threads, train
from samplewise.locks import new_lock
from samplewise.training.idle_programs import IDLE
from samplewise.training.rows import fingerprint
from samplewise_backends.numba_cpu.compile import library
from samplewise_backends.numba_cpu.planner import calibration

SETTINGS = TrainingSettings(epochs=1, backend="reference")


pytestmark = [
    pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here"),
    # From 3.12 on, Python warns of any fork beside threads.
    pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning"),
]


def test_locks_of_other_threads_are_free_in_a_forked_process():
    # The model is kept: its lock is known no longer than it lives.
    model = train(multilayer_perceptron(1, (), 1), [[0.0], [1.0]], [0, 1], SETTINGS).model()
    every = [new_lock(), model._lock, IDLE._lock, threads._SHARED._lock, fingerprint._lock]
    every += [calibration._lock]
    held, end = threading.Event(), threading.Event()

    def hold():
        with ExitStack() as all_locks:
            for lock in every:
                all_locks.enter_context(lock)
            held.set()
            end.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(60)
    child = forked(lambda: sum(not lock.acquire(timeout=1) for lock in every))
    busy = exit_code(child)
    still_held = [lock.locked() for lock in every]
    end.set()
    joined(other)
    assert busy == 0
    assert all(still_held)
    assert not any(lock.locked() for lock in every)


def test_a_fork_waits_for_a_compile_and_leaves_its_lock_free_in_both_processes():
    held, seen = threading.Event(), []

    def is_free():
        """Ask in another thread: the one that forked could take again what it has."""
        found = []
        asks = threading.Thread(target=lambda: found.append(library._lock.acquire(timeout=1)))
        asks.start()
        joined(asks)
        return found == [True]

    def compile_slowly():
        with library._lock, library._lock:
            held.set()
            time.sleep(0.2)
            seen.append("compiled")

    other = threading.Thread(target=compile_slowly)
    other.start()
    held.wait(60)

    def in_the_child():
        # In a process of this one, too.
        grandchild = forked(lambda: not is_free())
        return not (is_free() and seen) or exit_code(grandchild)

    child = forked(in_the_child)
    assert seen == ["compiled"]
    joined(other)
    assert exit_code(child) == 0
    assert library._lock.acquire(blocking=False)
    library._lock.release()


def test_a_thread_that_forks_in_the_middle_of_a_compile_goes_on_in_both_processes():
    def in_the_child():
        library._lock.release()
        return not library._lock.acquire(timeout=1)

    with library._lock:
        child = forked(in_the_child)
    assert exit_code(child) == 0


FORKS_IN_A_COMPILE = """
import os, threading, time
from samplewise_backends.numba_cpu.compile import library

def fork():
    child = os.fork()
    if child == 0:
        os._exit(0)
    os.waitpid(child, 0)

other = threading.Thread(target=fork)
with library._lock:
    other.start()
    time.sleep(0.2)  # until it waits for the lock
    fork()
other.join()
"""


def test_a_fork_in_the_middle_of_a_compile_does_not_wait_for_one_that_waits_for_it():
    """In a process of its own, which would hang."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS_IN_A_COMPILE]
    subprocess.run(command, check=True, timeout=60)


def test_threads_that_fork_at_once_wait_for_one_another():
    codes = []

    def fork():
        codes.append(exit_code(forked(lambda: 0)))

    several = [threading.Thread(target=fork) for _ in range(8)]
    for one in several:
        one.start()
    joined(*several)
    assert codes == [0] * 8
    assert not locks._HELD


class HandsOn:
    """A lock that lets the thread that waits for it go on before it returns from its release."""

    def __init__(self):
        self._lock, self.taken = threading.RLock(), threading.Event()

    def acquire(self):
        return self._lock.acquire(timeout=60)

    def release(self):
        self._lock.release()
        self.taken.wait(60)


def test_the_lock_of_a_fork_that_follows_at_once_is_let_go_by_it_alone(monkeypatch):
    lock = HandsOn()
    monkeypatch.setattr(locks, "_AWAITED", lock)

    def follow():
        locks._hold_awaited()
        lock.taken.set()
        first_is_over.wait(60)
        locks._let_go()

    first_is_over, second = threading.Event(), threading.Thread(target=follow)
    locks._hold_awaited()
    second.start()
    locks._let_go()
    first_is_over.set()
    joined(second)
    assert lock.acquire()


FORKS_WITH_TWO = """
import os, threading
from samplewise.locks import awaited_lock

def fork(lock):
    with lock:
        both_hold_one.wait()
        child = os.fork()
        if child == 0:
            os._exit(0)
        os.waitpid(child, 0)

both_hold_one = threading.Barrier(2)
locks = awaited_lock(), awaited_lock()
if locks[0] is locks[1]:
    both_hold_one = threading.Barrier(1)  # one after the other
threads = [threading.Thread(target=fork, args=(lock,)) for lock in locks]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


def test_modules_with_an_awaited_lock_each_fork_in_the_middle_of_their_work():
    """In a process of its own, which would hang."""
    command = [sys.executable, "-W", "ignore::DeprecationWarning", "-c", FORKS_WITH_TWO]
    subprocess.run(command, check=True, timeout=60)


FORKS_BESIDE_A_LOG = """
import os, threading, time
import samplewise.locks
lock, held = samplewise.locks.awaited_lock(), threading.Event()
import logging

def compile_and_log():
    with lock:
        held.set()
        time.sleep(0.5)
        logging.getLogger("numba").isEnabledFor(10)

threading.Thread(target=compile_and_log).start()
held.wait()
child = os.fork()
if child == 0:
    os._exit(0)
os.waitpid(child, 0)
"""


def test_a_fork_waits_for_a_compile_that_logs():
    subprocess.run([sys.executable, "-c", FORKS_BESIDE_A_LOG], check=True, timeout=60)
