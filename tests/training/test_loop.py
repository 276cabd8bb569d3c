"""The training loop: what it records, when it stops, and what it refuses."""

import csv
import dataclasses
import json
import threading

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, StopAfter, X

from samplewise import registry
from samplewise.contract import Plan
from samplewise.errors import (
    DataError,
    DivergenceError,
    ParameterError,
    TrainingWarning,
    UnavailableBackendError,
    UnknownBackendError,
)
from samplewise.network import SGD, Dense, Network, loss_named, multilayer_perceptron
from samplewise.testing.tolerances import after_steps
from samplewise.training import batches
from samplewise.training.callbacks import Callback
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

LOSS = loss_named("binary_cross_entropy")


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "reference", "epochs": 3, **changes})


def linear_epoch(weights, bias, rate):
    """Run one epoch of logistic regression as a textbook has it; return its mean loss."""
    losses = []
    for x, y in zip(X, LABELS, strict=True):
        p = 1 / (1 + np.exp(-(weights @ x + bias)))
        losses.append(-(y * np.log(p) + (1 - y) * np.log(1 - p)))
        weights -= rate * (p - y) * x
        bias -= rate * (p - y)
    return np.mean(losses), bias


def test_the_loss_of_an_epoch_is_the_mean_before_each_update():
    result = train(Network((4,), (Dense(1),)), X, LABELS, settings(init="zeros"))
    weights, bias, expected = np.zeros(4), 0.0, []
    for _ in range(3):
        loss, bias = linear_epoch(weights, bias, 0.1)
        expected.append(loss)
    np.testing.assert_allclose(result.history.losses, expected, rtol=1e-13)


def test_the_history_says_what_was_run_on_what():
    history = train(NETWORK, X, LABELS, settings(seed=7)).history
    assert (history.backend, history.backend_reason) == ("reference", "named by the caller")
    assert history.settings["seed"] == 7
    assert history.settings["loss"] == "binary_cross_entropy"
    assert history.stopped == "finished"
    assert history.deterministic
    assert (history.device, history.matmul_precision) == ("cpu", "full")
    assert history.environment["versions"]["numpy"] == np.__version__
    assert history.environment["processor"]
    assert "kernels" not in history.environment
    assert len(history.data_fingerprint) == 64
    for number, record in enumerate(history.epochs, 1):
        assert record.epoch == number
        assert record.samples == 50
        assert record.train_ms > 0
        assert record.samples_per_s == pytest.approx(50 / record.train_ms * 1e3)
        assert 0 <= record.accuracy <= 1


def test_a_device_that_the_backend_lacks_is_refused_before_training():
    with pytest.raises(UnavailableBackendError, match="'reference' cannot run on device 'gpu:0'"):
        train(NETWORK, X, LABELS, settings(device="gpu:0"))
    assert train(NETWORK, X, LABELS, settings(device="cpu")).history.device == "cpu"


@pytest.mark.parametrize("device", ["", "gpu 0", "GPU", "cpu:", "gpu:0:1", "gpu:12345", "cpu\n"])
def test_what_is_no_device_is_refused(device):
    with pytest.raises(ParameterError, match=r"^device: not a device, got '.*'; use a kind and"):
        settings(device=device)


def test_a_history_becomes_json_and_csv():
    history = train(NETWORK, X, LABELS, settings()).history
    assert json.loads(history.to_json())["epochs"][2]["loss"] == history.losses[2]
    lines = history.to_csv().splitlines()
    assert lines[0] == (
        "epoch,loss,accuracy,train_ms,samples,samples_per_s,learning_rate,validation_loss,"
        "validation_accuracy"
    )
    assert float(lines[3].split(",")[1]) == history.losses[2]


def test_an_accuracy_that_is_not_tracked_is_not_computed(monkeypatch):
    def fail(*arguments):
        raise AssertionError("logits were computed")

    program = type(registry.load("reference").compile(NETWORK, LOSS, SGD(), np.dtype(float)))
    tracked = train(NETWORK, X, LABELS, settings())
    monkeypatch.setattr(program, "predict", fail)
    result = train(NETWORK, X, LABELS, settings(track_accuracy=False))
    np.testing.assert_array_equal(result.parameters, tracked.parameters)
    history = result.history
    assert [record.accuracy for record in history.epochs] == [None] * 3
    assert [epoch["accuracy"] for epoch in json.loads(history.to_json())["epochs"]] == [None] * 3
    rows = list(csv.DictReader(history.to_csv().splitlines()))
    assert [row["accuracy"] for row in rows] == [""] * 3


def test_the_history_holds_the_plan_of_the_program():
    plan = train(NETWORK, X, LABELS, settings()).history.plan
    assert plan == dataclasses.asdict(Plan())


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("batch_size", [1, 7])
def test_one_seed_gives_the_same_bits_and_another_does_not(backend, batch_size):
    def trained(seed):
        chosen = settings(backend=backend, batch_size=batch_size, shuffle=True, seed=seed)
        return train(NETWORK, X, LABELS, chosen).parameters

    np.testing.assert_array_equal(trained(1), trained(1))
    assert (trained(1) != trained(2)).any()


def test_shuffling_changes_the_result():
    fixed = train(NETWORK, X, LABELS, settings()).parameters
    shuffled = train(NETWORK, X, LABELS, settings(shuffle=True)).parameters
    assert (fixed != shuffled).any()


def test_the_order_has_a_seed_of_its_own_where_it_is_given():
    def trained(**changes):
        return train(NETWORK, X, LABELS, settings(shuffle=True, **changes)).parameters

    same = trained(seed=1)
    np.testing.assert_array_equal(trained(seed=1, order_seed=1), same)
    assert (trained(seed=1, order_seed=2) != same).any()
    weights = [trained(seed=seed, order_seed=2) for seed in (1, 2)]
    np.testing.assert_array_equal(weights[1], trained(seed=2))
    assert (weights[0] != weights[1]).any()


@pytest.mark.parametrize("plan", ["direct", "auto"])
@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_cutting_an_epoch_changes_no_bit_of_steps_and_no_result(monkeypatch, backend, plan):
    """A plan that takes steps by blocks ends a block where a chunk ends."""
    chosen = settings(backend=backend, batch_size=2, plan=plan)
    whole = train(NETWORK, X, LABELS, chosen).parameters
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 5)
    cut = train(NETWORK, X, LABELS, chosen).parameters
    allowed = after_steps(75, "float64").relative if plan == "auto" else 0
    np.testing.assert_allclose(cut, whole, rtol=0, atol=allowed * np.abs(whole).max())


class Recorder(Callback):
    def __init__(self, stop_after=None, event=None):
        self.calls, self.stop_after, self.event = [], stop_after, event

    def on_compile_begin(self, backend):
        self.calls.append(f"compile {backend}")

    def on_train_begin(self, history):
        self.calls.append("begin")

    def on_epoch_end(self, record):
        self.calls.append(record.epoch)
        if self.event is not None:
            self.event.set()
        return "enough" if record.epoch == self.stop_after else None

    def on_train_end(self, history):
        self.calls.append(history.stopped)


def test_callbacks_are_called_in_order():
    recorder = Recorder()
    train(NETWORK, X, LABELS, settings(), callbacks=[recorder])
    assert recorder.calls == ["compile reference", "begin", 1, 2, 3, "finished"]


def test_a_callback_stops_training_with_its_reason():
    recorder = Recorder(stop_after=2)
    history = train(NETWORK, X, LABELS, settings(), callbacks=[Callback(), recorder]).history
    assert history.stopped == "enough"
    assert len(history.epochs) == 2


def test_a_stop_between_epochs_keeps_what_was_trained():
    event = threading.Event()
    result = train(NETWORK, X, LABELS, settings(), callbacks=[Recorder(event=event)], stop=event)
    one_epoch = train(NETWORK, X, LABELS, settings(epochs=1))
    assert result.history.stopped == "interrupted"
    np.testing.assert_array_equal(result.parameters, one_epoch.parameters)


def test_a_stop_inside_an_epoch_acts_at_a_batch_edge_and_records_the_part(monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    history = train(NETWORK, X, LABELS, settings(), stop=StopAfter(2)).history
    assert history.stopped == "interrupted"
    assert [record.samples for record in history.epochs] == [20]


def test_a_stop_before_the_first_step_leaves_no_epoch():
    result = train(NETWORK, X, LABELS, settings(), stop=StopAfter(0))
    assert result.history.epochs == []
    assert result.history.stopped == "interrupted"


def test_a_stop_after_the_last_epoch_is_no_interruption():
    event = threading.Event()
    chosen = settings(epochs=1)
    history = train(NETWORK, X, LABELS, chosen, callbacks=[Recorder(event=event)], stop=event)
    assert history.history.stopped == "finished"


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_divergence_names_epoch_sample_rate_and_a_remedy(backend):
    network = multilayer_perceptron(4, (3,), 1, "relu")
    chosen = settings(backend=backend, learning_rate=1e200)
    with pytest.raises(
        DivergenceError, match=r"in epoch 1 at sample \d+ of 50 \(row \d+\).*1e\+200; use a smaller"
    ) as caught:
        train(network, X, LABELS, chosen)
    assert np.isfinite(caught.value.parameters).all()


@pytest.mark.filterwarnings("ignore:inputs reach")
def test_the_callers_floating_point_settings_do_not_matter():
    with np.errstate(all="raise"):
        strict = train(NETWORK, X * 40, LABELS, settings(learning_rate=30)).parameters
    plain = train(NETWORK, X * 40, LABELS, settings(learning_rate=30)).parameters
    np.testing.assert_array_equal(strict, plain)


def test_a_batch_larger_than_the_data_is_clipped_with_a_note():
    with pytest.warns(TrainingWarning, match="batch_size is 64, but training has 50 rows"):
        history = train(NETWORK, X, LABELS, settings(batch_size=64)).history
    assert "batch_size is 64, but training has 50 rows" in history.notes[0]
    full = train(NETWORK, X, LABELS, settings(batch_size=50))
    assert full.history.losses == history.losses


def test_unscaled_inputs_are_noted():
    with pytest.warns(TrainingWarning, match="scale or standardize them"):
        history = train(NETWORK, X * 100, LABELS, settings()).history
    assert "scale or standardize them" in history.notes[0]


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        (np.zeros((5, 3)), r"shape \(5, 3\); this network takes \(rows, 4\)"),
        (np.zeros(4), "shape"),
        (np.zeros((0, 4)), "no rows"),
        ([["a"] * 4], "expected numbers"),
        (np.full((2, 4), np.nan), "NaN or inf, the first in row 0, column 0"),
        (np.zeros((2, 4), dtype=complex), "complex128"),
        (np.ma.masked_array(np.zeros((2, 4)), mask=np.eye(2, 4)), "masked"),
    ],
)
def test_rows_that_do_not_fit_are_refused(rows, message):
    with pytest.raises(DataError, match=message):
        train(NETWORK, rows, [0, 1], settings())


def test_a_value_too_large_for_float32_is_refused_there_only():
    large = X.copy()
    large[2, 3] = 1e300
    with pytest.raises(DataError, match="X as float32: 1 values? .*row 2, column 3"):
        train(NETWORK, large, LABELS, settings(dtype="float32"))


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (LABELS[:49], r"targets have shape \(49,\); expected \(50,\)"),
        (LABELS + 1, "targets run from 1 to 2"),
        (LABELS - 1, "targets run from -1"),
        (LABELS + 0.5, "expected class names, class indices"),
        (LABELS.astype("M8[D]"), "datetime64.* expected class names, class indices"),
    ],
)
def test_labels_that_do_not_fit_are_refused(labels, message):
    with pytest.raises(DataError, match=message):
        train(NETWORK, X, labels, settings())


def test_arrays_of_the_caller_stay_as_they_are():
    rows, labels = X.copy(), LABELS.copy()
    rows.flags.writeable = labels.flags.writeable = False
    train(NETWORK, np.asfortranarray(rows)[::-1], labels[::-1], settings())
    np.testing.assert_array_equal(rows, X)


def test_an_activated_last_layer_is_refused():
    network = Network((4,), (Dense(1, "sigmoid"),))
    with pytest.raises(ParameterError, match="takes logits and applies its own"):
        train(network, X, LABELS, settings())


@pytest.mark.parametrize(
    ("outputs", "loss", "message"),
    [
        (3, "binary_cross_entropy", "needs 1 output, but the network has 3"),
        (1, "categorical_cross_entropy", "needs 2 outputs or more"),
    ],
)
def test_a_loss_that_does_not_fit_the_outputs_is_refused(outputs, loss, message):
    with pytest.raises(ParameterError, match=message):
        train(multilayer_perceptron(4, (), outputs), X, LABELS, settings(loss=loss))


def test_an_unknown_backend_is_refused_before_any_work():
    with pytest.raises(UnknownBackendError):
        train(NETWORK, X, LABELS, settings(backend="cuda"))


@pytest.mark.parametrize(
    "wrong",
    [
        {"learning_rate": 0},
        {"learning_rate": -0.1},
        {"learning_rate": float("nan")},
        {"learning_rate": "0.1"},
        {"epochs": 0},
        {"epochs": 10**9},
        {"batch_size": 0},
        {"batch_size": 2.5},
        {"seed": -1},
        {"order_seed": -1},
        {"order_seed": 1.5},
        {"track_accuracy": "no"},
        {"dtype": "float16"},
        {"loss": "mse"},
        {"init": "xavier"},
        {"shuffle": 1},
        {"threads": 0},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        settings(**wrong)
