"""A network is checked when it is built, and knows its shapes and parameters."""

import dataclasses
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplewise.errors import ParameterError
from samplewise.network import (
    ACTIVATIONS,
    Conv2D,
    Dense,
    Flatten,
    LayerNorm,
    MaxPool2D,
    Network,
    multilayer_perceptron,
)


def test_shapes_follow_the_layers():
    network = multilayer_perceptron(784, (128, 32), 10, "relu")
    assert network.shapes == ((784,), (128,), (32,), (10,))
    assert (network.inputs, network.outputs) == (784, 10)
    assert str(network) == "784-128-32-10"
    assert network.multiply_adds == 784 * 128 + 128 * 32 + 32 * 10


def test_a_network_of_images_is_named_by_the_shapes():
    network = Network((1, 28, 28), (Conv2D(8, 3), MaxPool2D(2), Flatten(), Dense(10)))
    assert str(network) == "1x28x28-8x26x26-8x13x13-1352-10"


def test_parameters_are_named_and_shaped_as_in_pytorch():
    slots = {slot.name: slot.shape for slot in multilayer_perceptron(784, (10,), 1).layout.slots}
    assert slots == {"0.weight": (10, 784), "0.bias": (10,), "1.weight": (1, 10), "1.bias": (1,)}


def test_an_image_shaped_input_is_flattened():
    assert Network((28, 28), (Dense(3),)).layout.slots[0].shape == (3, 784)


def test_the_last_layer_gives_logits_and_hidden_ones_are_activated():
    network = multilayer_perceptron(4, (3,), 2, "tanh")
    assert [layer.activation for layer in network.layers] == ["tanh", "identity"]


def test_lists_and_numpy_s_numbers_make_the_same_network():
    given = Network([np.int64(4)], [Dense(np.int64(3), "tanh"), Dense(1)])
    wanted = multilayer_perceptron(4, (3,), 1, "tanh")
    assert given == wanted
    assert hash(given) == hash(wanted)
    assert json.dumps(given.to_dict()) == json.dumps(wanted.to_dict())


def test_a_network_is_frozen():
    with pytest.raises(dataclasses.FrozenInstanceError):
        multilayer_perceptron(2, (), 1).layers = ()


@pytest.mark.parametrize("units", [0, -1, 2.5, True, "10", None])
def test_units_must_be_a_whole_number_from_one_on(units):
    with pytest.raises(ParameterError, match="dense: units must be"):
        Dense(units)


def test_an_unknown_activation_gets_a_suggestion():
    with pytest.raises(ParameterError, match="one of .* got 'sigmoyd'; did you mean 'sigmoid'"):
        Dense(3, "sigmoyd")


@pytest.mark.parametrize("shape", [(), (0,), (3, -1)])
def test_an_input_shape_must_hold_lengths(shape):
    with pytest.raises(ParameterError, match="input_shape"):
        Network(shape, (Dense(1),))


def test_a_network_needs_a_layer_and_only_layers():
    with pytest.raises(ParameterError, match="layers: must hold 1 to .* got 0"):
        Network((2,), ())
    with pytest.raises(ParameterError, match="'10' is not a layer"):
        Network((2,), (10,))


def test_layers_as_a_text_are_shown_as_python_has_them():
    with pytest.raises(ParameterError) as caught:
        Network((8,), "dense 3 relu, dropout 0.2, dense 1 frozen")
    assert str(caught.value).endswith(
        "layers: must be a list of layers, as in [Dense(units=3, activation='relu'), "
        "Dropout(rate=0.2), Dense(units=1, trainable=False)], "
        "got 'dense 3 relu, dropout 0.2, dense 1 frozen'"
    )
    with pytest.raises(ParameterError, match=r"'dense 3' is not a layer; use Dense\(units=3\)$"):
        Network((8,), ["dense 3"])
    with pytest.raises(ParameterError, match="layers: must be a list of layers, .* got 'dens 3'"):
        Network((8,), "dens 3")


def test_a_network_too_large_to_train_says_how_large():
    with pytest.raises(ParameterError, match=r"786,000,000,001 parameters \(\d+ GiB"):
        multilayer_perceptron(784, (1_000_000_000,), 1)


@given(
    inputs=st.integers(1, 50),
    hidden=st.lists(st.integers(1, 20), max_size=3),
    outputs=st.integers(1, 5),
    activation=st.sampled_from(ACTIVATIONS),
)
def test_a_description_survives_json(inputs, hidden, outputs, activation):
    network = multilayer_perceptron(inputs, hidden, outputs, activation)
    assert Network.from_dict(json.loads(json.dumps(network.to_dict()))) == network


@pytest.mark.parametrize(
    ("description", "message"),
    [
        ({}, "input_shape and layers"),
        ({"input_shape": [2], "layers": [], "more": 1}, "more"),
        ({"input_shape": 2, "layers": []}, "must be lists"),
        ({"input_shape": [2], "layers": [3]}, "must be a table"),
        ({"input_shape": [2], "layers": [{}] * 1001}, "at most 1000"),
        ({"input_shape": [2], "layers": [{"kind": "os.system"}]}, "kind of a layer"),
        ({"input_shape": [2], "layers": [{"kind": "dense", "units": 1}]}, "activation, units"),
        ({"input_shape": ["2"], "layers": []}, "input_shape"),
    ],
)
def test_a_bad_description_is_refused(description, message):
    with pytest.raises(ParameterError, match=message):
        Network.from_dict(description)


def test_a_single_number_is_a_shape_and_a_hidden_layer():
    assert Network(6, [Dense(2)]) == Network((6,), (Dense(2),))
    assert multilayer_perceptron(64, 32, 10) == multilayer_perceptron(64, (32,), 10)
    assert multilayer_perceptron(64, [32, 8], 10) == multilayer_perceptron(64, (32, 8), 10)


@pytest.mark.parametrize("wrong", [True, 0, -1, 2.5, None, "6", ("6",)])
def test_what_is_no_whole_number_is_no_shape(wrong):
    with pytest.raises(ParameterError, match="input_shape: must be"):
        Network(wrong, (Dense(1),))
    with pytest.raises(ParameterError, match="hidden: must be|dense: units must be"):
        multilayer_perceptron(3, wrong, 1)


def test_a_description_names_only_what_is_frozen():
    """Older files, which know nothing of it, describe trained layers."""
    network = Network((6,), (Dense(4, "relu", trainable=False), LayerNorm(), Dense(1)))
    frozen, *trained = network.to_dict()["layers"]
    assert frozen == {"kind": "dense", "units": 4, "activation": "relu", "trainable": False}
    assert all("trainable" not in layer for layer in trained)
    assert Network.from_dict(network.to_dict()) == network


def test_the_trained_parts_of_the_vector_are_whole_tensors_side_by_side():
    layers = (Dense(3), Dense(2, trainable=False), LayerNorm(), Dense(1), Dense(1, trainable=False))
    network = Network((6,), layers)
    offsets = {slot.name: slot.offset for slot in network.layout.slots}
    edges = [(part.start, part.stop) for part in network.trained]
    assert edges == [
        (0, offsets["1.weight"]),
        (offsets["2.weight"], offsets["4.weight"]),
    ]
    assert [slot.name for slot in network.weights] == ["0.weight", "3.weight"]
    assert (network.first_trained, Network((6,), layers[1:]).first_trained) == (0, 1)
    whole = Network((6,), tuple(layer.with_trainable(True) for layer in layers))
    assert whole.trained == (slice(0, whole.layout.size),)
