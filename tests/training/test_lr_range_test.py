"""The sweep over rates: one pass, equal ratios, an end where training breaks."""

from contextlib import nullcontext

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, StopAfter, X
from sklearn.datasets import load_iris

from samplewise.errors import DivergenceError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import decided
from samplewise.network import Conv2D, Dense, Network, multilayer_perceptron
from samplewise.training import lr_range_test as range_test
from samplewise.training.batches import Orders
from samplewise.training.callbacks import Callback
from samplewise.training.lr_range_test import FEWEST_STEPS, MOST_RATES, lr_range_test
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

RNG = np.random.default_rng(0)
ROWS = RNG.standard_normal((2_000, 6))
VALUES = ROWS @ RNG.standard_normal((6, 2))
TWO = multilayer_perceptron(6, (), 2)
SQUARED = {"loss": "mean_squared_error", "init": "zeros"}


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "vectorized", **changes})


def test_the_rates_are_in_equal_ratios_and_each_trains_its_share():
    swept = lr_range_test(NETWORK, X, LABELS, settings(), lowest=1e-4, highest=1e-2)
    assert swept.stopped == "finished"
    np.testing.assert_allclose(swept.rates, np.geomspace(1e-4, 1e-2, 50))
    assert len(swept.losses) == len(swept.smoothed) == 50
    many = lr_range_test(TWO, ROWS, VALUES, settings(**SQUARED), lowest=1e-6, highest=1e-5)
    assert len(many.rates) == MOST_RATES


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_every_backend_finds_the_same(backend):
    want = lr_range_test(NETWORK, X, LABELS, settings(backend="reference"))
    got = lr_range_test(NETWORK, X, LABELS, settings(backend=backend))
    assert got.backend == backend
    np.testing.assert_allclose(got.losses[:30], want.losses[:30], rtol=1e-9)
    assert got.suggestion == pytest.approx(want.suggestion)


@pytest.mark.parametrize(("rows", "batch_size"), [(51, 2), (513, 1)])
@pytest.mark.filterwarnings("ignore:the loss ")
def test_a_sweep_at_one_rate_is_an_epoch_at_that_rate(rows, batch_size, monkeypatch):
    """The count of steps goes on from rate to rate, by as many as each trains; Adam goes by it."""
    monkeypatch.setattr(range_test, "MOST_PASSES", 1)
    chosen = settings(optimizer="adam", batch_size=batch_size, **SQUARED)
    rates = {"lowest": 0.01, "highest": 0.01 * (1 + 1e-14)}
    swept = lr_range_test(TWO, ROWS[:rows], VALUES[:rows], chosen, **rates)
    once = chosen.with_options(learning_rate=0.01, shuffle=True, epochs=1)
    wanted = train(TWO, ROWS[:rows], VALUES[:rows], once).history.losses[0]
    steps = -(-rows // batch_size)
    edges = [steps * k // len(swept.rates) * batch_size for k in range(len(swept.rates))]
    shares = np.diff([*edges, rows]) / rows
    assert np.dot(swept.losses, shares) == pytest.approx(wanted, rel=1e-9)


def test_it_stops_where_training_breaks_and_suggests_a_rate_that_trains():
    swept = lr_range_test(TWO, ROWS, VALUES, settings(**SQUARED))
    assert swept.stopped == "diverged"
    assert swept.rates[-1] < 10
    assert np.isfinite(swept.losses).all()
    best = swept.rates[int(np.argmin(swept.smoothed))]
    assert swept.suggestion == pytest.approx(best / 10)
    trained = train(
        TWO, ROWS, VALUES, settings(**SQUARED, epochs=3, learning_rate=swept.suggestion)
    )
    assert trained.history.losses[-1] < 1e-6 * (VALUES**2).mean()


@pytest.mark.filterwarnings("ignore:the loss never fell")
def test_rows_that_lie_sorted_are_swept_in_a_drawn_order():
    order = np.argsort(LABELS, kind="stable")
    losses = lr_range_test(NETWORK, X[order], LABELS[order], settings(), highest=1e-4).losses
    halves = np.mean(losses[:25]), np.mean(losses[25:])
    whole = lr_range_test(NETWORK, X, LABELS, settings(), highest=1e-4).losses
    assert np.mean(losses) == pytest.approx(np.mean(whole), rel=1e-3)
    assert abs(halves[0] - halves[1]) < np.std(losses)


def test_it_takes_images_and_augments_them():
    images = RNG.standard_normal((60, 5, 5))
    network = Network((1, 5, 5), (Conv2D(2, 3, activation="relu"), Dense(1)))
    labels = (images.mean(axis=(1, 2)) > 0).astype(int)
    plain, moved = (
        lr_range_test(network, images, labels, settings(augment=augment)).losses
        for augment in (None, "noise 0.5")
    )
    assert plain[:10] != moved[:10]


@pytest.mark.filterwarnings("ignore:the loss ")
def test_a_curve_that_still_falls_or_never_does_is_noted():
    calm = lr_range_test(TWO, ROWS, VALUES, settings(**SQUARED), highest=1e-2)
    assert "the loss still falls at a rate of 0.01" in calm.notes[-1]
    late = lr_range_test(TWO, ROWS, VALUES, settings(**SQUARED), lowest=0.2)
    assert late.suggestion < 0.2


@pytest.mark.parametrize(
    ("changes", "limits", "message"),
    [
        ({"batch_size": 4}, {}, f"50 rows in batches of 4 make 13 steps.* at least {FEWEST_STEPS}"),
        ({}, {"lowest": 1.0, "highest": 0.5}, "lowest: must be below highest, 0.5, got 1.0"),
        ({}, {"lowest": 0}, "lowest: must be .* got 0.0"),
        ({}, {"highest": float("nan")}, "highest: must be .* got nan"),
        ({"augment": "noise 1"}, {}, "rows must be images"),
    ],
)
def test_what_cannot_be_swept_is_refused(changes, limits, message):
    with pytest.raises(ParameterError, match=message):
        lr_range_test(NETWORK, X, LABELS, settings(**changes), **limits)


def test_a_sweep_that_breaks_at_once_says_so():
    network = multilayer_perceptron(6, (5,), 2, "relu")
    with pytest.raises(DivergenceError, match="begin with a lower one"):
        lr_range_test(network, ROWS, VALUES, settings(**{**SQUARED, "init": "normal"}),
                  lowest=1e100, highest=1e200)  # fmt: skip


@pytest.mark.filterwarnings("ignore:the loss never fell")
def test_a_stop_ends_it_with_what_was_seen():
    stopped = lr_range_test(NETWORK, X, LABELS, settings(), stop=StopAfter(7))
    assert (stopped.stopped, len(stopped.rates)) == ("interrupted", 7)
    nothing = lr_range_test(NETWORK, X, LABELS, settings(), stop=StopAfter(0))
    assert (nothing.rates, nothing.suggestion) == ([], None)


def test_callbacks_hear_of_compiling():
    heard = []

    class Ear(Callback):
        def on_compile_begin(self, backend):
            heard.append(backend)

        def on_train_begin(self, history):
            heard.append(history.backend)

    lr_range_test(NETWORK, X, LABELS, settings(), callbacks=[Ear()])
    assert heard == ["vectorized"] * 2


def test_the_running_mean_is_that_of_what_came():
    smoothed = range_test._smoothed([3.0] * 40, 40)
    np.testing.assert_allclose(smoothed, 3.0)
    steps = range_test._smoothed([0.0] * 20 + [1.0] * 20, 500)
    assert (np.diff(steps[19:]) > 0).all()
    assert 0 < steps[-1] < 1


def test_schedules_and_ends_of_runs_play_no_part_but_held_out_rows_do():
    plain = lr_range_test(NETWORK, X, LABELS, settings(class_weight="balanced"))
    busy = lr_range_test(
        *(NETWORK, X, LABELS),
        settings(
            class_weight="balanced", schedule="cosine", warmup_steps=3, patience=2,
            monitor="loss", max_steps=4, ema_decay=0.5, epochs=40,
        ),
    )  # fmt: skip
    assert busy.losses == plain.losses
    assert plain.losses != lr_range_test(NETWORK, X, LABELS, settings()).losses
    held = lr_range_test(NETWORK, X, LABELS, settings(validation_fraction=0.2))
    assert len(held.rates) == 40


@pytest.mark.parametrize("raising", [False, True])
def test_callbacks_that_hear_of_the_begin_hear_of_the_end(raising):
    heard = []

    class Ear(Callback):
        def on_train_begin(self, history):
            heard.append("begin")
            if raising:
                raise OSError("no begin")

        def on_train_end(self, history):
            heard.append(history.stopped)

    with pytest.raises(OSError, match="no begin") if raising else nullcontext():
        lr_range_test(NETWORK, X, LABELS, settings(), callbacks=Ear())
    assert heard == ["begin", "failed" if raising else "finished"]


def test_a_pass_that_broke_far_below_the_others_is_left_out():
    """Its largest loss, of a few samples, counted from there on: 1.1e-5 was suggested."""
    chosen = Experiment.from_options(data="iris", hidden=(16, 16), activation="relu", seed=7)
    data = prepare(chosen)
    network, chosen = decided(chosen, data)
    found = lr_range_test(network, data.inputs, data.targets, chosen.training)
    assert 1e-3 < found.suggestion < 1e-1
    assert found.passes == 10


def test_the_mean_of_passes_that_broke_at_different_rates():
    fell = [3.0, 2.0, 1.0, 9.0]
    mean = range_test._mean_of_passes
    assert mean([fell, fell, fell]) == fell
    # The pass of two rates is as unlucky as some are; that of one rate tells nothing.
    assert mean([fell, fell, [3.0, 5.0]]) == pytest.approx([3, 3, 7 / 3, 23 / 3])
    assert mean([fell, fell, [30.0]]) == fell
    assert mean([[1.0], []]) == [1.0]


def test_the_suggestion_of_a_small_table_does_not_hang_on_the_seed():
    """By one pass, the highest one was 1,000 times the lowest one."""
    X, labels = load_iris(return_X_y=True)
    X = (X - X.mean(axis=0)) / X.std(axis=0)
    network = multilayer_perceptron(4, (10,), 3)
    found = [
        lr_range_test(network, X, labels, settings(seed=seed, batch_size=4)) for seed in range(10)
    ]
    suggestions = [one.suggestion for one in found]
    assert max(suggestions) < 10 * min(suggestions)
    assert {one.passes for one in found} == {10}


@pytest.mark.filterwarnings("ignore:the loss ")
@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
def test_each_pass_begins_with_the_same_weights_and_has_an_order_of_its_own(backend, monkeypatch):
    chosen = settings(backend=backend, optimizer="adam", batch_size=2, order_seed=3)
    rates = {"lowest": 0.01, "highest": 0.01 * (1 + 1e-14)}
    monkeypatch.setattr(range_test, "ENOUGH_SAMPLES", 101)
    both = lr_range_test(NETWORK, X, LABELS, chosen, **rates)
    assert both.passes == 3
    ordered = []
    for epoch in (1, 2, 3):
        order = Orders(len(X), 3).of_epoch(epoch)
        plain = chosen.with_options(learning_rate=0.01, epochs=1, plan="direct")
        record = train(NETWORK, X[order], LABELS[order], plain).history
        ordered.append(record.losses[0])
    assert np.mean(both.losses) == pytest.approx(np.mean(ordered), rel=1e-9)


def test_a_pass_that_broke_early_counts_with_its_largest_loss():
    mean = range_test._mean_of_passes([[3.0, 1.0, 2.0], [3.0, 5.0], [3.0, 3.0, 1.0, 9.0]])
    assert mean == pytest.approx([3, 3, 8 / 3])
    assert range_test._mean_of_passes([[], [2.0], [4.0]]) == [3.0]
    assert range_test._mean_of_passes([[], [], [4.0]]) == []


@pytest.mark.filterwarnings("ignore:the loss ")
def test_a_stop_keeps_the_passes_that_are_whole():
    stopped = lr_range_test(NETWORK, X, LABELS, settings(), stop=StopAfter(120))
    assert (stopped.stopped, stopped.passes, len(stopped.rates)) == ("interrupted", 2, 50)
