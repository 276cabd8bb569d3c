"""Hand signs drawn from a seed."""

import numpy as np
import pytest

from samplewise.data.sources import synthetic
from samplewise.data.sources.synthetic import load_synthetic
from samplewise.errors import DataError, ParameterError

# Figures that we publish come from these very images.
FINGERPRINT = "6b5bff6143fa633a3f750beb009f2503f47cc950224bb13e660b9a0b5a1858c8"


@pytest.fixture(scope="module")
def signs():
    return load_synthetic()


def test_five_hundred_grey_images_a_class(signs):
    assert signs.X.shape == (5000, 784)
    assert signs.X.dtype == np.uint8
    assert signs.image_shape == (28, 28)
    assert signs.full_scale == 255.0
    assert signs.class_names == tuple("0123456789")
    assert signs.counts().tolist() == [500] * 10


def test_labelled_as_synthetic_with_its_seed(signs):
    assert signs.synthetic
    assert signs.name == "synthetic"
    assert signs.source == "hand signs drawn by samplewise, seed 2024; not photographs"
    assert "seed 7" in load_synthetic(["0"], seed=7).source


def test_rows_are_grouped_by_class(signs):
    assert (np.diff(signs.labels) >= 0).all()


def test_the_default_images_never_change(signs):
    assert signs.fingerprint() == FINGERPRINT


@pytest.mark.parametrize("classes", [("4", "9"), ("9", "4"), ("0",)])
def test_drawing_some_classes_equals_selecting_them(signs, classes):
    assert load_synthetic(classes).fingerprint() == signs.select(classes).fingerprint()


def test_another_seed_draws_other_images(signs):
    others = load_synthetic(["4"], seed=1)
    assert (others.X != signs.select(["4"]).X).any(axis=1).all()


def test_no_two_images_are_the_same(signs):
    assert len(np.unique(signs.X, axis=0)) == len(signs)


def test_images_do_not_depend_on_how_many_are_drawn_at_once(signs, monkeypatch):
    monkeypatch.setattr(synthetic, "IMAGES_AT_ONCE", 7)
    assert (load_synthetic(["3"]).X == signs.select(["3"]).X).all()


def test_a_bright_hand_before_a_dark_background(signs):
    images = signs.X.reshape(-1, 28, 28)
    top_corners, wrist = images[:, :2, [0, -1]], images[:, -1].max(axis=1)
    assert top_corners.mean() < 60
    assert (wrist > top_corners.mean(axis=(1, 2)) + 30).all()


def test_every_class_looks_like_its_own_kind(signs):
    train, test = signs.X[::2].astype(float), signs.X[1::2].astype(float)
    means = np.stack([train[signs.labels[::2] == label].mean(axis=0) for label in range(10)])
    squares = (means * means).sum(axis=1) - 2 * test @ means.T
    right = squares.argmin(axis=1) == signs.labels[1::2]
    per_class = [right[signs.labels[1::2] == label].mean() for label in range(10)]
    assert right.mean() > 0.4
    assert min(per_class) > 0.2


def test_a_class_that_is_no_digit_is_refused_before_drawing(monkeypatch):
    monkeypatch.setattr(synthetic, "_draw_class", None)
    with pytest.raises(DataError, match="synthetic has no class 'four'; it has 0, 1, 2"):
        load_synthetic(["four"])


@pytest.mark.parametrize("classes", [["4", "4"], []])
def test_classes_named_twice_or_not_at_all_are_refused(classes):
    with pytest.raises(DataError):
        load_synthetic(classes)


@pytest.mark.parametrize("seed", [-1, 1.5, "7", True, None])
def test_a_seed_that_is_no_whole_number_is_refused(seed):
    with pytest.raises(ParameterError, match="seed"):
        load_synthetic(["4"], seed=seed)
