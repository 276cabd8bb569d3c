"""The figure that training monitors, when training ends, and the weights that are kept."""

import json
import threading

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, StopAfter, X

from samplewise.errors import CombinationError, DataError, DivergenceError, ParameterError
from samplewise.network import class_loss_named, multilayer_perceptron
from samplewise.testing.tolerances import after_steps
from samplewise.training import batches
from samplewise.training.callbacks import Callback, limits
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

LOSS = class_loss_named("binary_cross_entropy")
# Labels that the inputs do not explain: what is learnt of some rows is wrong for others.
NOISE = np.random.default_rng(8).integers(0, 2, 50)
OTHERS = np.random.default_rng(9).standard_normal((30, 4))
OTHER_LABELS = (OTHERS[:, 0] + OTHERS[:, 1] > 0).astype(int)
OVERFITTED = {"learning_rate": 0.5, "epochs": 30, "validation_fraction": 0.3, "seed": 10}


def settings(**changes):
    return TrainingSettings.from_options(
        **{"backend": "reference", "epochs": 4, "batch_size": 5, **changes}
    )


def weights_after(epochs, labels=LABELS, /, **changes):
    options = {**changes, "epochs": epochs, "patience": None, "keep_best": None}
    return train(NETWORK, X, labels, settings(**options)).parameters


def test_validation_rows_are_held_out_of_each_class_and_measured_after_every_epoch():
    history = train(NETWORK, X, LABELS, settings(validation_fraction=0.2)).history
    ones = int(LABELS.sum())
    assert history.validation_rows == round(0.2 * ones) + round(0.2 * (50 - ones))
    assert history.rows == 50 - history.validation_rows
    assert all(record.samples == history.rows for record in history.epochs)
    assert history.validation_losses == [record.validation_loss for record in history.epochs]
    assert len(history.validation_losses) == 4
    assert all(0 <= record.validation_accuracy <= 1 for record in history.epochs)


def test_the_seed_decides_which_rows_are_held_out():
    def fingerprint(**changes):
        chosen = settings(validation_fraction=0.2, epochs=1, **changes)
        return train(NETWORK, X, LABELS, chosen).history.data_fingerprint

    assert fingerprint() == fingerprint(order_seed=5)
    assert fingerprint() != fingerprint(seed=1)


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_given_validation_rows_are_measured_by_the_weights_after_the_epoch(backend):
    chosen = settings(backend=backend)
    validation = OTHERS, OTHER_LABELS
    result = train(NETWORK, X, LABELS, chosen, validation=validation)
    plain = train(NETWORK, X, LABELS, chosen)
    np.testing.assert_array_equal(result.parameters, plain.parameters)
    logits = logits_of(result.parameters, OTHERS)
    last = result.history.epochs[-1]
    assert last.validation_loss == pytest.approx(LOSS.mean(logits, OTHER_LABELS[:, None]))
    assert last.validation_accuracy == np.mean((logits[:, 0] > 0) == OTHER_LABELS)
    assert plain.history.epochs[-1].validation_loss is None


def logits_of(parameters, rows):
    views = NETWORK.layout.views(parameters)
    hidden = 1 / (1 + np.exp(-(rows @ views["0.weight"].T + views["0.bias"])))
    return hidden @ views["1.weight"].T + views["1.bias"]


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
@pytest.mark.parametrize("monitor", ["auto", "validation_accuracy", "loss"])
@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_patience_ends_a_run_and_the_best_weights_are_returned(backend, monitor):
    options = {**OVERFITTED, "backend": backend, "monitor": monitor, "patience": 3}
    options |= {"learning_rate": 20.0} if monitor == "loss" else {}
    result = train(NETWORK, X, NOISE, settings(**options))
    history = result.history
    assert history.stopped == "patience"
    assert history.best_epoch == len(history.epochs) - 3
    metric = "validation_loss" if monitor == "auto" else monitor
    figures = [getattr(record, metric) for record in history.epochs]
    best = max(figures) if "accuracy" in metric else min(figures)
    assert figures.index(best) + 1 == history.best_epoch
    wanted = weights_after(history.best_epoch, NOISE, **options)
    np.testing.assert_array_equal(result.parameters, wanted)
    assert json.loads(history.to_json())["best_epoch"] == history.best_epoch


def test_an_improvement_smaller_than_min_delta_is_none():
    history = train(NETWORK, X, LABELS, settings(patience=2, min_delta=100.0)).history
    assert (history.stopped, history.best_epoch, len(history.epochs)) == ("patience", 1, 3)


@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
def test_the_best_weights_come_out_of_every_plan_of_the_compiled_backend(plan):
    options = {**OVERFITTED, "backend": "numba_cpu", "plan": plan, "patience": 3}
    result = train(NETWORK, X, NOISE, settings(**options))
    slow = train(NETWORK, X, NOISE, settings(**{**options, "backend": "reference", "plan": "auto"}))
    assert result.history.best_epoch == slow.history.best_epoch
    allowed = after_steps(1000, "float64").relative * np.abs(slow.parameters).max()
    assert np.abs(result.parameters - slow.parameters).max() <= allowed


class Ends(Callback):
    def __init__(self, after, event=None):
        self.after, self.event = after, event

    def on_epoch_end(self, record):
        if record.epoch < self.after:
            return None
        if self.event is not None:
            self.event.set()
            return None
        return "enough"


@pytest.mark.parametrize("end", ["epochs", "callback", "event", "target_loss", "max_steps"])
def test_the_best_weights_are_returned_however_training_ends(end):
    event = threading.Event()
    options = {**OVERFITTED, "keep_best": True, "epochs": 20}
    reference = train(NETWORK, X, NOISE, settings(**options))
    best = reference.history.best_epoch
    assert 1 < best < 18
    lowest = min(record.validation_loss for record in reference.history.epochs)
    callbacks = {"callback": [Ends(18)], "event": [Ends(18, event)]}.get(end, ())
    changes = {"target_loss": {"target_loss": lowest}, "max_steps": {"max_steps": 17 * 7 + 3}}
    result = train(
        *(NETWORK, X, NOISE, settings(**options, **changes.get(end, {}))),
        callbacks=callbacks,
        stop=event,
    )
    stopped = {"epochs": "finished", "callback": "enough", "event": "interrupted"}
    assert result.history.stopped == stopped.get(end, end)
    np.testing.assert_array_equal(result.parameters, reference.parameters)


def test_an_epoch_that_was_cut_short_is_never_the_best(monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    result = train(NETWORK, X, LABELS, settings(keep_best=True), stop=StopAfter(8))
    assert [record.samples for record in result.history.epochs] == [50, 20]
    assert result.history.best_epoch == 1
    np.testing.assert_array_equal(result.parameters, weights_after(1))
    cut = train(NETWORK, X, LABELS, settings(keep_best=True), stop=StopAfter(2))
    assert cut.history.best_epoch is None


def test_an_error_is_raised_whatever_was_the_best():
    network = multilayer_perceptron(4, (3,), 1, "relu")
    with pytest.raises(DivergenceError):
        train(network, X, LABELS, settings(learning_rate=1e200, patience=2))


@pytest.mark.parametrize("validated", [False, True])
@pytest.mark.parametrize("figure", ["loss", "accuracy"])
def test_a_target_ends_a_run_at_the_first_epoch_that_reaches_it(figure, validated):
    options = {"epochs": 30, "learning_rate": 1.0}
    options |= {"validation_fraction": 0.2} if validated else {}
    free = train(NETWORK, X, LABELS, settings(**options, exact_accuracy=True)).history.epochs
    name = "validation_" * validated + figure
    target = getattr(free[14], name)
    better = (lambda f: f >= target) if figure == "accuracy" else (lambda f: f <= target)
    first = next(record.epoch for record in free if better(getattr(record, name)))
    chosen = settings(**options, **{f"target_{figure}": target})
    history = train(NETWORK, X, LABELS, chosen).history
    assert history.stopped == f"target_{figure}"
    assert len(history.epochs) == first < 30
    assert history.best_epoch is None


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize(("most", "samples"), [(3, [15]), (10, [50]), (23, [50, 50, 15])])
def test_a_budget_of_steps_is_kept_exactly(backend, most, samples):
    result = train(NETWORK, X, LABELS, settings(backend=backend, max_steps=most))
    assert [record.samples for record in result.history.epochs] == samples
    assert result.history.stopped == "max_steps"
    if most == 10:
        np.testing.assert_array_equal(result.parameters, weights_after(1, backend=backend))


@pytest.mark.parametrize(("most", "samples"), [(3, [15]), (10, [50]), (23, [50, 50, 15])])
def test_a_training_stopped_in_the_last_chunk_of_its_budget_has_a_snapshot(most, samples):
    chosen, stop = settings(max_steps=most), threading.Event()

    class Stops(Callback):
        def on_chunk_end(self, take_snapshot):
            self.chunks = getattr(self, "chunks", 0) + 1
            if self.chunks == len(samples):
                stop.set()

    stopped = train(NETWORK, X, LABELS, chosen, callbacks=[Stops()], stop=stop)
    assert stopped.history.stopped == "interrupted"
    whole = train(NETWORK, X, LABELS, chosen)
    result = train(NETWORK, X, LABELS, chosen, initial=stopped.snapshot)
    assert result.history.stopped == whole.history.stopped == "max_steps"
    assert [record.samples for record in result.history.epochs] == samples
    np.testing.assert_array_equal(result.parameters, whole.parameters)


@pytest.mark.parametrize("chunk", [None, 14])
def test_a_short_batch_is_a_step_of_the_budget_like_others(monkeypatch, chunk):
    """Fifty rows in sevens are seven batches and one row: eight steps an epoch."""
    if chunk is not None:
        monkeypatch.setattr(batches, "CHUNK_SAMPLES", chunk)
    chosen = settings(backend="reference", batch_size=7, max_steps=18, epochs=9)
    history = train(NETWORK, X, LABELS, chosen).history
    assert [record.samples for record in history.epochs] == [50, 50, 14]
    assert history.stopped == "max_steps"


@pytest.mark.parametrize("most", [40, 41])
def test_a_budget_that_suffices_ends_nothing(most):
    history = train(NETWORK, X, LABELS, settings(max_steps=most, max_seconds=1e6)).history
    assert (history.stopped, len(history.epochs)) == ("finished", 4)


def test_a_budget_of_seconds_ends_a_run_at_the_next_chunk(monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 10)
    ticks = iter(range(1000))
    monkeypatch.setattr(limits.time, "monotonic", lambda: float(next(ticks)))
    # Asked once when training begins, then once a chunk, and once more an epoch.
    history = train(NETWORK, X, LABELS, settings(max_seconds=8)).history
    assert history.stopped == "max_seconds"
    assert [record.samples for record in history.epochs] == [50, 20]


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("decay", [0.0, 0.75])
def test_the_average_of_the_weights_is_taken_once_an_epoch(backend, decay):
    ends = [weights_after(epoch, backend=backend) for epoch in (1, 2, 3, 4)]
    wanted = ends[0]
    for end in ends[1:]:
        wanted = decay * wanted + (1 - decay) * end
    options = {"backend": backend, "ema_decay": decay, "validation_fraction": None}
    result = train(NETWORK, X, LABELS, settings(**options), validation=(OTHERS, OTHER_LABELS))
    np.testing.assert_allclose(result.parameters, wanted, rtol=1e-12)
    # What is returned is what was measured.
    logits = logits_of(result.parameters, OTHERS)
    measured = result.history.epochs[-1].validation_loss
    assert measured == pytest.approx(LOSS.mean(logits, OTHER_LABELS[:, None]))
    accuracy = np.mean((logits_of(result.parameters, X)[:, 0] > 0) == LABELS)
    assert result.history.epochs[-1].accuracy == accuracy


def test_the_best_average_is_kept():
    options = {**OVERFITTED, "ema_decay": 0.5, "patience": 3}
    result = train(NETWORK, X, NOISE, settings(**options))
    best = result.history.best_epoch
    assert best < len(result.history.epochs)
    np.testing.assert_array_equal(result.parameters, weights_after(best, NOISE, **options))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"monitor": "validation_loss"}, CombinationError, "validation rows .* got none"),
        (
            {"monitor": "accuracy", "track_accuracy": False},
            CombinationError,
            "track_accuracy is off",
        ),
        (
            {"target_accuracy": 0.9, "track_accuracy": False},
            CombinationError,
            "target_accuracy: needs the accuracy on the training rows",
        ),
        (
            {"validation_fraction": 0.001},
            ParameterError,
            "must leave a row to validate on, got 0.001 of 50 rows in 2 classes, each of",
        ),
        (
            {"validation_fraction": 0.999},
            ParameterError,
            "a training row of each class, got 0.999 of 50 rows, which leaves none of '0'",
        ),
    ],
)
def test_what_does_not_go_together_is_refused_before_training(changes, error, message):
    with pytest.raises(error, match=message):
        train(NETWORK, X, LABELS, settings(**changes))


def test_validation_rows_are_given_or_held_out_and_checked():
    with pytest.raises(ParameterError, match="choose one of them"):
        train(*(NETWORK, X, LABELS, settings(validation_fraction=0.2)), validation=(OTHERS, NOISE))
    with pytest.raises(DataError, match="this network takes"):
        train(NETWORK, X, LABELS, settings(), validation=(OTHERS[:, :2], OTHER_LABELS))


@pytest.mark.parametrize(
    "wrong",
    [
        {"validation_fraction": 0},
        {"validation_fraction": 1.0},
        {"monitor": "f1"},
        {"patience": 0},
        {"patience": 1.5},
        {"min_delta": -1},
        {"keep_best": 1},
        {"target_loss": float("nan")},
        {"target_accuracy": 1.5},
        {"max_seconds": 0},
        {"max_steps": 0},
        {"ema_decay": 1},
    ],
)
def test_a_setting_out_of_range_is_refused_by_name(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        settings(**wrong)


NETWORKS = [NETWORK, multilayer_perceptron(4, (5,), 1), multilayer_perceptron(4, (), 1)]


@pytest.mark.parametrize(
    "changes",
    [
        {"validation_fraction": 0.3, "patience": 3},
        {"validation_fraction": 0.3, "ema_decay": 0.5, "track_accuracy": False},
        {"keep_best": True, "max_steps": 33},
        {"target_loss": 0.69},
        {"schedule": "plateau", "plateau_epochs": 1, "min_delta": 0.01},
    ],
)
@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_networks_at_once_are_controlled_each_as_it_would_be_alone(changes):
    chosen = settings(backend="numba_cpu", epochs=20, learning_rate=0.5, **changes)
    results = train_many(NETWORKS, X, NOISE, [chosen] * 3)
    for network, result in zip(NETWORKS, results, strict=True):
        assert result.history.shared is not None
        alone = train(network, X, NOISE, chosen)
        assert result.history.stopped == alone.history.stopped
        assert result.history.best_epoch == alone.history.best_epoch
        assert len(result.history.epochs) == len(alone.history.epochs)
        allowed = after_steps(1000, "float64").relative * np.abs(alone.parameters).max()
        assert np.abs(result.parameters - alone.parameters).max() <= allowed


def test_networks_at_once_have_no_clock_of_their_own():
    chosen = [settings(), settings(max_seconds=3)]
    with pytest.raises(ParameterError, match=r"settings\[1\] has max_seconds 3, but networks"):
        train_many(NETWORKS[:2], X, LABELS, chosen)


def test_networks_at_once_share_the_seed_of_their_validation_rows():
    chosen = [settings(validation_fraction=0.2, seed=seed) for seed in (0, 1)]
    with pytest.raises(ParameterError, match="has seed 1, but.* has 0; .*validation rows"):
        train_many(NETWORKS[:2], X, LABELS, chosen)
