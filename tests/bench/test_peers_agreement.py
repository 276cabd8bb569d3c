"""Every peer that is installed does the same steps; one that does others is refused, not timed."""

import dataclasses
from importlib.util import find_spec

import numpy as np
import pytest
from peers_task import INPUTS, ROWS, small_task

from samplewise.contract import Steps
from samplewise.errors import ParameterError
from samplewise.io import strict_json
from samplewise.network import SGD, Adam
from samplewise.testing.tolerances import Tolerance
from samplewise_bench import agreement
from samplewise_bench.conditions import usable_cores
from samplewise_bench.peers import fann, own, race
from samplewise_bench.peers.host import AbsentPeerError, FailedPeerError, Host, RemotePeer
from samplewise_bench.peers.results import FAILED, REFUSED, TIMED, UNFIT
from samplewise_bench.peers.task import (
    OWN,
    PEERS,
    NotApplicableError,
    Outcome,
    Task,
    peer_named,
)
from samplewise_bench.training import Training

TASKS = {
    "plain": {},
    "batches": {"batch_size": 8},
    "a short last batch": {"batch_size": 16},
    "softmax": {"outputs": 3},
    "momentum": {"optimizer": SGD(0.9)},
    "nesterov": {"optimizer": SGD(0.9, nesterov=True), "batch_size": 4},
    "l2": {"optimizer": SGD(0.5, l2=0.01), "batch_size": 4, "outputs": 3},
    "two hidden layers": {"hidden": (6, 4), "activation": "tanh"},
    "adam": {"optimizer": Adam(epsilon=0.01), "batch_size": 16, "outputs": 3},
    "several networks": {"networks": 3},
    "prediction": {"calls": 20},
    "prediction of three": {"calls": 20, "outputs": 3},
}
# A process of every peer does each task; of these a race in this process does one of each kind.
RACED = ("plain", "a short last batch", "adam", "several networks", "prediction of three")


# Without their library no process is started to look for it.
LIBRARIES = {"jax": "jax", "pytorch": "torch"}


@pytest.fixture(scope="module", params=PEERS)
def remote(request):
    library = LIBRARIES.get(request.param)
    if library is not None and find_spec(library) is None:
        pytest.skip(f"{request.param} is not here: {library} is not installed")
    remote = RemotePeer(request.param, usable_cores()[:1])
    try:
        remote.load()
    except AbsentPeerError as error:
        remote.close()
        pytest.skip(f"{request.param} is not here: {error}")
    yield remote
    remote.close()


@pytest.mark.parametrize("name", TASKS)
def test_a_peer_does_the_same_steps_or_says_that_it_cannot(remote, name):
    task = small_task(**TASKS[name])
    try:
        ways = remote.ways(task)
    except NotApplicableError:
        return
    standard = agreement.standard(task)
    assert ways
    for way in ways:
        first_run = remote.first_run(remote.prepare(way))
        want = first_run.expected or standard.outcome
        found = agreement.compare(task, first_run.outcome, want, standard.allowed)
        assert [str(measure) for measure in found if not measure.passed] == []
        assert first_run.turn.seconds > 0


@pytest.mark.parametrize("name", ["plain", "momentum", "prediction"])
def test_every_peer_offers_what_the_comparison_is_about(remote, name):
    assert remote.ways(small_task(**TASKS[name]))


def test_a_second_run_starts_from_the_same_weights(remote):
    remote.ways(small_task())
    number = remote.prepare(remote.ways(small_task())[0])
    first, second = remote.first_run(number).outcome, remote.first_run(number).outcome
    np.testing.assert_array_equal(first.losses, second.losses)
    np.testing.assert_array_equal(first.values, second.values)


class WrongPeer:
    """Trains with a rate that is off by a thousandth."""

    install = "nowhere"

    def __init__(self, factor):
        self.factor = factor

    def load(self, cores):
        return "1"

    def ways(self, task):
        return ["way"]

    def prepare(self, task, way):
        rate = task.problem.learning_rate * self.factor
        other = dataclasses.replace(task.problem, learning_rate=rate)
        return own.OwnTraining([Training(other, "vectorized", "direct")])


class Hosted:
    """A peer in this process, with the face of one in another."""

    alive = True

    def __init__(self, name, peer):
        self.name = name
        host = Host(peer, 1)
        self.call = host.call
        self.ways, self.prepare, self.first_run, self.turn = (
            host.ways,
            host.prepare,
            host.first_run,
            host.turn,
        )


class Here:
    """Processes that are none."""

    def __init__(self, **peers):
        self.hosts = {name: Hosted(name, peer) for name, peer in peers.items()}
        self.forgotten = []

    def remote(self, name, cores):
        return self.hosts[name]

    def forget(self, name, cores):
        self.forgotten.append(name)


def installed(*names):
    return {name: peer_named(name) for name in names}


def raced(task, wants=lambda peer, way: True, **peers):
    return race.run_race(task, [*peers], Here(**peers), wants, 2, lambda text: None)


@pytest.mark.parametrize("way", ["numba_cpu direct", "numba_cpu direct at once"])
def test_what_a_program_keeps_for_rows_or_order_is_paid_for_in_every_run(way, monkeypatch):
    made = own.prepare(small_task(networks=2), way)
    seen = []

    def keep(self, state, X, Y, steps, losses, *active):
        seen.append((X, (steps if isinstance(steps, Steps) else steps[0]).order))

    monkeypatch.setattr(type(made._trainings[0].program), "run_epoch", keep)
    made.reset()
    made.run()
    first = len(seen)
    made.run()
    for X, order in seen[first:]:
        # Programs tell by identity whether what they computed still holds.
        assert all(X is not other and order is not same for other, same in seen[:first])


@pytest.mark.parametrize("name", RACED)
def test_what_is_always_here_agrees_in_this_process_too(name):
    entries = raced(small_task(**TASKS[name]), **installed(OWN, "scikit-learn"))
    ways = {entry.peer: entry.state for entry in entries}
    assert ways[OWN] == TIMED
    assert [entry.note for entry in entries if entry.state not in (TIMED, UNFIT)] == []


def test_adam_of_scikit_learn_is_timed_and_its_epsilon_is_told():
    task = small_task(**TASKS["adam"])
    (entry,) = raced(task, **installed("scikit-learn"))
    assert entry.state == TIMED
    assert "epsilon added before the bias correction" in entry.note


def test_adam_of_scikit_learn_is_not_our_own():
    task = small_task(**TASKS["adam"])
    standard, peer = agreement.standard(task), peer_named("scikit-learn")
    peer.load(1)
    runner = peer.prepare(task, *peer.ways(task))
    assert runner.differs
    found = agreement.compare(task, runner.expected(), standard.outcome, standard.allowed)
    assert not agreement.worst(found).passed


def test_a_wrong_update_is_refused_with_its_layer_and_not_timed():
    (entry,) = raced(small_task(), wrong=WrongPeer(1.001))
    assert entry.state == REFUSED
    assert entry.spread is None
    assert "weights" in entry.note
    assert "differs by" in entry.note


@pytest.mark.filterwarnings("ignore::RuntimeWarning")
def test_one_that_overflows_is_refused_and_its_entry_is_json():
    (entry,) = raced(small_task(), wrong=WrongPeer(np.nan))
    assert entry.state == REFUSED
    assert "differs by nan" in entry.note
    assert strict_json.text_of(dataclasses.asdict(entry))


def test_the_same_peer_with_the_right_rate_is_timed():
    (entry,) = raced(small_task(), wrong=WrongPeer(1.0))
    assert entry.state == TIMED
    assert entry.spread.median_ms > 0
    assert entry.rounds == 2
    assert 0 < entry.core_share < 1.5
    assert entry.difference <= entry.allowed


def test_one_that_disagrees_does_not_keep_others_from_being_timed():
    entries = raced(small_task(), wrong=WrongPeer(1.1), **installed(OWN))
    states = {entry.peer: entry.state for entry in entries}
    assert states == {"wrong": REFUSED, OWN: TIMED}


@pytest.mark.parametrize("alive", [True, False])
def test_one_that_fails_does_not_keep_others_from_being_timed(alive):
    class Broken(WrongPeer):
        def ways(self, task):
            return ["first", "second"]

        def prepare(self, task, way):
            raise FailedPeerError(f"no {way}")

    here = Here(broken=Broken(1.0), wrong=WrongPeer(1.0))
    here.hosts["broken"].alive = alive
    entries = race.run_race(
        small_task(), ["broken", "wrong"], here, lambda *_: True, 1, lambda text: None
    )
    failed = [entry.note for entry in entries if entry.state == FAILED]
    # What died cannot be asked for its second way; it is started anew for the next workload.
    assert failed == (["no first", "no second"] if alive else ["no first"])
    assert here.forgotten == ([] if alive else ["broken"])
    assert [entry.peer for entry in entries if entry.state == TIMED] == ["wrong"]


def test_one_that_dies_in_its_turn_has_no_time_and_stops_no_other():
    here = Here(wrong=WrongPeer(1.0), **installed("scikit-learn"))

    def turn(number, least_s):
        raise FailedPeerError("it died")

    here.hosts["wrong"].turn = turn
    names = ["wrong", "scikit-learn"]
    entries = race.run_race(small_task(), names, here, lambda *_: True, 2, lambda text: None)
    states = {entry.peer: (entry.state, entry.note) for entry in entries}
    assert states == {"wrong": (FAILED, "it died"), "scikit-learn": (TIMED, "")}


def test_losses_are_compared_too():
    task = small_task()
    want = agreement.standard(task)
    losses = want.outcome.losses.copy()
    losses[0, 1] += 0.01
    found = agreement.compare(
        task, Outcome(losses, want.outcome.values), want.outcome, want.allowed
    )
    assert agreement.worst(found).what == "losses"
    assert not agreement.worst(found).passed


def test_weights_of_another_shape_and_nan_never_agree():
    task = small_task()
    want = agreement.standard(task)
    for values in (want.outcome.values[:, :-16], np.full_like(want.outcome.values, np.nan)):
        got = Outcome(want.outcome.losses, values)
        found = agreement.compare(task, got, want.outcome, want.allowed)
        assert not all(measure.passed for measure in found)


def test_a_chaotic_task_is_refused():
    calm = small_task(hidden=(30, 30), activation="tanh").problem
    wild = dataclasses.replace(calm, learning_rate=5.0, epochs=40, init="normal")
    with pytest.raises(ParameterError, match="yardstick"):
        agreement.standard(Task((wild,)))


def test_what_a_peer_cannot_do_is_told():
    (entry,) = raced(small_task(networks=2), **installed("scikit-learn"))
    assert entry.state == UNFIT
    assert "several networks" in entry.note


def test_a_way_that_is_not_wanted_is_not_run():
    entries = raced(small_task(), lambda peer, way: "vectorized" in way, **installed(OWN))
    assert entries
    assert all("vectorized" in entry.way for entry in entries)


def test_runs_that_take_long_have_fewer_rounds(monkeypatch):
    monkeypatch.setattr(race, "PATIENCE_S", 1e-9)
    (entry,) = raced(small_task(), wrong=WrongPeer(1.0))
    assert entry.rounds == 1


def test_the_time_of_a_call_is_that_of_one():
    task = small_task(calls=50)
    entries = raced(task, lambda peer, way: way == "vectorized program", **installed(OWN))
    # 50 calls in a fraction of a second.
    assert 0 < entries[0].spread.median_ms < 5


def test_the_model_of_fann_descends_the_squared_error():
    task = small_task(outputs=2)
    one = dataclasses.replace(
        task.problem, X=task.problem.X[:1], Y=task.problem.Y[:1], epochs=1, learning_rate=1e-3
    )
    task = dataclasses.replace(task, problems=(one,))
    before = one.flat(one.tensors())
    step = fann.squared_error_training(task).values[0] - before

    def loss(vector):
        moved = [view.copy() for view in one.network.layout.views(vector).values()]
        value = one.X[0].astype(np.float64)
        for weight, bias in zip(moved[::2], moved[1::2], strict=True):
            value = 1 / (1 + np.exp(-(weight @ value + bias)))
        return 0.5 * ((one.Y[0] - value) ** 2).sum()

    gradient = np.zeros_like(before)
    for index in range(len(before)):
        nudge = np.zeros_like(before)
        nudge[index] = 1e-6
        gradient[index] = (loss(before + nudge) - loss(before - nudge)) / 2e-6
    inside = before != 0  # gaps between tensors stay zero; biases start there too
    np.testing.assert_allclose(step[inside], -1e-3 * gradient[inside], rtol=1e-4, atol=1e-12)


def test_weights_travel_through_their_flat_form():
    task = small_task(outputs=3)
    assert task.problem.flat(task.problem.tensors()) == pytest.approx(task.problem.parameters)
    assert task.problem.tensors()[0].shape == (5, INPUTS)
    assert task.labels.shape == (ROWS,)
    assert set(task.labels) <= {0, 1, 2}


def test_a_tolerance_is_no_wider_than_its_yardstick():
    allowed = agreement.standard(small_task()).allowed
    assert isinstance(allowed, Tolerance)
    assert allowed.relative < 1e-4


def test_a_plan_that_a_network_cannot_have_is_not_listed():
    def ways(**task):
        return [way for way in own.ways(small_task(**task)) if way.startswith("numba_cpu")]

    assert ways() == [f"numba_cpu {plan}" for plan in ("direct", "blocked", "dual", "auto")]
    assert ways(optimizer=Adam(), outputs=3) == ["numba_cpu auto"]
