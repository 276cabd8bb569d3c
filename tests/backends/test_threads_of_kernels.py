"""Work shared out over threads: all of it once, no thread left, whatever is raised."""

import os
import signal
import threading
import time
import types
import warnings

import numpy as np
import pytest

from interrupting import outside_coverage
from limits import exit_code, forked
from samplewise.contract import Workload
from samplewise.network import SGD, class_loss_named, multilayer_perceptron
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.planner.threads import HAND_OVER_NS, threads_for
from samplewise_backends.numba_cpu.plans import threads as shared_out
from samplewise_backends.numba_cpu.plans.threads import beside, in_company, in_threads, in_turn
from samplewise_backends.numba_cpu.trainers import TrainerFactory

pytestmark = pytest.mark.usefixtures("no_thread_left")

PATIENCE_S = 20
needs_signals = pytest.mark.skipif(
    not hasattr(signal, "pthread_kill"), reason="the system sends no signal to a thread"
)


def test_one_thread_calls_in_turn():
    assert in_threads(1) is in_turn


@pytest.mark.parametrize("threads", [2, 5])
@pytest.mark.parametrize("count", [0, 1, 3, 100])
def test_each_number_is_called_once(threads, count):
    called = []
    in_threads(threads)(called.append, range(count))
    assert sorted(called) == list(range(count))


def test_calls_run_at_once_one_of_them_by_the_caller():
    together, seen = threading.Barrier(2, timeout=PATIENCE_S), set()

    def meet(number):
        together.wait()
        seen.add(threading.get_ident())

    in_threads(2)(meet, range(2))
    assert len(seen) == 2
    assert threading.get_ident() in seen


@pytest.mark.parametrize("by_caller", [False, True])
@pytest.mark.parametrize("error", [ValueError("of a call"), KeyboardInterrupt()])
def test_an_error_of_any_thread_is_raised_once_all_have_ended(monkeypatch, by_caller, error):
    together, kept, ended = threading.Barrier(2, timeout=PATIENCE_S), threading.Event(), []
    attempt = shared_out._try

    def observed(call, number, errors):
        attempt(call, number, errors)
        if errors:
            kept.set()

    def fail(number):
        if number < 2:
            together.wait()
            if (threading.current_thread() is threading.main_thread()) == by_caller:
                raise error
            assert kept.wait(PATIENCE_S)
        ended.append(number)

    monkeypatch.setattr(shared_out, "_try", observed)
    with pytest.raises(type(error)) as caught:
        in_threads(2)(fail, range(100))
    assert caught.value is error
    # The other thread ends the call that it is in, and begins no other.
    assert len(ended) == 1


def test_fewer_threads_do_the_work_where_the_system_gives_no_more(monkeypatch):
    def refuse(thread):
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(threading.Thread, "start", refuse)
    called = []
    in_threads(3)(called.append, range(4))
    assert called == [0, 1, 2, 3]


def test_beside_the_caller_each_thread_calls_once_and_the_caller_never():
    called = []
    beside(3, lambda number: called.append((number, threading.get_ident())), pytest.fail)
    assert sorted(number for number, _ in called) == [0, 1, 2]
    assert threading.get_ident() not in {thread for _, thread in called}


@pytest.mark.parametrize("given", [0, 1])
def test_beside_the_caller_fewer_threads_do_the_work(monkeypatch, given):
    start, left = threading.Thread.start, [None] * given

    def refuse(thread):
        if not left:
            raise RuntimeError("can't start new thread")
        left.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    called = []
    beside(3, lambda number: called.append((number, threading.get_ident())), pytest.fail)
    ((number, thread),) = called
    assert number == 0
    assert (thread == threading.get_ident()) == (given == 0)


class SignalledError(Exception):
    """Raised by the handler of a signal."""


@pytest.fixture
def signalled():
    """Return a call that lets the main thread raise an error, as Ctrl-C does."""

    def raised():
        raise SignalledError

    before = signal.signal(signal.SIGALRM, outside_coverage(raised))
    yield lambda: signal.pthread_kill(threading.main_thread().ident, signal.SIGALRM)
    signal.signal(signal.SIGALRM, before)


def run_in_company(calls, abandon):
    with in_company(calls, abandon):
        pass


@needs_signals
@pytest.mark.parametrize(
    "share_out",
    [
        lambda call, abandon: beside(2, call, abandon),
        lambda call, abandon: run_in_company([lambda: call(1)], abandon),
        lambda call, _: in_threads(2)(lambda number: call(number) if number else None, range(2)),
    ],
    ids=["beside", "in_company", "in_threads"],
)
def test_an_interrupt_of_a_caller_that_waits_is_raised_once_all_have_ended(signalled, share_out):
    waits, abandoned, ended = threading.Event(), [], []

    def call(number):
        if number == 1 and threading.current_thread() is not threading.main_thread():
            time.sleep(0.05)
            signalled()
            time.sleep(0.1)
            waits.set()
        ended.append(number)

    with pytest.raises(SignalledError):
        share_out(call, lambda: abandoned.append(list(ended)))
    assert waits.is_set()
    assert 1 in ended
    assert all(1 not in before for before in abandoned)


@needs_signals
def test_an_interrupt_in_coverage_comes_a_moment_later(signalled):
    inside = []

    def in_coverage():
        signalled()
        time.sleep(0.001)
        inside.append("to its end")

    own = {**globals(), "__name__": "coverage.collector"}
    called = types.FunctionType(in_coverage.__code__, own, closure=in_coverage.__closure__)

    def called_and_waited():
        called()
        time.sleep(PATIENCE_S)

    with pytest.raises(SignalledError):
        called_and_waited()
    assert inside == ["to its end"]


def test_settings_of_numpy_hold_in_all_threads():
    kept = []
    with np.errstate(over="raise"):
        in_threads(2)(lambda _: kept.append(np.geterr()["over"]), range(4))
    assert kept == ["raise"] * 4


@pytest.mark.skipif(not hasattr(os, "fork"), reason="the system cannot fork")
def test_a_forked_process_shares_out_work_of_its_own():
    def in_the_child():
        called = []
        in_threads(2)(called.append, range(4))
        return sorted(called) != [0, 1, 2, 3]

    in_threads(2)(lambda _: None, range(4))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = forked(in_the_child)
    assert exit_code(child) == 0


@pytest.mark.parametrize(
    ("hand_overs", "allowed", "parts", "threads"),
    [(0.5, 2, 2, 1), (20, 2, 2, 2), (20, 8, 2, 2), (20, 1, 9, 1), (1000, 8, 6, 6), (1000, 4, 6, 3)],
)
def test_threads_are_taken_where_they_pay(hand_overs, allowed, parts, threads):
    assert threads_for(hand_overs * HAND_OVER_NS, allowed, parts) == threads


# A plan that is asked for does not depend on the rates of the machine.
BLOCKS, LANES = {"plan": "blocked"}, {"plan": "direct", "products": "abreast"}


@pytest.mark.parametrize(
    ("rows", "asked", "words"),
    [
        (20, BLOCKS, "does not pay"),
        (60_000, BLOCKS, "over 2 threads"),
        (60_000, LANES, "train as one group"),
    ],
)
def test_a_plan_says_how_many_threads_share_the_networks(rows, asked, words):
    networks = [multilayer_perceptron(100, (20,), 1)] * 8
    loss, optimizers = class_loss_named("binary_cross_entropy"), [SGD()] * 8
    parts = networks, loss, optimizers, np.dtype("float64")
    program = NumbaBackend().compile_many(*parts, Workload(rows, epochs=2, threads=2, **asked))
    assert words in program.plan.reason
    alone = NumbaBackend().compile_many(*parts, Workload(rows, **asked))
    assert "thread" not in alone.plan.reason


def test_the_largest_group_of_networks_trains_first(monkeypatch):
    units, trainer_of = [], TrainerFactory.trainer

    def recorded(self, members):
        trainer = trainer_of(self, members)
        run = trainer.run
        trainer.run = lambda *args: units.append(sum(one.units for one in members)) or run(*args)
        return trainer

    monkeypatch.setattr(TrainerFactory, "trainer", recorded)
    networks = [multilayer_perceptron(3, (width,), 1) for width in range(1, 9)]
    settings = TrainingSettings.from_options(epochs=1, order_seed=1, backend="numba_cpu")
    train_many(networks, np.eye(3), [0, 1, 1], settings)
    assert units[-2:] == [5 + 6 + 7 + 8, 1 + 2 + 3 + 4]
