"""Hidden units as images of their weights."""

from types import SimpleNamespace

import matplotlib.pyplot as plt
import numpy as np
import pytest

import samplewise
from samplewise import Conv2D, Dense, MaxPool2D, Network, WeightsDisplay
from samplewise.errors import ParameterError

WEIGHTS = np.arange(1.0, 25).reshape(4, 6)
ESTIMATOR = SimpleNamespace(coefs_=[WEIGHTS.T, np.ones((4, 1))])


def trained(network, shape=None):
    """The result of no training to speak of, whose weights are 1, 2, 3 and so on."""
    parameters = network.layout.zeros(np.float64)
    for view in network.layout.views(parameters).values():
        view[...] = 1 + np.arange(view.size).reshape(view.shape)
    return SimpleNamespace(network=network, parameters=parameters, image_shape=shape)


def images(display):
    """The images in the mosaic: what lies between its rows and columns of NaN."""
    mosaic = np.asarray(display.image_.get_array().filled(np.nan))
    _, height, width = display.images.shape
    windows = np.lib.stride_tricks.sliding_window_view(mosaic, (height, width))
    return windows[~np.isnan(windows).any(axis=(2, 3))]


def test_each_unit_is_an_image_on_a_scale_around_zero():
    display = WeightsDisplay.from_estimator(ESTIMATOR, image_shape=(2, 3))
    np.testing.assert_array_equal(images(display), WEIGHTS.reshape(4, 2, 3))
    display.figure_.canvas.draw()  # without a warning
    assert display.image_.get_clim() == (-24, 24)
    assert [text.get_text() for text in display.ax_.texts] == ["0", "1", "2", "3"]
    assert [ax.get_ylabel() for ax in display.figure_.axes] == ["", "weight"]


def test_units_are_chosen_and_drawn_on_an_axes():
    _, ax = plt.subplots()
    display = WeightsDisplay.from_estimator(ESTIMATOR, image_shape=(3, 2), units=[2, 0], ax=ax)
    assert display.ax_ is ax
    np.testing.assert_array_equal(images(display), WEIGHTS[[2, 0]].reshape(2, 3, 2))
    again = display.plot(cmap="PuOr", colorbar=False)
    assert again.ax_ is not ax
    assert len(again.figure_.axes) == 1


@pytest.mark.parametrize(
    ("estimator", "shape"),
    [
        (trained(Network((6,), (Dense(3),)), (3, 2)), (3, 2)),
        (trained(Network((1, 3, 2), (Dense(3),))), (3, 2)),
        (trained(Network((1, 5, 4), (MaxPool2D(), Dense(3)))), (2, 2)),
        (trained(Network((9,), (Dense(3),))), (3, 3)),
        (trained(Network((1, 5, 4), (Conv2D(3, (2, 4)), Dense(1)))), (2, 4)),
    ],
)
def test_the_shape_is_that_of_the_model_or_a_square(estimator, shape):
    display = WeightsDisplay.from_estimator(estimator)
    found = images(display)
    assert found.shape == (3, *shape)
    np.testing.assert_array_equal(found.ravel(), 1 + np.arange(found.size))


def test_results_and_models_are_drawn():
    settings = samplewise.TrainingSettings(epochs=1, backend="vectorized")
    network = samplewise.multilayer_perceptron(4, (5,), 1)
    result = samplewise.train(network, np.eye(4), [0, 1, 0, 1], settings)
    wanted = network.layout.views(result.parameters)["0.weight"].reshape(5, 2, 2)
    for given in (result, result.model(), SimpleNamespace(model_=result.model())):
        np.testing.assert_array_equal(images(WeightsDisplay.from_estimator(given)), wanted)


def test_many_units_have_no_numbers():
    display = WeightsDisplay.from_estimator(SimpleNamespace(coefs_=[np.ones((4, 41))]))
    assert len(images(display)) == 41
    assert list(display.ax_.texts) == []


def test_weights_of_zero_have_a_scale():
    display = WeightsDisplay.from_estimator(SimpleNamespace(coefs_=[np.zeros((4, 2))]))
    assert display.image_.get_clim() == (-1, 1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"estimator": SimpleNamespace()}, "has neither coefs_ nor model_"),
        ({}, "6 weights a unit are not an image of 2 x 2; give the image_shape"),
        ({"image_shape": (2, 2)}, "not an image of 2 x 2"),
        ({"image_shape": "2x3"}, "image_shape: must be .* got '2x3'"),
        ({"image_shape": (2, 3), "units": [4]}, "units: must be .* to 3, got 4"),
        ({"image_shape": (2, 3), "units": []}, "units is empty"),
        ({"image_shape": (2, 3), "ax": 3}, "ax must be .* got 3"),
        ({"estimator": trained(Network((2, 3, 3), (Conv2D(2, 2),)))}, "kernels of 2 channels"),
        ({"estimator": trained(Network((9,), (samplewise.LayerNorm(),)))}, "no layer of units"),
    ],
)
def test_a_wrong_argument_is_named(settings, message):
    with pytest.raises(ParameterError, match=message):
        WeightsDisplay.from_estimator(**{"estimator": ESTIMATOR, **settings})
