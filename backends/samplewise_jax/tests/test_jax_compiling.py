"""Functions are compiled for new shapes and networks, and for nothing else."""

import jax
import numpy as np
import pytest

from samplewise.contract import Steps, TrainingState, Workload
from samplewise.network import SGD, Adam, Dense, Dropout, loss_named, multilayer_perceptron
from samplewise_jax import device, options
from samplewise_jax.compiled import steps_of
from samplewise_jax.optimizers import Rule
from samplewise_jax.passes import Passes


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


def test_targets_that_change_in_place_are_taken(training):
    first, second = training(), training()
    first.run()
    first.Y += 1
    second.Y += 1
    second.state.parameters[...] = first.state.parameters
    assert (first.run() == second.run()).all()
    assert (first.state.parameters == second.state.parameters).all()


def test_another_state_of_the_same_program_is_trained(training):
    trained, alone = training(optimizer=Adam()), training(optimizer=Adam())
    left = trained.state
    trained.run()
    kept = left.parameters.copy()
    trained.state = TrainingState(
        alone.state.parameters.copy(), np.zeros_like(left.optimizer_state)
    )
    assert (trained.run() == alone.run()).all()
    assert (trained.state.parameters == alone.state.parameters).all()
    assert (left.parameters == kept).all()


def test_steps_of_a_number_that_is_known_are_all_made(training):
    trained = training()
    X, Y = trained.X, trained.Y
    losses = trained.run()
    again = training()
    program, order = again.program, np.arange(48)
    steps = Steps(order, 0, 48, 4, 0.1)
    inputs = program.inputs(again.state, steps)
    window = inputs.window._replace(
        rows=order.reshape(12, 4),
        scales=np.full((12, 4), 0.25),
        steps=None,
        numbers={"eta": np.full(12, 0.1)},
    )
    passes = Passes(again.network, loss_named("mean_squared_error"))
    with device.in_use():
        found = jax.jit(steps_of(passes, Rule.of(SGD())))(X, Y, inputs._replace(window=window))
    np.testing.assert_allclose(np.asarray(found.losses).ravel(), losses[:48], rtol=1e-13)


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
