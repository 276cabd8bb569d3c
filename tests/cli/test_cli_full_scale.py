"""The value of white at the use of a model: as said now, else as in training."""

import csv
import io
import json

import numpy as np
import pytest
from PIL import Image

from samplewise.cli.app import main

SIDE = 8
SETTINGS = ("--hidden", "none", "--init", "glorot_uniform")
SIZE = ("--image-size", f"{SIDE}x{SIDE}")


def pixels(name, white, dtype):
    """Three images of a class, from black to half of white or from there to white."""
    low = 0.0 if name == "dark" else 0.6
    values = np.random.default_rng(0).uniform(low, low + 0.4, (3, SIDE, SIDE))
    return np.rint(values * white).astype(dtype)


def write_images(folder, white, dtype):
    for name in ("dark", "light"):
        (folder / name).mkdir(parents=True)
        for k, image in enumerate(pixels(name, white, dtype)):
            Image.fromarray(image).save(folder / name / f"{k}.png")


def train(data, folder, *settings):
    arguments = ["--data", data, *SETTINGS, "--split", "0.34", "--backend", "vectorized", *settings]
    assert main(["train", *map(str, arguments), "--out", str(folder)]) == 0
    return folder


@pytest.fixture(scope="module", params=[(16_383, np.uint16), (31, np.uint8)], ids=["16bit", "8bit"])
def photographs(request, tmp_path_factory):
    """Images whose white is not the largest value of their bits, and a run on them."""
    folder = tmp_path_factory.mktemp("photographs")
    white, dtype = request.param
    write_images(folder / "images", white, dtype)
    settings = (*SIZE, "--full-scale", white, "--learning-rate", 0.01)
    run = train(folder / "images", folder / "run", *settings)
    return folder / "images", run, white


@pytest.fixture(scope="module")
def arrays(tmp_path_factory):
    """A run on bytes of 0 and 1, and the same images with white 255."""
    folder = tmp_path_factory.mktemp("arrays")
    X = np.concatenate([pixels("dark", 1, np.uint8), pixels("light", 1, np.uint8)])
    labels = np.repeat(["dark", "light"], 3)
    np.savez(folder / "ones.npz", dataset=X, labels=labels)
    np.savez(folder / "bytes.npz", dataset=255 * X, labels=labels)
    np.save(folder / "one.npy", 255 * X[4])
    np.save(folder / "one_of_ones.npy", X[4])
    return folder, train(folder / "ones.npz", folder / "run", "--full-scale", 1)


def probabilities(ended):
    assert ended.code == 0, ended.err
    assert "warning" not in ended.err
    rows = list(csv.DictReader(io.StringIO(ended.out)))
    return [float(row["probability_light"]) for row in rows]


@pytest.mark.parametrize("said", [True, False], ids=["said", "as trained"])
def test_one_image_and_a_folder_of_it_have_one_white(cli, photographs, said):
    images, run, white = photographs
    option = ("--full-scale", white) if said else ()
    one = cli("predict", run, images / "light" / "1.png", "--csv", *option)
    all_of_them = cli("predict", run, images, "--csv", *option)
    assert probabilities(one) == pytest.approx(probabilities(all_of_them)[4:5])
    told = cli("predict", run, images, "--csv", "--full-scale", white)
    assert probabilities(all_of_them) == probabilities(told)


def test_a_test_on_image_files_takes_the_white_of_training(cli, photographs):
    images, run, _ = photographs
    own = json.loads(cli("evaluate", run, "--part", "all", "--json").out)
    given = json.loads(cli("evaluate", run, "--data", images, "--json").out)
    assert given["loss"] == own["loss"]


def test_the_white_of_one_image_can_be_said_otherwise(cli, photographs):
    images, run, white = photographs
    image = images / "light" / "1.png"
    as_trained = probabilities(cli("predict", run, image, "--csv"))
    assert probabilities(cli("predict", run, image, "--csv", "--full-scale", white)) == as_trained
    otherwise = cli("predict", run, image, "--csv", "--full-scale", 1.2 * white)
    assert probabilities(otherwise) != pytest.approx(as_trained)


def test_white_said_for_an_array_counts_when_it_is_tested(cli, arrays):
    folder, run = arrays
    own = json.loads(cli("evaluate", run, "--data", folder / "ones.npz", "--json").out)
    ended = cli("evaluate", run, "--data", folder / "bytes.npz", "--full-scale", 255, "--json")
    assert "warning" not in ended.err
    assert json.loads(ended.out)["loss"] == pytest.approx(own["loss"])


def test_white_said_for_one_array_counts(cli, arrays):
    folder, run = arrays
    own = probabilities(cli("predict", run, folder / "one_of_ones.npy", "--csv"))
    ended = cli("predict", run, folder / "one.npy", "--csv", "--full-scale", 255)
    assert probabilities(ended) == pytest.approx(own)
    rows = cli("predict", run, folder / "bytes.npz", "--csv", "--full-scale", 255, "--row", 4)
    assert probabilities(rows) == pytest.approx(own)


def test_white_of_an_array_trained_on_is_not_that_of_image_files(cli, arrays, tmp_path):
    _, run = arrays
    write_images(tmp_path / "images", 255, np.uint8)
    image = tmp_path / "images" / "light" / "1.png"
    one = probabilities(cli("predict", run, image, "--csv"))
    assert probabilities(cli("predict", run, image, "--csv", "--full-scale", 255)) == one


def test_a_white_that_is_not_a_number_is_refused_for_one_input_too(cli, arrays):
    folder, run = arrays
    ended = cli("predict", run, folder / "one.npy", "--full-scale", "x")
    assert (ended.code, "must be a number such as 0.1, got 'x'" in ended.err) == (
        2,
        True,
    )


@pytest.mark.parametrize("shape", [(0, SIDE, SIDE), (0, SIDE * SIDE), (3, 0)])
def test_an_array_without_values_is_refused(cli, arrays, tmp_path, shape):
    _, run = arrays
    np.save(tmp_path / "none.npy", np.zeros(shape, np.uint8))
    np.savez(tmp_path / "none.npz", dataset=np.zeros(shape, np.uint8))
    for name in ("none.npy", "none.npz"):
        ended = cli("predict", run, tmp_path / name)
        assert ended.code == 2
        assert "no value at all; expected at least one row" in ended.err
