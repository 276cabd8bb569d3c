"""Commands and losses that learn numbers, and the options of losses."""

import json

import numpy as np
import pytest

from samplewise.data.preprocessing import Preprocessing
from samplewise.model.model import Model
from samplewise.model.model_file import save_model
from samplewise.network import loss_named, multilayer_perceptron


@pytest.fixture
def growth(tmp_path):
    """The file of a model that gives two numbers for four."""
    network = multilayer_perceptron(4, (), 2)
    weights = network.layout.zeros("float64")
    network.layout.views(weights)["0.bias"][...] = 1.5, -2.0
    loss, none = loss_named("mean_squared_error"), Preprocessing("none")
    path = tmp_path / "growth.safetensors"
    save_model(Model(network, loss, weights, ("height", "mass"), none, None, "plants"), path)
    np.save(tmp_path / "row.npy", np.arange(4.0))
    return path


def test_predict_gives_numbers_by_their_names(cli, growth):
    ended = cli("predict", growth, "row.npy", "--json")
    assert json.loads(ended.out)["values"] == {"height": 1.5, "mass": -2.0}
    assert "height" in cli("predict", growth, "row.npy").out


def test_numbers_are_not_drawn_or_tested_on_classes(cli, growth):
    drawn = cli("predict", growth, "row.npy", "--picture", "row.png")
    assert drawn.code == 2
    assert "predicts no class to draw" in drawn.err
    tested = cli("evaluate", growth, "--data", "iris")
    assert tested.code == 2
    assert "Traceback" not in tested.err


def test_a_loss_takes_its_options(cli, images):
    arguments = ("--data", images, "--backend", "vectorized", "--epochs", 1)
    ended = cli("train", *arguments, "--label-smoothing", "0.2", "--out", "smooth")
    assert ended.code == 0, ended.err
    evaluated = cli("evaluate", "smooth", "--json")
    assert evaluated.code == 0, evaluated.err
    described = cli("explain", *arguments, "--label-smoothing", "0.2", "--no-measure", "--json")
    assert json.loads(described.out)["settings"]["label_smoothing"] == 0.2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--label-smoothing", "1"), "label_smoothing: must be at least 0 and below 1, got 1.0"),
        (("--delta", "2"), "delta is 2.0, but loss auto has no delta"),
        (("--loss", "huber", "--delta", "0"), "delta: must be a finite number above 0, got 0.0"),
        (("--loss", "huber"), "but the loss learns numbers"),
        (("--loss", "binary_cross_entropy"), "there are 3"),
    ],
)
def test_a_loss_that_does_not_fit_is_one_line(cli, images, arguments, message):
    ended = cli("train", "--data", images, *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1
