"""Snapshots of several networks at once, and of networks one after the other."""

import dataclasses

import pytest
from loop_problem import StopAfter
from snapshot_problem import (
    CHUNK,
    LABELS,
    MANY,
    NETWORK,
    Takes,
    X,
    again,
    altered,
    goes_on_to_the_same_end,
    outcome,
    settings,
    zeroed,
)

from samplewise.errors import ContractError, ParameterError, SnapshotError, SomeDivergedError
from samplewise.network import multilayer_perceptron
from samplewise.training.many import train_many
from samplewise.training.session import Session
from samplewise_backends.numba_cpu import trainers
from samplewise_backends.numba_cpu.plans.split import groups_of

pytestmark = pytest.mark.filterwarnings("ignore:the network did not learn")


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(Session, "chunk_samples", CHUNK)


@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
def test_networks_at_once_go_on_to_the_same_bits(plan):
    shared = {"backend": "numba_cpu", "plan": plan, "seed": 3, "patience": 2, "min_delta": 0.01}
    chosen = [
        settings(**shared, epochs=1 + k, momentum=0.5 * (k > 0), learning_rate=0.1 * (1 + k))
        for k in range(3)
    ]

    def run(callbacks, initial):
        each = [[], [], callbacks]
        return train_many(MANY, X, LABELS, chosen, callbacks=each, initial=initial)

    goes_on_to_the_same_end(run)


def diverging(callbacks, initial):
    """Train two networks, of which the second diverges in the first epoch; return both ends."""
    relu = multilayer_perceptron(9, (4,), 1, "relu")
    chosen = [settings(backend="numba_cpu"), settings(backend="numba_cpu", learning_rate=1e200)]
    with pytest.raises(SomeDivergedError) as caught:
        train_many(
            *([NETWORK, relu], X, LABELS, chosen), callbacks=[callbacks, []], initial=initial
        )
    error = caught.value.errors[1]
    (result, _) = caught.value.results
    return *outcome(result), str(error), error.parameters.tobytes()


def test_a_network_that_has_diverged_stays_so():
    takes = Takes()
    whole = diverging([takes], None)
    for snapshot in takes.snapshots:
        assert diverging([], again(snapshot)) == whole


def test_interrupted_networks_at_once_have_one_snapshot():
    chosen = [settings(backend="numba_cpu", epochs=epochs) for epochs in (1, 3)]
    whole = train_many(MANY[:2], X, LABELS, chosen)
    first, second = train_many(MANY[:2], X, LABELS, chosen, stop=StopAfter(5))
    assert first.snapshot is None
    rest = train_many(MANY[:2], X, LABELS, chosen, initial=second.snapshot)
    assert list(map(outcome, rest)) == list(map(outcome, whole))


def test_the_networks_that_trained_last_are_needed():
    chosen = settings(backend="numba_cpu", plan="dual", epochs=2)
    takes = Takes()
    whole = train_many(MANY, X, LABELS, chosen, callbacks=[[takes], [], []])
    snapshot = takes.snapshots[1]
    held = {**snapshot.held, "active": snapshot.held["active"][1:]}
    other = dataclasses.replace(snapshot, held=held).sealed()
    rest = train_many(MANY, X, LABELS, chosen, initial=snapshot)
    assert list(map(outcome, rest)) == list(map(outcome, whole))
    with pytest.raises(ContractError):
        train_many(MANY, X, LABELS, chosen, initial=other)


def reversed_groups(*given):
    return groups_of(*given)[::-1]


def test_groups_are_those_of_the_snapshot(monkeypatch):
    # All groups have coefficients of one shape: taken for another's, they are not noticed.
    networks = [multilayer_perceptron(9, units, 1) for units in ((4,), (4,), (4, 8), (4, 8))]
    chosen = [
        settings(backend="numba_cpu", plan="dual", learning_rate=0.1 * k) for k in range(1, 5)
    ]
    takes = Takes()
    whole = train_many(networks, X, LABELS, chosen, callbacks=[[takes], [], [], []])
    snapshot = takes.snapshots[1]
    assert len(snapshot.held["sizes"]) > 1
    monkeypatch.setattr(trainers, "groups_of", reversed_groups)
    rest = train_many(networks, X, LABELS, chosen, initial=again(snapshot))
    assert list(map(outcome, rest)) == list(map(outcome, whole))


def trained_with_groups(change):
    """Train networks on from a snapshot whose held state is changed."""
    chosen = settings(backend="numba_cpu", plan="dual", epochs=2)
    takes = Takes()
    train_many(MANY, X, LABELS, chosen, callbacks=[[takes], [], []])
    held = dict(takes.snapshots[1].held)
    change(held)
    initial = dataclasses.replace(takes.snapshots[1], held=held).sealed()
    return train_many(MANY, X, LABELS, chosen, initial=initial)


@pytest.mark.parametrize("name", ["grouped", "sizes"])
def test_a_snapshot_without_its_groups_is_refused(name):
    with pytest.raises(ContractError, match="grouped: must be the networks of each group"):
        trained_with_groups(lambda held: held.pop(name))


@pytest.mark.parametrize("name", ["grouped", "sizes"])
def test_a_snapshot_with_other_groups_is_refused(name):
    with pytest.raises(ContractError, match="grouped: must be the active networks"):
        trained_with_groups(lambda held: held.update({name: held[name] * 2}))


def test_the_times_of_before_count():
    chosen = [settings(backend="numba_cpu", epochs=2)] * 2
    takes = Takes()
    train_many(MANY[:2], X, LABELS, chosen, callbacks=[[takes], []])
    snapshot = takes.snapshots[4]
    timed = altered(altered(snapshot, "epoch_ms", (7e6,)), "part_ms", 9e6)
    shared = train_many(MANY[:2], X, LABELS, chosen, initial=timed)[0].history.shared
    assert shared.all_networks_epoch_ms[0] == 7e6
    assert 9e6 < shared.all_networks_epoch_ms[1] < 10e6
    fewer = altered(snapshot, "samples_run", 0)
    (one, _) = train_many(MANY[:2], X, LABELS, chosen, initial=fewer)
    assert one.history.shared.multiply_add_share < shared.multiply_add_share
    assert one.history.losses == train_many(MANY[:2], X, LABELS, chosen)[0].history.losses


def test_the_parameters_of_an_error_are_kept():
    takes = Takes()
    whole = diverging([takes], None)
    first, second = takes.snapshots[0].networks
    second = dataclasses.replace(second, finite_parameters=zeroed(second.finite_parameters))
    other = dataclasses.replace(takes.snapshots[0], networks=(first, second)).sealed()
    assert diverging([], other)[:3] == whole[:3]
    assert diverging([], other)[3] != whole[3]
    second = dataclasses.replace(second, finite_parameters=None)
    other = dataclasses.replace(other, networks=(first, second)).sealed()
    chosen = settings(backend="numba_cpu")
    with pytest.raises(SnapshotError, match="finite_parameters is missing"):
        train_many(
            *([NETWORK, multilayer_perceptron(9, (4,), 1, "relu")], X, LABELS),
            [chosen, dataclasses.replace(chosen, learning_rate=1e200)],
            initial=other,
        )


def test_a_snapshot_of_fewer_networks_is_refused():
    takes, chosen = Takes(), settings(backend="numba_cpu", epochs=1)
    train_many(MANY[:2], X, LABELS, chosen, callbacks=[[takes], []])
    with pytest.raises(SnapshotError, match="networks_at_once must be that of this training, 3"):
        train_many(MANY, X, LABELS, chosen, initial=takes.snapshots[0])
    with pytest.raises(ParameterError, match="give the one snapshot of all"):
        train_many(MANY[:2], X, LABELS, chosen, initial=takes.snapshots[:2])


def test_networks_one_after_the_other_go_on_from_a_snapshot_of_each():
    chosen = settings()
    whole = train_many(MANY[:2], X, LABELS, chosen)
    stopped = train_many(MANY[:2], X, LABELS, chosen, stop=StopAfter(2))
    each = [result.snapshot for result in stopped]
    assert [one.epoch for one in each] == [1, 1]
    rest = train_many(MANY[:2], X, LABELS, chosen, initial=each)
    assert list(map(outcome, rest)) == list(map(outcome, whole))
    with pytest.raises(ParameterError, match="initial holds 1 model for 2 networks"):
        train_many(MANY[:2], X, LABELS, chosen, initial=each[:1])
