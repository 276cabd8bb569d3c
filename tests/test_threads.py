"""Runs that overlap in time share one limit on threads, and leave none behind."""

import sys
import threading
from contextlib import ExitStack, suppress
from types import ModuleType

import numpy as np
import pytest
from threadpoolctl import ThreadpoolController, threadpool_info, threadpool_limits

from faults.faulty_reference import FaultyBackend, FaultyReference
from limits import LIMIT_S, joined
from samplewise import registry, threads
from samplewise.data.dataset import Dataset
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.explanation import explain
from samplewise.experiment.prepared import prepare
from samplewise.network import multilayer_perceptron
from samplewise.registry import Choice
from samplewise.testing import certify
from samplewise.threads import library_loaded, limited
from samplewise.training.callbacks import Callback
from samplewise.training.environment import environment
from samplewise.training.lr_range_test import lr_range_test
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

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


def openmp_counts():
    """The counts of OpenMP for the calling thread; scikit-learn loads a library of it."""
    import sklearn.utils._openmp_helpers  # noqa: F401

    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "openmp"}


def in_thread(function):
    thread = threading.Thread(target=function)
    thread.start()
    joined(thread)


def test_openmp_is_limited_in_the_calling_thread_until_the_end():
    if not openmp_counts():
        pytest.skip("no OpenMP here")

    def both():
        with threadpool_limits(limits=3, user_api="openmp"):
            with limited(1):
                seen.append(openmp_counts())
                with limited(2):
                    seen.append(openmp_counts())
                seen.append(openmp_counts())
            seen.append(openmp_counts())

    seen = []
    both()
    in_thread(both)
    assert seen == [{1}, {2}, {1}, {3}] * 2


def test_the_first_to_leave_lifts_no_limit_of_the_others():
    inside, leave = threading.Event(), threading.Event()

    def first():
        with limited(1):
            inside.set()
            leave.wait(LIMIT_S)

    thread = threading.Thread(target=first)
    thread.start()
    assert inside.wait(LIMIT_S)
    with limited(1):
        leave.set()
        joined(thread)
        assert counts() == {1}
    assert counts() == {2}


def test_the_smallest_count_holds_while_runs_overlap():
    with limited(2):
        assert counts() == {2}
        with limited(1):
            assert counts() == {1}
        assert counts() == {2}
    with limited(1):
        with limited(2):
            assert counts() == {1}
        assert counts() == {1}
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


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_interrupt_while_a_limit_is_set_or_lifted_leaves_none_behind(monkeypatch, when):
    openmp_counts()
    kind, interrupted = threads._set, []

    def interrupt_at(call):
        left = [call]

        def set_count(library, count):
            left[0] -= 1
            if left[0] == 0 and when == "before":
                raise KeyboardInterrupt
            kind(library, count)
            if left[0] == 0:
                raise KeyboardInterrupt

        return set_count

    for call in range(1, 20):
        monkeypatch.setattr(threads, "_set", interrupt_at(call))
        before = counts(), openmp_counts()
        with suppress(KeyboardInterrupt):
            with limited(1):
                pass
            break
        interrupted.append((counts(), openmp_counts()) == before)
    assert len(interrupted) >= 2
    assert all(interrupted)


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
def test_runs_in_eight_threads_give_the_bits_of_runs_one_by_one(backend):
    def run(seed):
        settings = TrainingSettings.from_options(
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
    joined(*threads)
    assert list(results.values()) == serial
    assert counts() == {2}


@pytest.mark.parametrize("moment", ["entering", "leaving"])
def test_no_run_changes_the_limit_while_another_is_changing_it(monkeypatch, moment):
    """Two at once could each restore what the other had set."""
    asked, less = 3, 1  # the other has a count to set, whichever of the two comes first
    kind = type(ThreadpoolController().select(user_api="blas").lib_controllers[0])
    original, here = kind.set_num_threads, threading.current_thread()
    watched, reached, early = threading.Event(), threading.Event(), []

    def enter_and_leave():
        with limited(less):
            pass

    other = threading.Thread(target=enter_and_leave)

    def set_num_threads(self, count):
        if threading.current_thread() is not here:
            reached.set()
        elif watched.is_set() and not early:
            other.start()
            early.append(reached.wait(0.1))
        return original(self, count)

    monkeypatch.setattr(kind, "set_num_threads", set_num_threads)
    with ExitStack() as stack:
        if moment == "entering":
            watched.set()
        stack.enter_context(limited(asked))
        watched.set()
    joined(other)
    assert early == [False]
    assert reached.is_set()
    assert counts() == {2}


@pytest.fixture
def seen(monkeypatch):
    """What every run resolves to, and the thread counts that its programs found, by occasion."""
    found = {}

    def look(occasion):
        found.setdefault(occasion, set()).update(counts())

    class Looks(FaultyReference):
        def __init__(self, *given):
            super().__init__(*given)
            look("compile")

        def warm_up(self):
            look("warm up")
            # As a library is that compiling has only now loaded.
            threadpool_limits(limits=2)

        def run_epoch(self, *given):
            look("train")
            super().run_epoch(*given)

        def synchronize(self, state):
            look("synchronize")

        def predict(self, *given):
            look("predict")
            return super().predict(*given)

    choice = Choice(FaultyBackend("looks", Looks), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: choice)
    return found


FEW = TrainingSettings(epochs=1, batch_size=4)
FEW_ROWS = TrainingSettings(batch_size=1)
NARROW = multilayer_perceptron(300, (), 10)
TRAINING = ("train", "synchronize")
ALL = ("compile", "warm up", *TRAINING, "predict")


def each(occasions, count):
    return {occasion: {count} for occasion in occasions}


def test_a_run_keeps_to_one_thread_whatever_compiling_loads(seen):
    train(NARROW, X[:40], LABELS[:40], FEW)
    assert seen == each(ALL, 1)
    assert counts() == {2}


def test_a_run_has_the_threads_that_it_asks_for(seen):
    with threadpool_limits(limits=1):
        train(NARROW, X[:40], LABELS[:40], TrainingSettings(epochs=1, batch_size=4, threads=2))
        assert seen == each(ALL, 2)
        assert counts() == {1}


def test_products_of_networks_at_once_take_one_thread_each(seen):
    two = TrainingSettings(epochs=1, batch_size=4, threads=2)
    train_many([NARROW] * 2, X[:40], LABELS[:40], [two] * 2)
    # What the first of two predictors loads, the second one's warming up still finds.
    del seen["warm up"]
    assert seen == each(("compile", *TRAINING, "predict"), 1)
    assert counts() == {2}


@pytest.mark.filterwarnings("ignore:the loss never fell")
def test_a_sweep_of_rates_keeps_to_its_threads(seen):
    lr_range_test(NARROW, X[:20], LABELS[:20], FEW_ROWS)
    assert seen == each(("compile", "warm up", *TRAINING), 1)
    assert counts() == {2}


@pytest.mark.parametrize("measure", [True, False])
def test_an_explanation_keeps_to_one_thread(seen, measure):
    labels = LABELS[:40] % 2
    data = Dataset("rows", X[:40], labels, ("a", "b"), "drawn by a test")
    chosen = Experiment.from_options(epochs=1, hidden=(), batch_size=4)
    explain(chosen, prepare(chosen, data), measure=measure)
    assert set(seen) >= ({"compile", "train"} if measure else {"compile"})
    assert all(found == {1} for found in seen.values())
    assert counts() == {2}


def test_a_certificate_is_of_one_thread():
    class Enough(BaseException):
        """No failure of the backend, but the end of the test."""

    class Looks(FaultyReference):
        def __init__(self, *given):
            super().__init__(*given)
            raise Enough(counts())

    with pytest.raises(Enough) as caught:
        certify(FaultyBackend("looks", Looks), rungs=["gradient"])
    assert caught.value.args == ({1},)
    assert counts() == {2}


@pytest.fixture
def scans(monkeypatch):
    """The searches for libraries so far, one item each."""
    found, search = [], ThreadpoolController._load_libraries

    def counted(self):
        found.append(self)
        search(self)

    monkeypatch.setattr(ThreadpoolController, "_load_libraries", counted)
    return found


def test_a_second_training_searches_for_no_libraries(scans):
    chosen = TrainingSettings(epochs=1, batch_size=40, backend="vectorized")
    train(NARROW, X[:40], LABELS[:40], chosen)
    scans.clear()
    train(NARROW, X[:40], LABELS[:40], chosen)
    assert scans == []


def test_libraries_are_searched_for_again_once_modules_were_imported(scans, monkeypatch):
    with limited(1):
        scans.clear()
        monkeypatch.setitem(sys.modules, "a_module_with_a_library", ModuleType("a"))
        with limited(1):
            assert len(scans) == 1


def test_libraries_are_searched_for_again_once_a_backend_says_so(scans):
    with limited(1):
        scans.clear()
        library_loaded()
        with limited(1):
            assert len(scans) == 1


def test_the_environment_has_the_threads_of_the_moment():
    def blas():
        return [each for each in environment()["libraries"] if each.startswith("openblas")]

    assert all("2 threads" in each for each in blas())
    with limited(1):
        assert all("1 threads" in each for each in blas())
