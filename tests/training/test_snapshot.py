"""Snapshots that are refused: of another training, damaged, or with other arrays."""

import dataclasses

import numpy as np
import pytest
from snapshot_problem import BUSY, CHUNK, HELD, LABELS, NETWORK, X, altered, busy, edge, settings

from samplewise.errors import SnapshotError
from samplewise.network import multilayer_perceptron
from samplewise.training.callbacks import Callback
from samplewise.training.session import Session
from samplewise.training.snapshot import Snapshot
from samplewise.training.train import train

pytestmark = pytest.mark.filterwarnings("ignore:the network did not learn")


@pytest.fixture(autouse=True)
def short_chunks(monkeypatch):
    monkeypatch.setattr(Session, "chunk_samples", CHUNK)


class NeverBegins(Callback):
    def on_train_begin(self, history):
        raise AssertionError("training began")


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"learning_rate": 0.2}, r"settings\.learning_rate must be that of this training, 0\.2"),
        ({"epochs": 7}, r"settings\.epochs"),
        ({"dtype": "float32"}, r"settings\.dtype"),
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


@pytest.mark.parametrize(("key", "value"), [("format", 9), ("plan", None)])
def test_a_snapshot_of_another_format_or_plan_is_refused(key, value):
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


@pytest.mark.parametrize(("key", "value"), [("name", "dual"), ("block", 9), ("in_place", False)])
def test_a_snapshot_of_another_plan_is_refused_by_its_field(key, value):
    snapshot = edge()
    assert snapshot.identity["plan"][key] != value
    plan = {**snapshot.identity["plan"], key: value}
    other = dataclasses.replace(snapshot, identity={**snapshot.identity, "plan": plan}).sealed()
    with pytest.raises(SnapshotError, match=rf"snapshot: plan\.{key} must be"):
        busy([NeverBegins()], other)


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


def test_the_values_of_a_snapshot_are_those_of_its_dataclasses_and_its_own():
    records = tuple(
        dataclasses.replace(one, metrics={"r2": 0.5}) for one in edge().networks[0].epochs
    )
    snapshot = altered(edge(), "epochs", records)
    network, values = snapshot.networks[0], snapshot.to_parts()[0]["networks"][0]
    assert values["epochs"] == [dataclasses.asdict(record) for record in records]
    assert values["early_stopping"] == dataclasses.asdict(network.early_stopping)
    assert values["plateau"] == dataclasses.asdict(network.plateau)
    values["epochs"][0]["metrics"].clear()
    assert records[0].metrics == {"r2": 0.5}
