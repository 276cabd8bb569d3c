"""Functions are compiled for new shapes and networks, and for nothing else."""

import numpy as np
import pytest

from samplewise.contract import Workload
from samplewise.network import SGD, Adam, Dense, Dropout, multilayer_perceptron
from samplewise_jax import options


def test_rates_orders_weights_keys_and_windows_are_data(training, compiles):
    trained = training(layers=(Dense(6, "tanh"), Dropout(0.5), Dense(2)))
    trained.run()
    assert compiles
    compiles.clear()
    trained.run(rate=0.01, order=np.arange(50)[::-1].copy())
    trained.run(rates=np.linspace(0.1, 0.2, 13), weights=np.linspace(0.5, 1.5, 50))
    trained.run(start=8, stop=12, dropout_key=2**63 + 1)
    assert compiles == []


@pytest.mark.parametrize("optimizer", [SGD(0.5, l2=0.1), SGD(0.9, l2=0.2)])
def test_numbers_of_an_optimizer_are_data(training, compiles, optimizer):
    training(optimizer=SGD(0.3, l2=0.3)).run()
    compiles.clear()
    training(optimizer=optimizer).run()
    assert compiles == []


def test_warm_up_compiles_the_steps_of_the_workload(training, compiles):
    trained = training(optimizer=Adam(), workload=Workload(50, 4))
    first = trained.state.parameters.copy()
    trained.program.warm_up()
    assert compiles
    assert (trained.state.parameters == first).all()
    compiles.clear()
    trained.run()
    assert compiles == []


def test_a_few_rows_less_train_with_the_same_code(training, compiles):
    trained = training()
    trained.run()
    compiles.clear()
    trained.X, trained.Y, trained.rows = trained.X[:45], trained.Y[:45], 45
    assert np.isfinite(trained.run()).all()
    assert compiles == []


def test_another_optimizer_predicts_with_the_same_code(training, compiles):
    first, second = (training(optimizer=optimizer) for optimizer in (SGD(), Adam()))
    first.program.predict(first.state.parameters, first.X)
    compiles.clear()
    second.program.predict(second.state.parameters, second.X)
    assert compiles == []


@pytest.mark.parametrize("rows", [1, 13, 16])
def test_a_few_rows_more_predict_with_the_same_code(training, compiles, rows):
    trained = training()
    trained.program.predict(trained.state.parameters, trained.X[:9])
    compiles.clear()
    logits = trained.program.predict(trained.state.parameters, trained.X[:rows])
    assert compiles == []
    assert logits.shape == (rows, 2)


def test_one_row_of_a_large_network_is_not_padded(training, compiles):
    trained = training(layers=(Dense(800, "tanh"), Dense(2)))
    trained.program.predict(trained.state.parameters, trained.X[:2])
    compiles.clear()
    trained.program.predict(trained.state.parameters, trained.X[:1])
    assert len(compiles) == 1


@pytest.fixture
def other_options(monkeypatch):
    """A function that sets other options of small networks."""

    def set_them(**others):
        monkeypatch.setattr(options, "SMALL", others)
        options._are_known.cache_clear()

    yield set_them
    monkeypatch.undo()
    options._are_known.cache_clear()


def test_an_option_that_xla_does_not_know_is_left_out(other_options):
    network = multilayer_perceptron(5, 3, 2, "tanh")
    assert options.compiler_options(network, "cpu", "momentum") == options.SMALL
    assert options.compiler_options(network, "gpu", "momentum") == {}
    other_options(xla_of_another_version=True)
    assert options.compiler_options(network, "cpu", "momentum") == {}


@pytest.mark.parametrize(("inputs", "variant"), [(784, "sgd"), (5, "adam"), (5, "rmsprop")])
def test_large_networks_and_steps_with_roots_compile_as_xla_does_by_itself(inputs, variant):
    network = multilayer_perceptron(inputs, 20, 2, "tanh")
    assert options.compiler_options(network, "cpu", variant) == {}
