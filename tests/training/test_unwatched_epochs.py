"""Epochs that nobody looks at: they run one after the other, and are measured as all others."""

import json
import math

import numpy as np
import pytest
from loop_problem import StopAfter
from many_backend import ManyBackend, ManyPrograms
from snapshot_problem import HELD, LABELS, MANY, NETWORK, X, outcome, settings, without_times

from samplewise.contract import Plan, TrainingState
from samplewise.errors import DivergenceError, SomeDivergedError
from samplewise.network import Dense, Dropout, Network, multilayer_perceptron
from samplewise.training import batches
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.session import Session
from samplewise.training.train import train
from samplewise.training.training_run import TrainingRun

NUMBERS = np.random.default_rng(1).standard_normal(len(X))
DROPS = Network(9, (Dense(4, activation="tanh"), Dropout(0.5), Dense(1)))
LINE = Network(1, (Dense(1),))
OPTIONS = [
    {},
    {"batch_size": 7},
    {"shuffle": True, "optimizer": "adam"},
    {"schedule": "cosine", "momentum": 0.9},
    {"schedule": "exponential", "decay": 0.5},
    {"class_weight": "balanced", "normalize_weights": True, "batch_l2": 0.1, "shuffle": True},
    {"batch_l2": 0.1, "track_accuracy": False},
]


class Looks(Callback):
    """Looks at every epoch, and at nothing of it."""

    def on_epoch_end(self, record):
        return None


class LooksAtChunks(Callback):
    def on_chunk_end(self, take_snapshot):
        return None


class LooksBehindEpochs(Callback):
    def on_epoch_over(self, take_snapshot):
        return None


class Set(Callback):
    """Has its hook since it was made."""

    def __init__(self):
        self.on_epoch_end = lambda record: None


class SetLater(Callback):
    """Has its hook since the training began."""

    def on_train_begin(self, history):
        self.on_epoch_end = lambda record: None


class LooksAtEnds(Callback):
    """Looks at the training, and not at its epochs."""

    def on_train_begin(self, history):
        return None

    def on_train_end(self, history):
        return None


# Adam's weights double in every step at a rate of 3.
MOVING = [{"momentum": 0.5}, {"optimizer": "adam", "weight_decay": 1}, {"batch_l2": 1.0}]
# Each of them looks at every epoch, or may end the training there.
LOOKS = {
    "epochs": ({}, {"callbacks": [Looks()]}),
    "chunks": ({}, {"callbacks": [LooksAtEnds(), LooksAtChunks()]}),
    "behind epochs": ({}, {"callbacks": LooksBehindEpochs()}),
    "hook of an object": ({}, {"callbacks": Set()}),
    "hook of a training": ({}, {"callbacks": SetLater()}),
    "function": ({}, {"callbacks": lambda record: None}),
    "validation": ({}, {"validation": HELD}),
    "exact accuracy": ({"exact_accuracy": True}, {}),
    "average": ({"ema_decay": 0.5, "track_accuracy": False}, {}),
    "best": ({"keep_best": True}, {}),
    "patience": ({"patience": 5}, {}),
    "plateau": ({"schedule": "plateau", "plateau_epochs": 1}, {}),
    "target": ({"target_loss": 1e-9}, {}),
    "target of accuracy": ({"target_accuracy": 1.0}, {}),
    "steps": ({"max_steps": 100}, {}),
    "seconds": ({"max_seconds": 100.0}, {}),
}


@pytest.fixture
def told(monkeypatch):
    """Write down each call of a program, and each epoch that is measured."""
    calls = []
    run, measure = Session.run, TrainingRun.measure

    def told_run(self, X, Y, steps, losses, active):
        calls.append("run")
        return run(self, X, Y, steps, losses, active)

    def told_measure(self, ran, ms):
        calls.append(ran.epoch)
        return measure(self, ran, ms)

    monkeypatch.setattr(Session, "run", told_run)
    monkeypatch.setattr(TrainingRun, "measure", told_measure)
    return calls


def test_they_run_before_any_is_measured(told):
    figures = {"twice": lambda record: 2 * record.loss}
    train(NETWORK, X, LABELS, settings(), figures=figures, callbacks=[LooksAtEnds()])
    assert told == ["run", "run", "run", 1, 2, 3]


def test_not_more_of_them_than_patience_has_left(told):
    figures = {"rises_loss": lambda record: 1 if record.epoch == 1 else record.epoch}
    chosen = settings(patience=3, epochs=9, monitor="figure_rises_loss", keep_best=False)
    train(NETWORK, X, LABELS, chosen, figures=figures)
    assert told == ["run", "run", "run", 1, 2, 3, "run", 4]


@pytest.mark.parametrize("patience", range(1, 6))
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_patience_ends_where_it_does_for_those_who_look(patience, optimizer):
    # Each value stays for an epoch longer than the one before.
    figures = {"steps_loss": lambda record: -math.isqrt(2 * record.epoch)}
    options = {"monitor": "figure_steps_loss", "keep_best": False, "epochs": 40, "shuffle": True}
    chosen = settings(patience=patience, optimizer=optimizer, **options)
    seen = train(NETWORK, X, LABELS, chosen, figures=figures, callbacks=[Looks()])
    found = train(NETWORK, X, LABELS, chosen, figures=figures)
    assert outcome(found) == outcome(seen)
    assert found.history.stopped == "patience"


@pytest.mark.parametrize("looks", LOOKS)
def test_each_epoch_is_measured_at_once_where_something_looks(told, looks):
    options, arguments = LOOKS[looks]
    train(NETWORK, X, LABELS, settings(**options), **arguments)
    assert told == ["run", 1, "run", 2, "run", 3]


def test_augmented_rows_are_those_of_their_epoch(told):
    images = np.random.default_rng(2).random((8, 3, 3))
    train(NETWORK, images, LABELS[:8], settings(augment="shift 1"))
    assert told == ["run", 1, "run", 2, "run", 3]


def test_not_more_of_them_than_a_chunk_has_samples(told, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 2 * len(X) + 1)
    train(NETWORK, X, LABELS, settings(epochs=5))
    assert told == ["run", "run", 1, 2, "run", "run", 3, 4, "run", 5]


def test_an_epoch_of_several_chunks_is_looked_at(told, monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", len(X) - 1)
    train(NETWORK, X, LABELS, settings(epochs=2))
    assert told == ["run", "run", 1, "run", "run", 2]


def test_a_plan_with_smaller_chunks_is_looked_at(told, monkeypatch):
    class Chunks(ManyPrograms):
        plan = Plan(chunk=len(X) // 2)

    ManyBackend(Chunks).chosen_by(monkeypatch)
    train_many(MANY[:2], X, LABELS, settings(epochs=2))
    assert told == ["run", "run", 1, 1, "run", "run", 2, 2]


def test_a_plan_that_keeps_weights_elsewhere_is_looked_at_where_orders_change(told):
    chosen = settings(backend="numba_cpu", plan="dual", batch_size=1, shuffle=True)
    train(NETWORK, X[:8], LABELS[:8], chosen)
    assert told == ["run", 1, "run", 2, "run", 3]


@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
def test_a_program_that_runs_epochs_gets_all_in_one_call(told, plan):
    chosen = settings(backend="numba_cpu", plan=plan, batch_size=1)
    train(NETWORK, X[:8], LABELS[:8], chosen)
    assert told == [1, 2, 3]


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("network", [NETWORK, DROPS])
@pytest.mark.parametrize("options", OPTIONS)
def test_results_are_those_of_epochs_that_are_looked_at(backend, network, options):
    chosen = settings(backend=backend, **options)
    seen = train(network, X, LABELS, chosen, callbacks=[Looks()])
    assert outcome(train(network, X, LABELS, chosen)) == outcome(seen)


@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_networks_at_once_end_when_each_has_its_epochs():
    each = [settings(backend="numba_cpu", epochs=epochs, shuffle=True) for epochs in (2, 5, 3)]
    seen = train_many(MANY, X, LABELS, each, callbacks=[[Looks()], [], []])
    found = train_many(MANY, X, LABELS, each)
    assert list(map(outcome, found)) == list(map(outcome, seen))
    assert [len(one.history.epochs) for one in found] == [2, 5, 3]


@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("rate", [0.3, 2.0, 3.0, 30.0, 1e30])
@pytest.mark.parametrize(
    "optimizer", [{"momentum": 0.5}, {"optimizer": "adam", "weight_decay": 1}, {"batch_l2": 1.0}]
)
def test_a_divergence_is_where_it_is_for_those_who_look(dtype, rate, optimizer):
    network = multilayer_perceptron(9, (4,), 1, "relu")
    options = {"epochs": 30, "learning_rate": rate, "loss": "mean_squared_error"}
    chosen = settings(dtype=dtype, shuffle=True, **options, **optimizer)

    def end(*callbacks):
        try:
            return outcome(train(network, X, NUMBERS, chosen, callbacks=callbacks))
        except DivergenceError as error:
            return str(error), error.parameters.tobytes()

    assert end() == end(Looks())


def test_a_divergence_among_many_disturbs_no_other():
    each = [settings(backend="numba_cpu", epochs=9, learning_rate=rate) for rate in (0.1, 1e200)]
    networks = [multilayer_perceptron(9, (4,), 1, "relu")] * 2

    def ends(callbacks):
        with pytest.raises(SomeDivergedError) as raised:
            train_many(networks, X, LABELS, each, callbacks=callbacks)
        found = raised.value
        return outcome(found.results[0]), str(found.errors[1]), found.errors[1].parameters.tobytes()

    assert ends(()) == ends([[Looks()], []])


@pytest.mark.filterwarnings("ignore::samplewise.errors.TrainingWarning")
def test_large_losses_are_no_divergence(told):
    targets = NUMBERS * 1e12
    chosen = settings(dtype="float32", loss="mean_squared_error", learning_rate=1e-3)
    seen = train(NETWORK, X, targets, chosen, callbacks=[Looks()])
    told.clear()
    assert outcome(train(NETWORK, X, targets, chosen)) == outcome(seen)
    # Their squares are not finite: they are run again, once, and looked at from then on.
    assert told == ["run", "run", "run", "run", 1, "run", 2, "run", 3]


def ends_of_a_line(targets, rate, initial=None):
    """Return the ends of a training of two epochs of a row, not looked at and looked at."""
    chosen = settings(epochs=2, learning_rate=rate, loss="mean_squared_error")
    for callbacks in [], [Looks()]:
        with pytest.raises(DivergenceError) as raised:
            train(LINE, [[1.0]], targets, chosen, callbacks=callbacks, initial=initial)
        yield str(raised.value)


def test_an_infinite_loss_beside_finite_weights_is_found():
    first, second = ends_of_a_line([1e160], 1e-300)
    assert first == second
    assert first.startswith("the loss became inf in epoch 1")


def test_an_infinite_weight_after_the_last_step_is_found():
    start = LINE.layout.zeros(np.dtype("float64"))
    start[0] = 1e-157
    first, second = ends_of_a_line([0.0], 1e233, TrainingState(start, np.zeros(0)))
    assert first == second
    assert first.startswith("a weight is not finite in epoch 2")


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_an_infinite_penalty_is_found_in_its_epoch(backend):
    network = Network(200, (Dense(1),))
    chosen = settings(backend=backend, epochs=4, learning_rate=1e-309, batch_l2=1e308, batch_size=9)

    def end(*callbacks):
        with pytest.raises(DivergenceError) as raised:
            train(network, np.zeros((len(X), 200)), LABELS, chosen, callbacks=callbacks)
        return str(raised.value), raised.value.parameters.tobytes()

    assert end() == end(Looks())
    assert end()[0].startswith("the mean loss became inf in epoch 1")


def test_nothing_is_measured_behind_a_divergence():
    def diverges(record):
        measured.append(record.epoch)
        if record.epoch == 2:
            raise DivergenceError("the figure is infinite")
        return 1.0

    class Ends(Callback):
        def on_train_end(self, history):
            measured.append([record.epoch for record in history.epochs])

    measured = []
    with pytest.raises(DivergenceError, match="the figure is infinite"):
        train(NETWORK, X, LABELS, settings(epochs=4), figures={"f": diverges}, callbacks=Ends())
    assert measured == [1, 2, [1]]


def test_an_interrupt_ends_behind_them_with_a_snapshot(monkeypatch):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 3 * len(X))
    chosen = settings(epochs=8, optimizer="adam", shuffle=True)
    whole = train(NETWORK, X, LABELS, chosen)
    cut = train(NETWORK, X, LABELS, chosen, stop=StopAfter(1))
    assert (cut.history.stopped, len(cut.history.epochs)) == ("interrupted", 3)
    assert (cut.snapshot.epoch, cut.snapshot.position) == (4, 0)
    rest = train(NETWORK, X, LABELS, chosen, initial=cut.snapshot)
    assert outcome(rest) == outcome(whole)


def test_each_has_a_time_of_its_own():
    history = train(NETWORK, X, LABELS, settings(backend="reference", epochs=4)).history
    times = [record.train_ms for record in history.epochs]
    assert min(times) > 0
    assert len(set(times)) > 1
    assert history.train_ms == pytest.approx(sum(times) + history.synchronize_ms)


def test_custom_figures_come_in_order():
    found = []
    figures = {"epoch": lambda record: found.append(record.epoch) or record.epoch}
    history = train(NETWORK, X, LABELS, settings(), figures=figures).history
    assert found == [1, 2, 3]
    assert [record.figures["epoch"] for record in history.epochs] == found


def test_a_resumed_training_looks_again_only_where_it_was_cut():
    class Takes(Callback):
        def on_chunk_end(self, take_snapshot):
            taken.append(take_snapshot())

    taken = []
    chosen = settings(epochs=5)
    whole = train(NETWORK, X, LABELS, chosen, callbacks=[Takes()])
    for snapshot in taken:
        rest = train(NETWORK, X, LABELS, chosen, initial=snapshot)
        assert rest.parameters.tobytes() == whole.parameters.tobytes()
        ends = [without_times(json.loads(one.history.to_json())) for one in (rest, whole)]
        assert ends[0] == ends[1]
