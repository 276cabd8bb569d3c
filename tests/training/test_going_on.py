"""Trainings that go on from the state of another one, with its optimizer."""

import dataclasses
import re

import numpy as np
import pytest
from loop_problem import LABELS, NETWORK, X

from samplewise.contract import TrainingState
from samplewise.errors import ParameterError
from samplewise.network import multilayer_perceptron
from samplewise.network.losses import BinaryCrossEntropy
from samplewise.training.full_batch import minimize
from samplewise.training.learner import Learner
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

OPTIMIZERS = {
    "momentum": {"momentum": 0.9, "nesterov": True},
    "adam": {"optimizer": "adam", "learning_rate": 0.01},
}


def settings(**changes):
    plain = {"backend": "vectorized", "epochs": 2, "batch_size": 7}
    return TrainingSettings.from_options(**{**plain, **changes})


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("optimizer", OPTIMIZERS.values(), ids=OPTIMIZERS)
def test_two_trainings_in_a_row_are_one_long_training(backend, optimizer):
    options = {"backend": backend, "plan": "direct", **optimizer}
    first = train(NETWORK, X, LABELS, settings(**options))
    second = train(NETWORK, X, LABELS, settings(**options), initial=first.state)
    whole = train(NETWORK, X, LABELS, settings(**options, epochs=4))
    np.testing.assert_array_equal(second.parameters, whole.parameters)
    np.testing.assert_array_equal(second.state.optimizer_state, whole.state.optimizer_state)
    assert second.state.step == whole.state.step == 32
    assert [record.epoch for record in second.history.epochs] == [1, 2]


@pytest.mark.parametrize("plan", ["blocked", "dual"])
def test_the_velocity_comes_out_of_a_plan_that_keeps_it_elsewhere(plan):
    options = {"backend": "numba_cpu", "plan": plan, **OPTIMIZERS["momentum"]}
    first = train(NETWORK, X, LABELS, settings(**options))
    second = train(NETWORK, X, LABELS, settings(**options), initial=first.state)
    whole = train(NETWORK, X, LABELS, settings(**options, epochs=4))
    np.testing.assert_allclose(second.parameters, whole.parameters, rtol=1e-12)


def test_a_state_serves_other_rows_and_stays_as_it_is():
    first = train(NETWORK, X, LABELS, settings(optimizer="adam"))
    before = first.state.parameters.copy(), first.state.optimizer_state.copy()
    train(NETWORK, X[:9], LABELS[:9], settings(optimizer="adam"), initial=first.state)
    np.testing.assert_array_equal(first.state.parameters, before[0])
    np.testing.assert_array_equal(first.state.optimizer_state, before[1])
    assert first.state.step == 16


def test_the_state_is_that_of_the_last_step_where_other_weights_are_returned():
    last = train(NETWORK, X, LABELS, settings(epochs=6))
    chosen = settings(epochs=6, keep_best=True, min_delta=10)
    best = train(NETWORK, X, LABELS, chosen)
    assert best.history.best_epoch == 1
    assert (best.parameters != best.state.parameters).any()
    np.testing.assert_array_equal(best.state.parameters, last.parameters)
    averaged = train(NETWORK, X, LABELS, settings(epochs=6, ema_decay=0.5))
    np.testing.assert_array_equal(averaged.state.parameters, last.parameters)
    assert (averaged.parameters != last.parameters).any()


def test_networks_at_once_go_on_from_a_state_each():
    networks = [NETWORK, multilayer_perceptron(4, (), 1)]
    chosen = settings(backend="numba_cpu", **OPTIMIZERS["momentum"])
    firsts = train_many(networks, X, LABELS, chosen)
    seconds = train_many(
        *(networks, X, LABELS, chosen), initial=[firsts[0].state, firsts[1].model()]
    )
    longer = train_many(networks, X, LABELS, dataclasses.replace(chosen, epochs=4))
    np.testing.assert_allclose(seconds[0].parameters, longer[0].parameters, rtol=1e-12)
    # A model's optimizer begins anew.
    assert np.abs(seconds[1].parameters - longer[1].parameters).max() > 1e-3


STATE = TrainingState(NETWORK.layout.zeros("float64"), np.zeros(2 * NETWORK.layout.size), 3)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"parameters": np.zeros(3)}, r"initial: parameters must be 64 .* got float64 \(3,\)"),
        ({"parameters": [0.0] * 64}, "parameters must be 64 finite numbers of float64, got"),
        ({"parameters": np.full(64, np.nan)}, "parameters must be 64 finite numbers"),
        ({"optimizer_state": np.zeros(128, "float32")}, "optimizer_state must be 128 .* float32"),
        ({"optimizer_state": np.zeros(0)}, "go on with the network, optimizer and dtype"),
        ({"step": -1}, "initial: step must be .* got -1"),
        ({"step": 1.5}, "initial: step must be"),
    ],
)
def test_a_state_that_does_not_fit_is_refused(changes, message):
    with pytest.raises(ParameterError, match=message):
        train(
            *(NETWORK, X, LABELS, settings(optimizer="adam")),
            initial=dataclasses.replace(STATE, **changes),
        )


OTHERS = {
    "units": multilayer_perceptron(4, (2,), 1),
    "activation": multilayer_perceptron(4, (3,), 1, "tanh"),
}


@pytest.mark.parametrize("other", OTHERS.values(), ids=OTHERS)
def test_a_state_of_another_network_of_equal_length_is_refused_by_name(other):
    assert other.layout.size == NETWORK.layout.size
    chosen = settings(epochs=1)
    state = train(other, X, LABELS, chosen).state
    ways = (
        lambda state: train(NETWORK, X, LABELS, chosen, initial=state),
        lambda state: minimize(NETWORK, X, LABELS, chosen, initial=state, max_iterations=1),
        lambda state: Learner(NETWORK, BinaryCrossEntropy(), chosen, state),
    )
    wanted = re.escape(f"initial: its network must be {NETWORK} with the same layers, got {other};")
    for way in ways:
        with pytest.raises(ParameterError, match=wanted):
            way(state)
        # Without the name of its network, it says only how long it is.
        way(dataclasses.replace(state, network=None))


def test_the_state_of_a_learner_is_refused_by_another_network_and_goes_on_in_its_own():
    learner = Learner(NETWORK, BinaryCrossEntropy(), settings())
    learner.learn(X[0], 1)
    further = train(NETWORK, X, LABELS, settings(), initial=learner.state)
    assert further.state.network == NETWORK
    other = Learner(OTHERS["units"], BinaryCrossEntropy(), settings())
    with pytest.raises(ParameterError, match="got 4-2-1"):
        train(NETWORK, X, LABELS, settings(), initial=other.state)
