"""Snapshots: a training that goes on from any edge of a chunk ends with the same bits."""

import dataclasses
import itertools
import json
import time

import numpy as np
import pytest
from loop_problem import StopAfter

from faults.faulty_reference import DetachedReference, FaultyBackend
from samplewise import registry
from samplewise.errors import ContractError, ParameterError, SnapshotError, SomeDivergedError
from samplewise.network import Dense, Dropout, Network, multilayer_perceptron
from samplewise.registry import Choice
from samplewise.training.callbacks import Callback
from samplewise.training.callbacks.early_stopping import StoppingState
from samplewise.training.many import train_many
from samplewise.training.rates import PlateauState
from samplewise.training.session import Session
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.snapshot import NetworkSnapshot, Snapshot
from samplewise.training.train import train

RNG = np.random.default_rng(5)
X = RNG.standard_normal((24, 9))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
HELD = RNG.standard_normal((10, 9)), RNG.integers(0, 2, 10)
NETWORK = multilayer_perceptron(9, (4,), 1, "tanh")
DROPS = Network((9,), (Dense(5, "relu"), Dropout(0.4), Dense(1)))
IMAGES = Network((1, 3, 3), (Dense(4, "tanh"), Dense(1)))
# Chunks of two batches: three an epoch.
CHUNK, BATCH, EPOCHS = 8, 4, 3

pytestmark = pytest.mark.filterwarnings("ignore:the network did not learn")


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(Session, "chunk_samples", CHUNK)


def settings(**changes):
    plain = {
        "backend": "vectorized",
        "epochs": EPOCHS,
        "batch_size": BATCH,
        "init": "glorot_uniform",
    }
    return TrainingSettings.from_options(**{**plain, **changes})


class Takes(Callback):
    """Takes a snapshot at every edge."""

    def __init__(self):
        self.snapshots = []

    def on_chunk_end(self, take_snapshot):
        self.snapshots.append(take_snapshot())


def again(snapshot):
    """Return a snapshot as a file would give it back."""
    values, arrays = snapshot.to_parts()
    copies = {name: array.copy() for name, array in arrays.items()}
    return Snapshot.from_parts(json.loads(json.dumps(values)), copies)


def without_times(values):
    """Leave out of JSON values all that a clock decides."""
    if isinstance(values, dict):
        timed = ("_ms", "_per_s", "seconds", "checksum", "environment")
        return {k: without_times(v) for k, v in values.items() if not k.endswith(timed)}
    return [without_times(one) for one in values] if isinstance(values, list) else values


def outcome(result):
    return result.parameters.tobytes(), without_times(json.loads(result.history.to_json()))


def state(snapshot):
    values, arrays = snapshot.to_parts()
    bits = {name: array.tobytes() for name, array in arrays.items()}
    return bits, without_times(json.loads(json.dumps(values)))


def goes_on_to_the_same_end(run):
    """Check `run(callbacks, initial)`, which returns results, from each of its edges."""
    plain = [outcome(one) for one in run([], None)]
    whole = Takes()
    assert [outcome(one) for one in run([whole], None)] == plain
    assert len(whole.snapshots) > 3
    for snapshot in whole.snapshots:
        rest = Takes()
        assert [outcome(one) for one in run([rest], again(snapshot))] == plain
        taken = [snapshot, *rest.snapshots]
        assert list(map(state, taken)) == list(map(state, whole.snapshots[-len(taken) :]))


PLATEAU = {"schedule": "plateau", "plateau_epochs": 1, "min_delta": 0.02, "learning_rate": 0.3}
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


MANY = [NETWORK, multilayer_perceptron(9, (3, 2), 1), multilayer_perceptron(9, (), 1)]


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


def test_interrupted_networks_at_once_have_one_snapshot():
    chosen = [settings(backend="numba_cpu", epochs=epochs) for epochs in (1, 3)]
    whole = train_many(MANY[:2], X, LABELS, chosen)
    first, second = train_many(MANY[:2], X, LABELS, chosen, stop=StopAfter(5))
    assert first.snapshot is None
    rest = train_many(MANY[:2], X, LABELS, chosen, initial=second.snapshot)
    assert list(map(outcome, rest)) == list(map(outcome, whole))


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


BUSY = {
    **PLATEAU,
    "optimizer": "adam",
    "ema_decay": 0.5,
    "patience": 4,
    "epochs": 6,
    "plateau_epochs": 2,
    "monitor": "validation_loss",
    "min_delta": 0.001,
    "max_seconds": 1e6,
}


def busy(callbacks=(), initial=None, **changes):
    chosen = settings(**{**BUSY, **changes})
    return train(
        *(NETWORK, X, LABELS, chosen), validation=HELD, callbacks=callbacks, initial=initial
    )


def edge():
    """Return a snapshot in the middle of the third epoch, when all of it is in use."""
    takes = Takes()
    busy([takes])
    found = takes.snapshots[7]
    assert (found.epoch, found.position) == (3, 16)
    return found


def altered(snapshot, field, value):
    """Return a snapshot with another value of a field, of its first network if it is one's."""
    if field in {one.name for one in dataclasses.fields(Snapshot)}:
        return dataclasses.replace(snapshot, **{field: value}).sealed()
    first, *others = snapshot.networks
    first = dataclasses.replace(first, **{field: value})
    return dataclasses.replace(snapshot, networks=(first, *others)).sealed()


def zeroed(array):
    return np.zeros_like(array)


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
    assert {field.name for field in fields} == LEFT_OUT.keys() | {"held", "checksum"}


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


@pytest.mark.parametrize("name", ["coefficients", "origin", "gram_rows", "gram_fills"])
def test_what_a_plan_keeps_elsewhere_is_needed(name):
    chosen = settings(backend="numba_cpu", plan="dual", momentum=0.9, epochs=2)
    takes = Takes()
    whole = outcome(train(NETWORK, X, LABELS, chosen, callbacks=[takes]))
    snapshot = takes.snapshots[1]
    held = {**snapshot.held, name: snapshot.held[name] * 0}
    other = dataclasses.replace(snapshot, held=held).sealed()
    assert outcome(train(NETWORK, X, LABELS, chosen, initial=snapshot)) == whole
    assert outcome(train(NETWORK, X, LABELS, chosen, initial=other)) != whole


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


class NeverBegins(Callback):
    def on_train_begin(self, history):
        raise AssertionError("training began")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"learning_rate": 0.2}, r"settings\.learning_rate must be that of this training, 0\.2"),
        ({"epochs": 7}, r"settings\.epochs"),
        ({"dtype": "float32"}, "dtype"),
        ({"backend": "reference"}, "backend"),
        ({"seed": 1}, r"settings\.seed"),
    ],
)
def test_a_snapshot_of_other_settings_is_refused_by_the_name_of_the_field(changes, field):
    with pytest.raises(SnapshotError, match=f"snapshot: {field}"):
        busy([NeverBegins()], edge(), **changes)


def test_a_snapshot_of_another_network_other_data_or_metrics_is_refused():
    snapshot, chosen = edge(), settings(**BUSY)

    def refused(match, network=NETWORK, rows=X, held=HELD, **more):
        with pytest.raises(SnapshotError, match=match):
            train(
                *(network, rows, LABELS, chosen),
                validation=held,
                initial=snapshot,
                callbacks=[NeverBegins()],
                **more,
            )

    refused(r"network\.layers\[0\]\.units", multilayer_perceptron(9, (5,), 1, "tanh"))
    refused(r"network\.layers\[0\]\.activation", multilayer_perceptron(9, (4,), 1, "relu"))
    refused("data must", rows=X + 1)
    refused("validation must", held=(HELD[0] + 1, HELD[1]))
    refused("metrics", metrics={"mean": lambda targets, predictions: 0.0})


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
    with pytest.raises(ParameterError, match="initial holds 1 models for 2 networks"):
        train_many(MANY[:2], X, LABELS, chosen, initial=each[:1])


@pytest.mark.parametrize(("key", "value"), [("version", "0.0.1"), ("format", 9), ("plan", None)])
def test_a_snapshot_of_another_version_or_plan_is_refused(key, value):
    snapshot = edge()
    other = dataclasses.replace(snapshot, identity={**snapshot.identity, key: value}).sealed()
    with pytest.raises(SnapshotError, match=f"snapshot: {key} must be that of this training"):
        busy([NeverBegins()], other)


def test_a_snapshot_with_a_setting_that_this_training_does_not_have_is_refused():
    snapshot = edge()
    more = {**snapshot.identity["settings"], "cool_down": 3}
    other = dataclasses.replace(snapshot, identity={**snapshot.identity, "settings": more}).sealed()
    with pytest.raises(SnapshotError, match=r"snapshot: settings\.cool_down must be"):
        busy([NeverBegins()], other)


@pytest.mark.parametrize(
    ("key", "value"), [("name", "dual"), ("block", 9), ("chunk", 9), ("in_place", False)]
)
def test_a_snapshot_of_another_plan_is_refused_by_its_field(key, value):
    snapshot = edge()
    assert snapshot.identity["plan"][key] != value
    plan = {**snapshot.identity["plan"], key: value}
    other = dataclasses.replace(snapshot, identity={**snapshot.identity, "plan": plan}).sealed()
    with pytest.raises(SnapshotError, match=rf"snapshot: plan\.{key} must be"):
        busy([NeverBegins()], other)


def test_a_backend_chosen_by_auto_goes_on_by_its_name(monkeypatch):
    takes, whole = Takes(), outcome(busy())
    backend = Choice(registry.load("vectorized"), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: backend)
    busy([takes], backend="auto")
    assert outcome(busy(initial=takes.snapshots[7]))[0] == whole[0]


def test_damage_is_found():
    snapshot = edge()
    values, arrays = snapshot.to_parts()
    with pytest.raises(SnapshotError, match="checksum"):
        busy([NeverBegins()], dataclasses.replace(snapshot, epoch=2))
    for name, array in arrays.items():
        if array.size:
            flipped = array.copy()
            flipped.view(np.uint8).reshape(-1)[-1] ^= 1
            with pytest.raises(SnapshotError, match="damaged"):
                Snapshot.from_parts(values, {**arrays, name: flipped})
        with pytest.raises(SnapshotError, match="damaged"):
            Snapshot.from_parts(values, {**arrays, name: array.reshape(1, -1)})
        fewer = {other: kept for other, kept in arrays.items() if other != name}
        with pytest.raises(SnapshotError, match="damaged"):
            Snapshot.from_parts(values, fewer)
    with pytest.raises(SnapshotError, match="damaged"):
        Snapshot.from_parts(values, {**arrays, "more": X})
    for name in values:
        with pytest.raises(SnapshotError, match=f"{name}|checksum"):
            Snapshot.from_parts({k: v for k, v in values.items() if k != name}, arrays)
    with pytest.raises(SnapshotError, match="'more'"):
        Snapshot.from_parts({**values, "more": 1}, arrays)


def test_an_array_of_another_shape_is_refused_by_its_name():
    snapshot = edge()
    for field in ("parameters", "optimizer_state", "losses", "average", "best"):
        other = altered(snapshot, field, np.zeros(3))
        with pytest.raises(SnapshotError, match=f"snapshot: {field} must be float64"):
            busy(initial=other)


def test_an_array_of_another_dtype_is_refused_by_its_name():
    snapshot = edge()
    other = altered(snapshot, "best", snapshot.networks[0].best.astype(np.float32))
    with pytest.raises(SnapshotError, match="snapshot: best must be float64"):
        busy(initial=other)


def test_a_snapshot_shares_nothing_with_the_training_it_is_taken_from():
    snapshot = edge()
    network = snapshot.networks[0]
    for array in (network.parameters, network.optimizer_state, network.losses, network.best):
        assert not array.flags.writeable
        assert array.base is None


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
