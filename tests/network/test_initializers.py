"""Initial weights: the law each name promises, the same from every seed, biases at 0."""

import math

import numpy as np
import pytest

from samplewise.errors import ParameterError
from samplewise.network import (
    INITIALIZERS,
    Conv2D,
    Dense,
    Network,
    initialize,
    multilayer_perceptron,
)
from samplewise.streams import Streams

NETWORK = multilayer_perceptron(400, (300,), 1)
FAN_IN, FAN_OUT = 400, 300


def first_weights(init, dtype="float64", seed=0):
    parameters = initialize(NETWORK, init, Streams(seed).of_run("init"), dtype)
    return NETWORK.layout.views(parameters)["0.weight"]


DEVIATIONS = {
    "normal": 1.0,
    "glorot_normal": math.sqrt(2 / (FAN_IN + FAN_OUT)),
    "glorot_uniform": math.sqrt(2 / (FAN_IN + FAN_OUT)),
    "he_normal": math.sqrt(2 / FAN_IN),
    "he_uniform": math.sqrt(2 / FAN_IN),
    "lecun_normal": math.sqrt(1 / FAN_IN),
    "lecun_uniform": math.sqrt(1 / FAN_IN),
    "orthogonal": math.sqrt(1 / FAN_IN),
    "zeros": 0.0,
}


def test_every_initializer_is_tested():
    assert set(DEVIATIONS) == set(INITIALIZERS)


@pytest.mark.parametrize("init", DEVIATIONS)
def test_mean_and_deviation_are_as_promised(init):
    weights = first_weights(init)
    # 120,000 draws: the deviation's own relative error is about 0.2 %, the bound five times that.
    assert weights.std() == pytest.approx(DEVIATIONS[init], rel=0.01)
    assert abs(weights.mean()) <= 0.015 * DEVIATIONS[init]


@pytest.mark.parametrize("init", [name for name in INITIALIZERS if name.endswith("uniform")])
def test_uniform_draws_keep_their_limit(init):
    limit = math.sqrt(3) * DEVIATIONS[init]
    largest = np.abs(first_weights(init)).max()
    assert 0.999 * limit < largest <= limit


def test_biases_and_gaps_start_at_zero():
    parameters = initialize(NETWORK, "normal", Streams(0).of_run("init"), "float64")
    views = NETWORK.layout.views(parameters)
    assert not views["0.bias"].any()
    assert not views["1.bias"].any()
    for name in ("0.weight", "1.weight"):
        views[name][...] = 0
    assert not parameters.any()


def test_one_seed_gives_one_network_and_another_seed_another():
    np.testing.assert_array_equal(first_weights("normal"), first_weights("normal"))
    assert (first_weights("normal") != first_weights("normal", seed=1)).all()


def test_float32_starts_from_the_rounded_float64_network():
    np.testing.assert_array_equal(
        first_weights("normal", "float32"), first_weights("normal").astype("float32")
    )


def test_weights_are_the_stream_s_own_float64_draws_in_order():
    rng = Streams(0).of_run("init")
    np.testing.assert_array_equal(first_weights("normal"), rng.standard_normal((300, 400)))


def test_an_unknown_name_is_refused():
    with pytest.raises(ParameterError, match="did you mean 'glorot_normal'"):
        first_weights("glorot_norml")


@pytest.mark.parametrize("inputs", [7, 40])
def test_orthogonal_weights_are_orthogonal(inputs):
    network = multilayer_perceptron(inputs, (20,), 1)
    parameters = initialize(network, "orthogonal", Streams(0).of_run("init"), "float64")
    W = network.layout.views(parameters)["0.weight"]
    square = W @ W.T if len(W) < inputs else W.T @ W
    np.testing.assert_allclose(square, np.eye(len(square)), atol=1e-14)


@pytest.mark.parametrize("shape", [(1, 1), (2, 3), (3, 2)])
def test_orthogonal_weights_lean_to_no_side(shape):
    """QR alone gives columns whose signs lean: the first entry would always be negative."""
    outputs, inputs = shape
    network = multilayer_perceptron(inputs, (outputs,), 1)
    drawn = []
    for seed in range(400):
        parameters = initialize(network, "orthogonal", Streams(seed).of_run("init"), "float64")
        drawn.append(network.layout.views(parameters)["0.weight"].copy())
    # Each entry has the deviation 1 / sqrt(larger side), so a mean of 400 has a twentieth of it.
    assert np.abs(np.mean(drawn, axis=0)).max() < 5 / 20 / math.sqrt(max(shape))
    np.testing.assert_allclose(np.mean(np.square(drawn), axis=0), 1 / max(shape), rtol=0.25)


def test_fans_count_the_window_of_a_convolution():
    """Each weight of 5 x 4 x 3 x 2 has 4 * 3 * 2 inputs, and 5 * 3 * 2 outputs."""
    network = Network((4, 12, 9), (Conv2D(5, (3, 2)), Dense(1)))
    for init, variance in (
        ("he_normal", 2 / 24),
        ("lecun_normal", 1 / 24),
        ("glorot_normal", 2 / (24 + 30)),
    ):
        found = []
        for seed in range(40):
            drawn = initialize(network, init, Streams(seed).of_run("init"), "float64")
            found.append(network.layout.views(drawn)["0.weight"].copy())
        # 4,800 draws: the variance's own relative error is 2 %.
        assert np.mean(np.square(found)) == pytest.approx(variance, rel=0.1)
