"""The training accuracy from the steps of an epoch, or from a pass of its own where it matters."""

import dataclasses

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X
from many_backend import ManyBackend

from samplewise import registry
from samplewise.contract import Capabilities
from samplewise.errors import ContractError
from samplewise.network import multilayer_perceptron
from samplewise.registry import Choice
from samplewise.training import batches
from samplewise.training.beginning import first_state
from samplewise.training.callbacks import Callback
from samplewise.training.many import train_many
from samplewise.training.ran_epoch import RanEpoch
from samplewise.training.result import model_of
from samplewise.training.running_accuracy import RunningAccuracy
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

THREE = multilayer_perceptron(4, (5,), 3)
KINDS = np.arange(len(X)) % 3
FLAGS = np.stack([LABELS, 1 - LABELS], axis=1)


def settings(**changes):
    return TrainingSettings.from_options(
        **{"backend": "vectorized", "epochs": 3, "batch_size": 4, "learning_rate": 0.5, **changes}
    )


def accuracies(result):
    return [record.accuracy for record in result.history.epochs]


class WeightsOfSteps(Callback):
    """Keeps the weights after every chunk."""

    def __init__(self, first):
        self.found = [first]

    def on_chunk_end(self, take_snapshot):
        self.found.append(take_snapshot().networks[0].parameters)


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
@pytest.mark.parametrize(("network", "labels"), [(NETWORK, LABELS), (THREE, KINDS)])
@pytest.mark.parametrize("options", [{}, {"shuffle": True}, {"max_steps": 5}])
def test_it_is_of_each_batch_before_its_update(monkeypatch, backend, network, labels, options):
    monkeypatch.setattr(batches, "CHUNK_SAMPLES", 4)
    chosen = settings(backend=backend, epochs=1, plan="direct", **options)
    takes = WeightsOfSteps(first_state(network, chosen, np.dtype("float64"), None).parameters)
    result = train(network, X, labels, chosen, callbacks=[takes])
    (record,) = result.history.epochs
    order = batches.Orders(len(X), chosen.seed if chosen.shuffle else None).of_epoch(1)
    right = []
    for step, parameters in enumerate(takes.found[:-1]):
        rows = order[4 * step : 4 * step + 4]
        decided = model_of(network, result.loss, parameters, (), backend).predict(X[rows])
        right += list(decided == labels[rows])
    assert result.history.running_accuracy
    assert (record.samples, record.accuracy) == (len(right), np.mean(right))


@pytest.mark.parametrize("plan", ["direct", "blocked"])
def test_it_does_not_change_the_training(plan):
    chosen = settings(batch_size=1, plan=plan)
    running, exact, none = (
        train(NETWORK, X, LABELS, chosen.with_options(**changes))
        for changes in ({}, {"exact_accuracy": True}, {"track_accuracy": False})
    )
    assert running.parameters.tobytes() == exact.parameters.tobytes() == none.parameters.tobytes()
    assert accuracies(running) != accuracies(exact)
    assert accuracies(none) == [None] * 3


@pytest.mark.parametrize(
    "changes",
    [
        {"exact_accuracy": True},
        {"monitor": "accuracy"},
        {"target_accuracy": 1.0},
        {"ema_decay": 0.5},
        {"validation_fraction": 0.2},
        {"track_accuracy": False},
    ],
    ids=lambda changes: next(iter(changes)),
)
def test_a_pass_of_its_own_measures_what_decides_or_stands_beside_others(changes):
    history = train(NETWORK, X, LABELS, settings(**changes)).history
    assert not history.running_accuracy


def test_the_exact_accuracy_is_of_the_weights_after_the_epoch():
    result = train(NETWORK, X, LABELS, settings(exact_accuracy=True))
    assert accuracies(result)[-1] == np.mean(result.predict(X) == LABELS)


def test_labels_that_may_hold_at_once_have_the_exact_accuracy():
    network = multilayer_perceptron(4, (3,), 2)
    result = train(network, X, FLAGS, settings(loss="multi_label_cross_entropy"))
    assert not result.history.running_accuracy
    assert accuracies(result)[-1] == np.mean((result.predict(X) > 0.5) == FLAGS)


def with_capabilities(monkeypatch, **changes):
    """Let every training resolve to a copy of the reference with other capabilities."""

    class Other(type(registry.load("reference"))):
        @property
        def capabilities(self) -> Capabilities:
            return dataclasses.replace(super().capabilities, **changes)

    backend = Other()
    monkeypatch.setattr(registry, "resolve", lambda *_: Choice(backend, "chosen by the test"))
    return backend


def test_a_backend_that_does_not_offer_decisions_has_the_exact_accuracy(monkeypatch):
    with_capabilities(monkeypatch, decisions=False)
    result = train(NETWORK, X, LABELS, settings())
    assert not result.history.running_accuracy
    assert accuracies(result)[-1] == np.mean(result.predict(X) == LABELS)


@pytest.mark.parametrize("written", [0, 1])
def test_a_backend_that_offers_decisions_and_writes_none_is_refused(written, monkeypatch):
    """Of no epoch, or of the first one only."""
    backend = with_capabilities(monkeypatch)

    class Forgets(type(backend.compile(NETWORK, settings().loss_for(1), settings().optimizer, X))):
        def run_epoch(self, state, X, Y, steps, losses):
            if state.step >= written * -(-len(X) // steps.batch_size):
                steps = dataclasses.replace(steps, decisions=None)
            super().run_epoch(state, X, Y, steps, losses)

    monkeypatch.setattr(
        backend, "compile", lambda network, loss, optimizer, *_: Forgets(network, loss, optimizer)
    )
    with pytest.raises(ContractError, match="backend 'reference' left decisions"):
        train(NETWORK, X, LABELS, settings())


def test_networks_at_once_have_one_each(monkeypatch):
    backend = ManyBackend().chosen_by(monkeypatch)
    chosen = [settings(seed=seed, exact_accuracy=seed == 2) for seed in (1, 2, 3)]
    results = train_many([NETWORK] * 3, X, LABELS, chosen)
    assert backend.calls.count("synchronize") == 4
    monkeypatch.undo()
    alone = [train(NETWORK, X, LABELS, own.with_options(backend="reference")) for own in chosen]
    assert list(map(accuracies, results)) == list(map(accuracies, alone))
    assert [one.history.running_accuracy for one in results] == [True, False, True]


def test_labels_follow_the_order_of_each_epoch():
    labels = np.arange(6) % 3
    running = RunningAccuracy(labels)
    for order in (np.arange(6), np.array([5, 1, 0, 2, 4, 3]), np.array([3, 0])):
        for wrong in (0, 1):
            decisions = labels[order]
            decisions[:wrong] = (decisions[:wrong] + 1) % 3
            ran = RanEpoch(1, order, labels, 0.1, None, False, decisions, None, order)
            assert running.of(ran, "x") == 1 - wrong / len(order)
