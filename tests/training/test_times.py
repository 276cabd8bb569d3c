"""The times in a history, worked out by hand on a clock that the test moves."""

import dataclasses

import pytest
from loop_problem import LABELS, NETWORK, X

from faults.faulty_reference import FaultyBackend, FaultyReference, OneByOne
from samplewise import registry
from samplewise.contract import Plan
from samplewise.network import multilayer_perceptron
from samplewise.registry import Choice
from samplewise.training.callbacks import Callback
from samplewise.training.history import EpochRecord, History, SharedRun
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

# Seconds of each thing that a program does; of training, for each sample.
COMPILE, WARM_UP, SAMPLE, SYNCHRONIZE, PREDICT = 0.75, 1.5, 1 / 64, 0.5, 8.0


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "reference", "epochs": 2, **changes})


@pytest.fixture
def timed(clock, monkeypatch):
    """Train everything by a backend whose work takes the seconds above."""

    class Timed(FaultyReference):
        plan = Plan(chunk=20)

        def __init__(self, *given):
            super().__init__(*given)
            clock.move(COMPILE)

        def warm_up(self):
            clock.move(WARM_UP)

        def run_epoch(self, state, X, Y, steps, losses):
            super().run_epoch(state, X, Y, steps, losses)
            clock.move(SAMPLE * (steps.stop - steps.start))

        def synchronize(self, state):
            clock.move(SYNCHRONIZE)

        def predict(self, parameters, X):
            clock.move(PREDICT)
            return super().predict(parameters, X)

    class TimedMany(OneByOne):
        plan = Plan(chunk=20)

        def warm_up(self):
            clock.move(WARM_UP)

    choice = Choice(FaultyBackend("timed", Timed, TimedMany), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: choice)
    return clock


class Slow(Callback):
    """Takes its time whenever it is called, which is nobody's but its own."""

    def __init__(self, clock):
        self.clock = clock

    def on_compile_begin(self, backend):
        self.clock.move(16)

    def on_train_begin(self, history):
        self.clock.move(32)

    def on_epoch_end(self, record):
        self.clock.move(64)

    def on_train_end(self, history):
        self.clock.move(128)


def test_compiling_training_and_bringing_out_are_timed_and_nothing_else(timed):
    history = train(NETWORK, X, LABELS, settings(), callbacks=[Slow(timed)]).history
    assert history.compile_ms == 2250
    # 50 samples, in chunks of 20, 20 and 10.
    assert [record.train_ms for record in history.epochs] == [781.25] * 2
    assert [record.samples_per_s for record in history.epochs] == [64] * 2
    assert history.synchronize_ms == 500
    assert history.train_ms == 2 * 781.25 + 500


def test_a_limit_inside_an_epoch_counts_the_time_of_its_part(timed):
    history = train(NETWORK, X, LABELS, settings(max_steps=62)).history
    assert [record.samples for record in history.epochs] == [50, 12]
    assert [record.train_ms for record in history.epochs] == [781.25, 187.5]
    assert [record.samples_per_s for record in history.epochs] == [64, 64]
    assert history.train_ms == 62 / 64 * 1e3 + 500


def test_bringing_weights_out_to_keep_them_is_no_part_of_training(timed):
    kept = train(NETWORK, X, LABELS, settings(keep_best=True, ema_decay=0.5)).history
    assert kept.train_ms == 2 * 781.25 + 500


def test_seconds_are_counted_from_the_first_step_on_and_end_a_run_at_a_chunk(timed):
    # Compiling takes 2.25 s; a chunk of 20 samples takes 0.3125 s, and the accuracies 8 s each.
    chosen = settings(epochs=9, max_seconds=1.0, track_accuracy=False)
    history = train(NETWORK, X, LABELS, chosen).history
    assert history.stopped == "max_seconds"
    assert [record.samples for record in history.epochs] == [50, 20]


def test_what_is_measured_after_an_epoch_counts_among_the_seconds_of_a_run(timed):
    history = train(NETWORK, X, LABELS, settings(epochs=9, max_seconds=1.0)).history
    assert history.stopped == "max_seconds"
    assert [record.samples for record in history.epochs] == [50]


def test_networks_at_once_share_the_time_of_the_whole(timed):
    networks = [NETWORK, multilayer_perceptron(4, (), 1)]
    chosen = [settings(), settings(epochs=1)]
    slow = [[Slow(timed)], []]
    results = train_many(networks, X, LABELS, chosen, callbacks=slow)
    # Multiply-adds of a sample are 15 and 4; of two epochs and of one.
    shares = 15 * 2 / (15 * 2 + 4), 4 / (15 * 2 + 4)
    for index, (history, share) in enumerate(
        zip((result.history for result in results), shares, strict=True)
    ):
        # Two programs to train and two to predict; each is compiled, and three are warmed up.
        assert history.compile_ms == (4 * COMPILE + 3 * WARM_UP) * 1e3
        # Both networks are brought out in the end.
        assert history.synchronize_ms == 1000
        assert history.train_ms is None
        assert history.shared == SharedRun(
            networks=2,
            index=index,
            all_networks_ms=2 * 781.25 + 781.25 + 1000,
            all_networks_epoch_ms=[2 * 781.25, 781.25],
            multiply_add_share=share,
            estimated_ms=3343.75 * share,
        )


def test_the_share_of_a_network_counts_the_samples_that_it_ran(timed):
    networks = [NETWORK, multilayer_perceptron(4, (), 1)]
    chosen = [settings(max_steps=60), settings(max_steps=60, epochs=1)]
    results = train_many(networks, X, LABELS, chosen)
    shares = [result.history.shared.multiply_add_share for result in results]
    assert shares == [15 * 60 / (15 * 60 + 4 * 50), 4 * 50 / (15 * 60 + 4 * 50)]


def history_of(*epoch_ms, **changes):
    records = [EpochRecord(k, 0.5, None, ms, 50, None) for k, ms in enumerate(epoch_ms, start=1)]
    plain = History("a", "", {}, {}, {}, "", deterministic=True, compile_ms=7.0, epochs=records)
    return dataclasses.replace(plain, **changes)


def test_the_time_of_a_history_is_that_of_its_epochs_and_of_bringing_out():
    assert history_of(1.0, 2.0, 4.0, synchronize_ms=0.5).train_ms == 7.5
    assert history_of().train_ms == 0
    shared = SharedRun(2, 0, 10.0, [10.0], 0.5, 5.0)
    assert history_of(synchronize_ms=0.5, shared=shared).train_ms is None
