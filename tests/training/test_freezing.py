"""Frozen layers in training, and layers that come from a trained model."""

import dataclasses

import numpy as np
import pytest

from samplewise.data.loading import load
from samplewise.errors import ParameterError
from samplewise.model.model_file import load_model, save_model
from samplewise.model.transfer import transfer
from samplewise.network import Conv2D, Dense, Dropout, Flatten, LayerNorm, Network, initialize
from samplewise.streams import Streams
from samplewise.training.lr_range_test import lr_range_test
from samplewise.training.many import train_many
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

RNG = np.random.default_rng(5)
X = RNG.standard_normal((40, 6))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
BACKENDS = ("reference", "vectorized", "numba_cpu")
FIRST = (Dense(5, "tanh"), LayerNorm())
WHOLE = Network((6,), (*FIRST, Dense(1)))
FROZEN = Network(
    (6,), (*(dataclasses.replace(layer, trainable=False) for layer in FIRST), Dense(1))
)


def settings(**changes):
    return TrainingSettings.from_options(**{"backend": "vectorized", "epochs": 3, **changes})


def of_first_layers(parameters):
    return parameters[: WHOLE.layout.slots[4].offset].tobytes()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("changes", [{"ema_decay": 0.9}, {"keep_best": True}, {"batch_size": 8}])
def test_a_run_returns_the_weights_of_frozen_layers_as_they_were(backend, changes):
    """An average of equal numbers would round."""
    start = train(WHOLE, X, LABELS, settings(init="glorot_uniform")).model()
    initial = dataclasses.replace(start, network=FROZEN)
    chosen = settings(backend=backend, optimizer="adam", **changes)
    held = {"validation": (X, LABELS)} if "keep_best" in changes else {}
    result = train(FROZEN, X, LABELS, chosen, initial=initial, **held)
    assert of_first_layers(result.parameters) == of_first_layers(start.parameters)
    assert (result.parameters != start.parameters).any()


NOTHING = [
    Network((6,), (Dense(3, trainable=False), Dense(1, trainable=False))),
    Network((6,), (Dropout(0.5), Dense(1, trainable=False))),
    Network((1,), (Flatten(),)),
]


@pytest.mark.parametrize("network", NOTHING, ids=str)
def test_a_network_with_nothing_to_train_is_refused(network):
    said = "network: nothing to train, .* got .*; set trainable=True for at least one"
    rows = X[:, : network.inputs]
    with pytest.raises(ParameterError, match=said):
        train(network, rows, LABELS, settings())
    with pytest.raises(ParameterError, match=said):
        train_many([WHOLE, network] if network.inputs == 6 else [network], rows, LABELS, settings())
    with pytest.raises(ParameterError, match=said):
        lr_range_test(network, rows, LABELS, settings())


@pytest.mark.parametrize("given", [1, None, "yes", np.True_])
@pytest.mark.parametrize("kind", [Dense, Conv2D, LayerNorm])
def test_trainable_is_true_or_false(kind, given):
    required = {Dense: (3,), Conv2D: (3, 2), LayerNorm: ()}[kind]
    with pytest.raises(ParameterError, match=f"{kind.kind}: trainable must be true or false, got"):
        kind(*required, trainable=given)


def test_a_model_file_keeps_what_is_frozen(tmp_path):
    model = train(FROZEN, X, LABELS, settings()).model()
    save_model(model, tmp_path / "model.safetensors")
    again = load_model(tmp_path / "model.safetensors")
    assert again.network == model.network == FROZEN
    np.testing.assert_array_equal(again.parameters, model.parameters)


def test_classes_learnt_help_to_learn_others():
    """Digits 0 to 4 first; then 5 to 9 by a new last layer on the frozen ones."""
    digits = load("digits")
    rows, labels = digits.X / 16, digits.labels
    first, second = labels < 5, labels >= 5
    hidden = Dense(32, "relu")
    taught = train(
        Network((64,), (hidden, Dense(5))),
        rows[first],
        labels[first],
        settings(learning_rate=0.05, init="he_normal", batch_size=8, epochs=5),
    ).model()
    network = Network((64,), (dataclasses.replace(hidden, trainable=False), Dense(5)))
    initial = transfer(taught, network, layers=1, seed=1, init="he_normal")
    chosen = settings(learning_rate=0.05, batch_size=8, epochs=10)
    result = train(network, rows[second], labels[second] - 5, chosen, initial=initial)
    weights = slice(0, network.layout.slots[2].offset)
    assert result.parameters[weights].tobytes() == taught.parameters[weights].tobytes()
    reached = (result.predict(rows[second]) == labels[second] - 5).mean()
    assert reached > 0.9
    before = (initial.predict(rows[second]) == labels[second] - 5).mean()
    assert before < 0.5


def test_what_is_not_taken_is_drawn_as_training_draws_it():
    model = train(WHOLE, X, LABELS, settings(init="glorot_uniform")).model()
    network = Network((6,), (*FIRST, Dense(4, "relu"), Dense(3)))
    got = transfer(model, network, layers=2, seed=7, init="he_normal")
    drawn = initialize(network, "he_normal", Streams(7).of_run("init"), np.float64)
    edge = network.layout.slots[4].offset
    assert got.parameters[edge:].tobytes() == drawn[edge:].tobytes()
    assert got.parameters[:edge].tobytes() == model.parameters[:edge].tobytes()
    assert got.network == network
    assert (got.loss.name, got.class_names) == ("categorical_cross_entropy", ("0", "1", "2"))
    assert got.preprocessing == model.preprocessing


@pytest.mark.parametrize(
    ("network", "layers", "said"),
    [
        (
            Network((6,), (Dense(4, "tanh"), Dense(1))),
            1,
            r"layer 0 is 'dense 5 tanh', weight \(5, 6\).* but 'dense 4 tanh', weight \(4, 6\)",
        ),
        (
            Network((6,), (Dense(5, "relu"), Dense(1))),
            1,
            "'dense 5 relu'.*; give the network the model's layer$",
        ),
        (Network((6,), (FIRST[0], Dense(1))), 2, "layer 1 is 'layer_norm'.*, or take 1 layer$"),
        (
            Network((7,), (*FIRST, Dense(1))),
            1,
            r"input_shape must be the model's, \(6,\), got \(7,\)",
        ),
        (WHOLE, 4, "layers: must be a whole number from 1 to 3, got 4"),
        (WHOLE, 0, "layers: must be .* got 0"),
        (WHOLE, True, "layers: must be .* got True"),
    ],
)
def test_layers_that_do_not_agree_are_refused_with_their_shapes(network, layers, said):
    model = train(WHOLE, X, LABELS, settings(epochs=1)).model()
    with pytest.raises(ParameterError, match=said):
        transfer(model, network, layers=layers)
