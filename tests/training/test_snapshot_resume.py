"""A training that goes on from a snapshot at any edge of a chunk ends with the same bits."""

import dataclasses
import itertools
import time

import pytest
from loop_problem import StopAfter
from snapshot_problem import (
    CHUNK,
    HELD,
    LABELS,
    NETWORK,
    PLATEAU,
    Takes,
    X,
    altered,
    busy,
    edge,
    goes_on_to_the_same_end,
    outcome,
    settings,
    zeroed,
)

from faults.faulty_reference import DetachedReference, FaultyBackend
from samplewise import registry
from samplewise.errors import ContractError, SnapshotError
from samplewise.network import Dense, Dropout, Network
from samplewise.registry import Choice
from samplewise.training.callbacks.early_stopping import StoppingState
from samplewise.training.rates import PlateauState
from samplewise.training.session import Session
from samplewise.training.snapshot import NetworkSnapshot, Snapshot
from samplewise.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore:the network did not learn")
DROPS = Network((9,), (Dense(5, "relu"), Dropout(0.4), Dense(1)))
IMAGES = Network((1, 3, 3), (Dense(4, "tanh"), Dense(1)))
CASES = {
    # The last batch of an epoch is a short one.
    "sgd": {"shuffle": True, "batch_size": 5},
    "nesterov, l1, step": {
        "momentum": 0.9,
        "nesterov": True,
        "l1": 0.01,
        "schedule": "step",
        "every": 1,
    },
    "adam, cosine": {"optimizer": "adam", "schedule": "cosine", "warmup_steps": 5},
    "rmsprop, one cycle": {"optimizer": "rmsprop", "schedule": "one_cycle"},
    "adagrad, inverse scaling": {"optimizer": "adagrad", "schedule": "inverse_scaling"},
    "exponential, class weights": {"schedule": "exponential", "class_weight": {"1": 3.0}},
    "plateau, best weights": {**PLATEAU, "keep_best": True, "epochs": 5},
    "patience": {"patience": 1, "min_delta": 0.05, "epochs": 9, "validation_fraction": 0.4},
    "average, max_steps": {"ema_decay": 0.6, "max_steps": 16, "optimizer": "adam"},
    "blocked": {"plan": "blocked", "momentum": 0.8, "l2": 0.1, "batch_size": 1, "epochs": 2},
}


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(Session, "chunk_samples", CHUNK)


@pytest.mark.parametrize("case", CASES)
def test_one_network_goes_on_to_the_same_bits(case):
    chosen = settings(**CASES[case])

    def run(callbacks, initial):
        return [train(NETWORK, X, LABELS, chosen, callbacks=callbacks, initial=initial)]

    goes_on_to_the_same_end(run)


COMPILED = {
    "direct": {"plan": "direct", "optimizer": "adam", "shuffle": True},
    "blocked": {"plan": "blocked", "momentum": 0.9, "l2": 0.01, "keep_best": True},
    "dual": {"plan": "dual", "momentum": 0.9, "l2": 0.01, "shuffle": True},
    "dual, brought out": {"plan": "dual", "ema_decay": 0.5, "keep_best": True, "epochs": 2},
}


@pytest.mark.parametrize("case", COMPILED)
def test_every_plan_of_the_compiled_backend_goes_on_to_the_same_bits(case):
    chosen = settings(backend="numba_cpu", **COMPILED[case])

    def run(callbacks, initial):
        result = train(
            *(NETWORK, X, LABELS, chosen),
            validation=HELD,
            callbacks=callbacks,
            initial=initial,
        )
        assert result.history.plan["name"] == chosen.plan
        return [result]

    goes_on_to_the_same_end(run)


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_dropout_is_drawn_again_on_every_backend(backend):
    chosen = settings(backend=backend, dtype="float32", epochs=2)

    def run(callbacks, initial):
        return [train(DROPS, X, LABELS, chosen, callbacks=callbacks, initial=initial)]

    goes_on_to_the_same_end(run)


@pytest.mark.parametrize(("backend", "plan"), [("vectorized", "auto"), ("numba_cpu", "dual")])
def test_views_of_images_are_drawn_again(backend, plan):
    chosen = settings(backend=backend, plan=plan, augment="shift 1, rotate 20, noise 0.1")
    rows = X.reshape(-1, 3, 3)

    def run(callbacks, initial):
        return [train(IMAGES, rows, LABELS, chosen, callbacks=callbacks, initial=initial)]

    goes_on_to_the_same_end(run)


@pytest.mark.parametrize(
    ("network", "changes"),
    [
        (NETWORK, {"plan": "direct", "ema_decay": 0.5}),
        (IMAGES, {"plan": "dual", "augment": "noise 0.1", "track_accuracy": False}),
    ],
)
def test_an_interrupted_training_gives_a_snapshot_that_goes_on(network, changes):
    chosen = settings(backend="numba_cpu", epochs=2, **changes)
    whole = outcome(train(network, X, LABELS, chosen))
    # Questions before the first step, inside epochs, and at the end of an epoch.
    for questions in range(7):
        stopped = train(network, X, LABELS, chosen, stop=StopAfter(questions))
        assert stopped.history.stopped == "interrupted"
        rest = train(network, X, LABELS, chosen, initial=stopped.snapshot)
        assert outcome(rest) == whole
        assert rest.snapshot is None


def test_seconds_before_an_interrupt_count(monkeypatch):
    chosen, now = settings(max_seconds=8.0, epochs=9), [5.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])

    class Slow(Takes):
        def on_chunk_end(self, take_snapshot):
            now[0] += 1.0
            super().on_chunk_end(take_snapshot)

    whole = Slow()
    train(NETWORK, X, LABELS, chosen, callbacks=[whole])
    now[0] += 1000.0
    rest = Slow()
    train(NETWORK, X, LABELS, chosen, callbacks=[rest], initial=whole.snapshots[2])
    assert (len(whole.snapshots), len(rest.snapshots)) == (8, 5)
    spent = Slow()
    result = train(NETWORK, X, LABELS, chosen, callbacks=[spent], initial=whole.snapshots[-1])
    assert (spent.snapshots, result.history.stopped) == ([], "max_seconds")


LEFT_OUT = {
    "identity": lambda of: {},
    "epoch": lambda of: 1,
    "position": lambda of: 0,
    "seconds": lambda of: 2e6,
    "epoch_ms": lambda of: (),
    "part_ms": lambda of: 1e9,
    "networks": lambda of: (),
    "parameters": zeroed,
    "optimizer_state": zeroed,
    "step": lambda of: 0,
    "losses": zeroed,
    "samples_run": lambda of: 0,
    "early_stopping": lambda of: StoppingState(),
    "plateau": lambda of: PlateauState(),
    "epochs": lambda of: (),
    "stopped": lambda of: "enough",
    "diverged": lambda of: "the loss became inf",
    "finite_parameters": zeroed,
    "average": lambda of: None,
    "best": lambda of: None,
}
REFUSED = {"identity", "position", "networks", "diverged"}
# Where a field matters only among networks at once, or in a plan that is not in place.
ELSEWHERE = {"held", "checksum", "samples_run", "finite_parameters", "epoch_ms", "part_ms"}


def test_every_field_is_left_out_once():
    fields = itertools.chain(dataclasses.fields(Snapshot), dataclasses.fields(NetworkSnapshot))
    # Another environment is a warning, see test_checkpoint.
    apart = {"held", "checksum", "decisions", "penalties", "environment"}
    assert {field.name for field in fields} == LEFT_OUT.keys() | apart


def test_an_accuracy_of_the_steps_goes_on_with_its_decisions():
    takes = Takes()
    whole = outcome(train(NETWORK, X, LABELS, settings(), callbacks=[takes]))
    found = takes.snapshots[1]
    assert found.position > 0
    assert outcome(train(NETWORK, X, LABELS, settings(), initial=found)) == whole
    for left_out in (None, found.networks[0].decisions[:-1]):
        other = altered(found, "decisions", left_out)
        with pytest.raises(SnapshotError, match="decisions must be"):
            train(NETWORK, X, LABELS, settings(), initial=other)


@pytest.mark.parametrize("field", sorted(LEFT_OUT.keys() - ELSEWHERE))
def test_a_field_that_is_left_out_changes_the_end_or_is_refused(field):
    snapshot = edge()
    whole = outcome(busy())
    assert outcome(busy(initial=snapshot)) == whole
    holder = snapshot if hasattr(snapshot, field) else snapshot.networks[0]
    other = altered(snapshot, field, LEFT_OUT[field](getattr(holder, field)))
    if field in REFUSED:
        with pytest.raises(SnapshotError):
            busy(initial=other)
    else:
        assert outcome(busy(initial=other)) != whole


HELD_BY_DUAL = ["coefficients", "velocities", "recent", "origin", "gram_rows", "gram_fills"]


@pytest.mark.parametrize("name", HELD_BY_DUAL)
def test_what_a_plan_keeps_elsewhere_is_needed(name):
    # A velocity that fades so fast is kept of the last 16 rows alone.
    chosen = settings(backend="numba_cpu", plan="dual:4", momentum=0.1, epochs=2)
    takes = Takes()
    whole = outcome(train(NETWORK, X, LABELS, chosen, callbacks=[takes]))
    snapshot = takes.snapshots[1]
    held = {**snapshot.held, name: snapshot.held[name] * 0}
    other = dataclasses.replace(snapshot, held=held).sealed()
    assert outcome(train(NETWORK, X, LABELS, chosen, initial=snapshot)) == whole
    assert outcome(train(NETWORK, X, LABELS, chosen, initial=other)) != whole


def without(held, name):
    return {key: array for key, array in held.items() if key != name}


def first_row(held, name):
    return {**held, name: held[name][:1]}


@pytest.mark.parametrize("name", ["coefficients", "velocities", "recent", "origin"])
@pytest.mark.parametrize("change", [without, first_row])
def test_what_another_version_of_a_plan_keeps_is_refused_by_name(change, name):
    chosen = settings(backend="numba_cpu", plan="dual:4", momentum=0.1, epochs=2)
    takes = Takes()
    train(NETWORK, X, LABELS, chosen, callbacks=[takes])
    snapshot = takes.snapshots[1]
    other = dataclasses.replace(snapshot, held=change(snapshot.held, name)).sealed()
    with pytest.raises(ContractError, match=f"{name}: must be an array of shape"):
        train(NETWORK, X, LABELS, chosen, initial=other)


@pytest.mark.parametrize("row", [-1, len(X)])
def test_coefficients_of_rows_that_there_are_not_are_refused(row):
    chosen = settings(backend="numba_cpu", plan="dual:4", momentum=0.1, epochs=2)
    takes = Takes()
    train(NETWORK, X, LABELS, chosen, callbacks=[takes])
    snapshot = takes.snapshots[1]
    held = {**snapshot.held, "recent": snapshot.held["recent"] * 0 + row}
    other = dataclasses.replace(snapshot, held=held).sealed()
    with pytest.raises(ContractError, match="recent: must be rows from 0 to 23"):
        train(NETWORK, X, LABELS, chosen, initial=other)


def test_a_backend_chosen_by_auto_goes_on_by_its_name(monkeypatch):
    takes, whole = Takes(), outcome(busy())
    backend = Choice(registry.load("vectorized"), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: backend)
    busy([takes], backend="auto")
    assert outcome(busy(initial=takes.snapshots[7]))[0] == whole[0]


def test_a_program_that_cannot_say_what_it_keeps_is_trained_and_gives_no_snapshot(monkeypatch):
    backend = Choice(FaultyBackend("detached", DetachedReference), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: backend)
    stopped = train(NETWORK, X, LABELS, settings(), stop=StopAfter(4))
    assert (stopped.history.stopped, stopped.snapshot) == ("interrupted", None)
    assert [record.samples for record in stopped.history.epochs] == [24]
    with pytest.raises(
        ContractError, match="DetachedReference: its plan is not in place; write held_state"
    ):
        train(NETWORK, X, LABELS, settings(), callbacks=Takes())
