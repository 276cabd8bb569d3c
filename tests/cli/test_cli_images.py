"""Images that are not square, and not of bytes, on the command line."""

import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import samplewise
from samplewise.cli.app import main

HEIGHT, WIDTH = 9, 6
RNG = np.random.default_rng(0)
# 0 to 255, brighter the later the class; no image has the levels of another.
LEVELS = RNG.integers(0, 120, (40, HEIGHT, WIDTH)) + 100 * (np.arange(40) % 2)[:, None, None]
LEVELS = LEVELS.astype(np.uint8)
LABELS = np.array(["dark", "light"])[np.arange(40) % 2]
UNIT = LEVELS / 255
# The last fifth of the columns is bright, the first row dark: turned, it is another picture.
ODD = np.full((HEIGHT, WIDTH), 90, np.uint8)
ODD[:, -1], ODD[0] = 230, 10
FAST = ("--epochs", 3, "--backend", "vectorized", "--hidden", "5", "--init", "glorot_uniform")


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """A run on oblong images within [0, 1], these images, and one further picture in its forms."""
    found = tmp_path_factory.mktemp("oblong")
    np.savez(found / "unit.npz", dataset=UNIT, labels=LABELS)
    np.savez(found / "bytes.npz", dataset=LEVELS, labels=LABELS)
    arguments = ["train", "--data", found / "unit.npz", "--full-scale", 1, "--out", found / "run"]
    assert main([str(argument) for argument in (*arguments, *FAST)]) == 0
    picture = Image.fromarray(ODD)
    picture.save(found / "odd.png")
    picture.resize((3 * WIDTH, 3 * HEIGHT), Image.Resampling.NEAREST).save(found / "large.png")
    np.save(found / "odd.npy", ODD / 255)
    np.save(found / "row.npy", (ODD / 255).ravel())
    np.save(found / "bytes.npy", ODD)
    return found


def probabilities(cli, folder, given, *more):
    ended = cli("predict", folder / "run", folder / given, *more, "--json")
    assert ended.code == 0, ended.err
    return list(json.loads(ended.out)["probabilities"].values())


def by_python(folder, rows):
    """Return what the model gives for a row within [0, 1]."""
    model = samplewise.load_model(folder / "run" / "model.safetensors")
    return model.probabilities(rows.reshape(1, -1))[0].tolist()


@pytest.mark.filterwarnings("ignore:.*white is 255 in an array of uint8")
@pytest.mark.parametrize("given", ["odd.png", "odd.npy", "row.npy", "bytes.npy"])
def test_a_model_of_unit_images_is_given_unit_images(cli, folder, given):
    """White is 255 in a file of bytes, and 1 in what the model was trained on."""
    wanted = by_python(folder, ODD / 255)
    assert probabilities(cli, folder, given) == pytest.approx(wanted, rel=1e-12)
    assert wanted != pytest.approx(by_python(folder, ODD.T / 255), rel=1e-3)


def test_an_image_of_another_size_is_brought_to_the_height_and_width_of_the_model(cli, folder):
    small = Image.open(folder / "large.png").resize((WIDTH, HEIGHT), Image.Resampling.LANCZOS)
    wanted = by_python(folder, np.asarray(small, float) / 255)
    assert probabilities(cli, folder, "large.png") == pytest.approx(wanted, rel=1e-12)


@pytest.mark.filterwarnings("ignore:.*white is 255 in an array of uint8")
def test_a_row_of_a_dataset_is_on_its_own_scale(cli, folder):
    wanted = by_python(folder, UNIT[3])
    assert probabilities(cli, folder, "bytes.npz", "--row", 3) == pytest.approx(wanted, rel=1e-12)


def box(drawn):
    """Return (top, bottom, left, right) of what is purely black, which no text is."""
    black = np.argwhere((drawn == 0).all(axis=2))
    (top, left), (bottom, right) = black.min(axis=0), black.max(axis=0) + 1
    return top, bottom, left, right


def drawn_picture(path):
    return np.asarray(Image.open(io.BytesIO(path.read_bytes())).convert("RGB"))


def test_the_picture_of_an_input_is_as_high_and_wide_as_it_is(cli, folder):
    """Black but for one white pixel, the second of the last row."""
    image = np.zeros((HEIGHT, WIDTH), np.uint8)
    image[-1, 1] = 255
    Image.fromarray(image).save("spot.png")
    assert cli("predict", folder / "run", "spot.png", "--picture", "picture.png").code == 0
    drawn = drawn_picture(Path("picture.png"))
    top, bottom, left, right = box(drawn)
    assert (bottom - top) / (right - left) == pytest.approx(HEIGHT / WIDTH, rel=0.05)
    pixel = (bottom - top) / HEIGHT
    last_row = drawn[int(bottom - pixel / 2), left:right, 0]
    white = np.flatnonzero(last_row == 255) / pixel
    assert (white.min(), white.max()) == pytest.approx((1, 2), abs=0.2)


def test_sheet_and_figures_of_a_dataset_say_height_by_width(cli, folder):
    ended = cli("data", "--data", folder / "unit.npz", "--full-scale", 1)
    assert f"{HEIGHT} x {WIDTH}" in ended.out
    figures = json.loads(
        cli("data", "--data", folder / "unit.npz", "--full-scale", 1, "--json").out
    )
    assert figures["image_shape"] == [HEIGHT, WIDTH]


def test_a_convolution_sees_rows_as_height_by_width(cli, folder):
    """A window as high as the image leaves one row of outputs, one a column."""
    layers = f"conv 2x{HEIGHT}x1 relu, dense 1"
    arguments = ("--data", folder / "unit.npz", "--full-scale", 1, "--layers", layers)
    ended = cli("summary", *arguments)
    assert ended.code == 0, ended.err
    assert f"2 x 1 x {WIDTH}" in ended.out.replace("×", "x")
