"""Runs that overlap in time share one limit on threads, and leave none behind."""

import threading

import numpy as np
import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from samplewise import registry
from samplewise.network import multilayer_perceptron
from samplewise.threads import limited
from samplewise.training.callbacks import Callback
from samplewise.training.loop import train
from samplewise.training.settings import TrainingSettings

WIDE = multilayer_perceptron(300, (200,), 10)
RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 300))
LABELS = RNG.integers(0, 10, 200)


def counts():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


@pytest.fixture(autouse=True)
def _two_threads():
    for name in ("vectorized", "numba_cpu"):
        registry.load(name)
    with threadpool_limits(limits=2):
        if counts() != {2}:
            pytest.skip("this machine's BLAS has one thread")
        yield


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    thread.join()


def test_the_first_to_leave_lifts_no_limit_of_the_others():
    inside, leave = threading.Event(), threading.Event()

    def first():
        with limited(1):
            inside.set()
            leave.wait()

    thread = threading.Thread(target=first)
    thread.start()
    inside.wait()
    with limited(1):
        leave.set()
        thread.join()
        assert counts() == {1}
    assert counts() == {2}


def test_the_smallest_count_holds_while_runs_overlap():
    with limited(2):
        assert counts() == {2}
        with limited(1):
            assert counts() == {1}
        assert counts() == {2}
    assert counts() == {2}


def test_a_limit_holds_in_any_thread():
    seen = []

    def look():
        with limited(1):
            seen.append(counts())

    in_thread(look)
    in_thread(look)
    assert seen == [{1}, {1}]
    assert counts() == {2}


def test_an_error_leaves_no_limit_behind():
    class Fails(Callback):
        def on_train_begin(self, history):
            raise LookupError

    with pytest.raises(LookupError):
        train(WIDE, X, LABELS, TrainingSettings(backend="vectorized"), callbacks=[Fails()])
    assert counts() == {2}


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
def test_runs_in_eight_threads_give_the_bits_of_runs_one_by_one(backend):
    def run(seed):
        settings = TrainingSettings(
            backend=backend, batch_size=100, epochs=3, seed=seed, init="glorot_normal"
        )
        return train(WIDE, X, LABELS, settings).parameters.tobytes()

    serial = [run(seed) for seed in range(8)]
    results = dict.fromkeys(range(8))

    def keep(seed):
        results[seed] = run(seed)

    threads = [threading.Thread(target=keep, args=(seed,)) for seed in results]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(results.values()) == serial
    assert counts() == {2}
