"""Batches shared by threads: the numbers of one thread, the same bits each time, and no hang."""

import threading
from functools import partial

import numpy as np
import pytest

from samplewise.contract import DECISIONS, RATES, WEIGHTS, Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Adam,
    Conv2D,
    Dense,
    Dropout,
    LayerNorm,
    MaxPool2D,
    Network,
    class_loss_named,
    initialize,
)
from samplewise.streams import Streams
from samplewise_backends.numba_cpu import trainers
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.compile import calls, jit, meeting
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.planner import threads as planner_threads
from samplewise_backends.numba_cpu.plans.direct import Direct
from samplewise_backends.numba_cpu.plans.members import Member
from samplewise_backends.numba_cpu.plans.shared import Shared
from samplewise_backends.numba_cpu.plans.threads import in_company

pytestmark = pytest.mark.usefixtures("no_thread_left")

LOSS = class_loss_named("categorical_cross_entropy")
SMALL = Network((1, 8, 8), (Conv2D(3, (3, 3), activation="relu"), MaxPool2D(2), Dense(4)))
MIXED = Network(
    (2, 6, 5),
    (Conv2D(3, (2, 3), activation="tanh"), LayerNorm(), Dropout(0.4), Dense(9, "relu"), Dense(4)),
)
FROZEN = Network(
    (1, 8, 8),
    (
        Conv2D(3, (3, 3), activation="relu"),
        MaxPool2D(2),
        Dense(6, "tanh", trainable=False),
        Dense(4),
    ),
)
RNG = np.random.default_rng(0)
ROWS = 41


def drawn(network, dtype="float64"):
    """Return a state, rows and targets."""
    parameters = initialize(network, "glorot_uniform", Streams(0).of_run("init"), np.dtype(dtype))
    X = RNG.standard_normal((ROWS, network.inputs)).astype(dtype)
    return parameters, X, np.eye(4, dtype=dtype)[RNG.integers(0, 4, ROWS)]


def trained(trainer, drawn, batch_size, slots=0, **fields):
    """Return parameters and losses after an epoch in two windows."""
    parameters, X, Y = drawn
    size, order = len(parameters), np.random.default_rng(1).permutation(ROWS)
    state = TrainingState(parameters.copy(), np.zeros(slots * size, parameters.dtype))
    losses, cut = np.zeros((1, ROWS), parameters.dtype), 2 * batch_size
    for start, stop in ((0, cut), (cut, ROWS)):
        steps = Steps(order, start, stop, batch_size, 0.1, dropout_key=7, **fields)
        trainer.run([state], X, Y, [steps], losses)
        state.step += steps.count
    return state.parameters, losses


@pytest.mark.parametrize(
    ("network", "optimizer", "batch_size", "threads"),
    [
        (SMALL, SGD(), 16, 2),
        (MIXED, Adam(l1=0.01, l2=0.02, weight_decay=0.01), 8, 2),
        (MIXED, SGD(0.9, nesterov=True, clip_value=0.05), 13, 3),
        # The last batch is one row: two of the threads have none.
        (SMALL, SGD(0.9), 5, 3),
        (SMALL, SGD(), 1, 2),
        (FROZEN, Adam(weight_decay=0.01, epsilon_hat=True), 8, 2),
    ],
)
def test_threads_come_to_the_numbers_of_one(network, optimizer, batch_size, threads):
    given, member = drawn(network), Member(network, optimizer)
    parts = batch_size, LOSS, np.dtype("float64")
    case = given, batch_size, optimizer.slots
    alone, losses = trained(Direct([member], *parts), *case)
    shared, seen = trained(Shared(member, *parts, threads), *case)
    np.testing.assert_allclose(shared, alone, rtol=1e-11, atol=1e-13)
    np.testing.assert_allclose(seen, losses, rtol=1e-11)
    again, _ = trained(Shared(member, *parts, threads), *case)
    assert again.tobytes() == shared.tobytes()


def test_rates_weights_and_decisions_of_single_steps():
    given, member = drawn(SMALL), Member(SMALL, SGD())
    parts, found = (16, LOSS, np.dtype("float64")), []
    for trainer in (Direct([member], *parts), Shared(member, *parts, 2)):
        decisions = np.full(ROWS, -1)
        fields = {"weights": np.linspace(0.5, 1.5, ROWS), "rates": np.array([0.3, 0.1, 0.2])}
        found.append((*trained(trainer, given, 16, decisions=decisions, **fields), decisions))
    for alone, shared in zip(*found, strict=True):
        np.testing.assert_allclose(shared, alone, rtol=1e-11, atol=1e-13)


def test_the_kernel_in_python_is_the_machine_code(monkeypatch):
    given, parts = drawn(SMALL), (Member(SMALL, SGD()), 16, LOSS, np.dtype("float64"), 1)
    compiled = trained(Shared(*parts), given, 16)
    for module in (jit, calls):
        monkeypatch.setattr(module, "compiles_nothing", lambda: True)
    for got, want in zip(trained(Shared(*parts), given, 16), compiled, strict=True):
        np.testing.assert_allclose(got, want, rtol=1e-9, atol=1e-12)


def test_where_nothing_is_compiled_one_thread_trains(monkeypatch):
    monkeypatch.setattr(planner_threads, "compiles_nothing", lambda: True)
    assert "shared" not in program(SGD(), 32, 2).plan.reason


def test_threads_give_way_while_they_wait():
    counter = np.zeros(1, np.int64)
    meeting.arrive(counter.ctypes.data)
    meeting.give_way(meeting.address_of_give_way())
    assert meeting.arrived(counter.ctypes.data) == 1


def test_a_forgotten_training_leaves_nothing_to_the_next():
    member, parts = Member(SMALL, SGD()), (16, LOSS, np.dtype("float64"))
    trainer, given = Shared(member, *parts, 2), drawn(SMALL)
    first, _ = trained(trainer, given, 16)
    trained(trainer, (np.full_like(given[0], np.nan), *given[1:]), 16)
    trainer.forget()
    assert trained(trainer, given, 16)[0].tobytes() == first.tobytes()


def epochs_of(program, given, count, stop, batch_size=16):
    """Run epochs until `stop`; return parameters, the epochs that were run, and their losses."""
    parameters, X, Y = given
    state = TrainingState(parameters.copy(), np.zeros(0))
    orders = [np.random.default_rng(epoch).permutation(ROWS) for epoch in range(count)]
    steps = [Steps(order, 0, ROWS, batch_size, 0.1) for order in orders]
    losses = np.full((count, ROWS), np.nan)
    ran = program.run_epochs(state, X, Y, steps, losses, stop)
    assert state.step == ran * steps[0].count
    return state.parameters, ran, losses[:ran]


@pytest.mark.parametrize("threads", [2, 3])
def test_epochs_of_one_call_have_the_bits_of_one_call_each(threads, monkeypatch):
    monkeypatch.setattr(planner_threads, "sharing_threads", lambda *_: threads)
    monkeypatch.setattr(trainers, "sharing_threads", lambda *_: threads)
    given, kept = drawn(SMALL), []
    shared = program(SGD(), 16, threads, SMALL)
    assert f"shared by {threads} threads" in shared.plan.reason
    started, start = [], threading.Thread.start
    monkeypatch.setattr(threading.Thread, "start", lambda one: started.append(one) or start(one))
    for epochs in (1, 2, 5):
        whole, ran, losses = epochs_of(shared, given, epochs, lambda: False)
        assert (ran, len(started)) == (epochs, threads - 1)
        assert np.isfinite(losses).all()
        kept.append((whole, losses))
        started.clear()
    for epochs, (want, seen) in zip((1, 2), kept[:2], strict=True):
        # Threads that wait for an epoch which never comes have changed nothing.
        asked = iter([False] * (epochs - 1) + [True] * 9)
        stopped, ran, losses = epochs_of(shared, given, 5, partial(next, asked))
        assert ran == epochs
        assert stopped.tobytes() == want.tobytes()
        assert losses.tobytes() == seen.tobytes() == kept[2][1][:epochs].tobytes()


@pytest.mark.parametrize("failing", [0, 1])
@pytest.mark.parametrize("error", [ValueError("of a thread"), KeyboardInterrupt()])
def test_a_thread_that_fails_lets_the_others_end(failing, error, monkeypatch):
    trainer, given = Shared(Member(SMALL, SGD()), 16, LOSS, np.dtype("float64"), 2), drawn(SMALL)
    want, _ = trained(trainer, given, 16)

    def call(prepared):
        mine = threading.current_thread() is threading.main_thread()
        if mine == (failing == 0):
            raise error
        compiled(prepared)

    compiled = Call.__call__
    with monkeypatch.context() as patched:
        patched.setattr(Call, "__call__", call)
        with pytest.raises(type(error)) as caught:
            trained(trainer, given, 16)
    assert caught.value is error
    assert trained(trainer, given, 16)[0].tobytes() == want.tobytes()


def test_nothing_is_called_where_the_system_gives_no_further_thread(monkeypatch):
    start, called, allowed = threading.Thread.start, [], [True]

    def refuse(thread):
        if not allowed:
            raise RuntimeError("can't start new thread")
        allowed.pop()
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", refuse)
    abandoned = threading.Event()
    with (
        pytest.raises(RuntimeError, match="can't start new thread"),
        in_company([abandoned.wait] * 2, abandoned.set),
    ):
        called.append("block")
    assert called == []


def program(optimizer, batch_size, threads, network=None, **fields):
    network = network or Network(
        (1, 28, 28), (Conv2D(8, (3, 3), activation="relu"), MaxPool2D(2), Dense(4))
    )
    work = Workload(2000, batch_size, 2, threads=threads, **fields)
    return NumbaBackend().compile(network, LOSS, optimizer, np.dtype("float64"), work)


@pytest.mark.parametrize(
    ("optimizer", "batch_size", "threads", "shares"),
    [
        (SGD(), 32, 2, True),
        (SGD(), 32, 1, False),
        (SGD(), 1, 2, False),
        (SGD(clip_norm=1.0), 32, 2, False),
    ],
)
def test_a_plan_says_whether_threads_share_a_batch(optimizer, batch_size, threads, shares):
    plan = program(optimizer, batch_size, threads).plan
    assert ("each batch shared by 2 threads" in plan.reason) == shares


def test_steps_with_fields_that_threads_do_not_know_are_left_to_one_thread():
    fields = frozenset({RATES, WEIGHTS, DECISIONS})
    assert "shared" in program(SGD(), 32, 2, step_fields=fields).plan.reason
    assert "shared" not in program(SGD(), 32, 2, step_fields=fields | {"other"}).plan.reason


def test_small_networks_are_left_to_one_thread():
    assert "shared" not in program(SGD(), 4, 2, SMALL).plan.reason
