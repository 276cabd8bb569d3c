"""A process forked while another thread holds a lock of the library works on."""

import os
import threading
from contextlib import ExitStack

import pytest

from samplewise import TrainingSettings, multilayer_perceptron, threads, train
from samplewise.locks import new_lock
from samplewise.training.idle_programs import IDLE
from samplewise.training.rows import fingerprint

SETTINGS = TrainingSettings(epochs=1, backend="reference")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="there is no fork here")
# From 3.12 on, Python warns of any fork beside threads.
@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_locks_of_other_threads_are_free_in_a_forked_process():
    # The model is kept: its lock is known no longer than it lives.
    model = train(multilayer_perceptron(1, (), 1), [[0.0], [1.0]], [0, 1], SETTINGS).model()
    locks = [new_lock(), model._lock, IDLE._lock, threads._SHARED._lock, fingerprint._lock]
    held, end = threading.Event(), threading.Event()

    def hold():
        with ExitStack() as all_locks:
            for lock in locks:
                all_locks.enter_context(lock)
            held.set()
            end.wait(60)

    other = threading.Thread(target=hold)
    other.start()
    held.wait(60)
    child = os.fork()
    if child == 0:
        os._exit(sum(not lock.acquire(timeout=1) for lock in locks))
    busy = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
    still_held = [lock.locked() for lock in locks]
    end.set()
    other.join()
    assert busy == 0
    assert all(still_held)
    assert not any(lock.locked() for lock in locks)
