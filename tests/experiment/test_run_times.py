"""The times of a run and of its explanation, on a clock that the test moves."""

import numpy as np
import pytest

from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import registry
from samplewise.contract import Plan
from samplewise.data.dataset import Dataset
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.explanation import Measurement, explain
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run
from samplewise.experiment.run_folder import summary
from samplewise.registry import Choice

ROWS = 40
EXPERIMENT = Experiment.from_options(hidden=(), epochs=3, batch_size=4)


@pytest.fixture(scope="module")
def data():
    """Forty rows to train on, ten to test."""
    labels = np.arange(50) % 2
    X = np.random.default_rng(0).standard_normal((50, 3)) + labels[:, None]
    rows = Dataset("rows", X, labels.astype(np.int64), ("a", "b"), "drawn by a test")
    return prepare(EXPERIMENT, rows)


@pytest.fixture
def taking(clock, monkeypatch):
    """Return a function that makes every run take these seconds."""

    def make(sample=1 / 64, first_epoch=0.0, synchronize=0.5, warm_up=1.5):
        class Timed(FaultyReference):
            plan = Plan(chunk=16)
            first = True

            def warm_up(self):
                clock.move(warm_up)

            def run_epoch(self, state, X, Y, steps, losses):
                super().run_epoch(state, X, Y, steps, losses)
                clock.move(first_epoch * self.first + sample * (steps.stop - steps.start))
                self.first = False

            def synchronize(self, state):
                clock.move(synchronize)

        choice = Choice(FaultyBackend("timed", Timed), "chosen by the test")
        monkeypatch.setattr(registry, "resolve", lambda *_: choice)

    return make


def test_the_figures_of_a_whole_run(taking, data):
    taking()
    told = summary(run(EXPERIMENT, data))
    assert told["compile_ms"] == 1500
    assert told["train_ms"] == 3 * 625 + 500
    assert told["epoch_ms"] == pytest.approx(told["train_ms"] / 3, rel=1e-15)
    assert told["samples_per_s"] == pytest.approx(120 / 2.375, rel=1e-15)


def test_the_time_of_an_epoch_is_that_of_all_rows_where_the_last_was_cut(taking, data):
    taking(synchronize=0.0)
    told = summary(run(EXPERIMENT.with_options(max_steps=13), data))
    assert told["epochs"] == 2
    assert told["train_ms"] == 52 / 64 * 1e3
    assert told["epoch_ms"] == 625
    assert told["samples_per_s"] == 64


def test_rows_held_out_are_no_part_of_an_epoch(taking, data):
    taking(synchronize=0.0)
    chosen = EXPERIMENT.with_options(validation_fraction=0.2, max_steps=10)
    told = summary(run(chosen, data))
    assert (told["data"]["training_rows"], told["data"]["trained_on_rows"]) == (40, 32)
    assert told["epoch_ms"] == 500


def test_the_losses_of_a_summary_are_the_first_and_the_last(taking, data):
    taking()
    result = run(EXPERIMENT.with_options(validation_fraction=0.2), data)
    told, history = summary(result), result.history
    assert history.losses[0] != history.losses[-1]
    assert (told["initial_loss"], told["final_loss"]) == (history.losses[0], history.losses[-1])
    assert told["final_validation_loss"] == history.validation_losses[-1]
    assert told["final_validation_accuracy"] == history.epochs[-1].validation_accuracy


@pytest.mark.parametrize("measure", [True, False])
def test_an_explanation_counts_the_rows_that_would_be_trained_on(data, measure):
    chosen = EXPERIMENT.with_options(backend="reference", validation_fraction=0.25)
    assert explain(chosen, data, measure=measure).rows == 30


def measured(data, **changes):
    return explain(EXPERIMENT.with_options(**changes), data).measured


def test_an_epoch_of_a_long_run_is_mostly_a_later_one(taking, data):
    taking(first_epoch=0.25, synchronize=1.0, sample=1 / 256)
    # Five epochs of 156.25 ms, of which the first takes 250 more.
    whole = 406.25 + 99 * 156.25 + 1000
    assert measured(data, epochs=100) == Measurement(5, 406.25, 156.25, 1000.0, whole / 100)


def test_one_epoch_is_all_there_is_of_a_run_of_one(taking, data):
    taking(first_epoch=0.25, synchronize=1.0)
    assert measured(data, epochs=1) == Measurement(1, 875.0, None, 1000.0, 1875.0)


@pytest.mark.parametrize(
    ("epoch_ms", "epochs"),
    [(250, 5), (450, 5), (500, 5), (550, 4), (1000, 3), (1500, 2), (2000, 2), (2001, 1)],
)
def test_measuring_ends_after_two_seconds_or_five_epochs(taking, data, epoch_ms, epochs):
    taking(sample=epoch_ms / 1e3 / ROWS)
    assert measured(data, epochs=100).epochs == epochs


def test_limits_on_a_run_do_not_cut_what_is_measured(taking, data):
    taking()
    cut = measured(data, epochs=100, max_steps=13, max_seconds=0.1, patience=1, min_delta=9.0)
    assert cut == measured(data, epochs=100)
