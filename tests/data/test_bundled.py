"""scikit-learn's small datasets by name."""

import numpy as np
import pytest
from sklearn import datasets

from samplewise.data.sources import bundled
from samplewise.data.sources.bundled import BUNDLED, load_bundled


@pytest.fixture(params=["in its file", "imported"])
def way(request, monkeypatch):
    """The way to a dataset; the other one is blocked."""
    if request.param == "imported":
        monkeypatch.setattr(bundled, "find_spec", lambda _: None)
    else:
        monkeypatch.delattr(bundled, "_imported")


@pytest.mark.parametrize("name", BUNDLED)
@pytest.mark.usefixtures("way")
def test_rows_and_class_of_each_row(name):
    dataset = load_bundled(name)
    bunch = getattr(datasets, f"load_{name}")()
    np.testing.assert_array_equal(dataset.X, bunch.data)
    expected = [str(bunch.target_names[target]) for target in bunch.target]
    assert [dataset.class_names[label] for label in dataset.labels] == expected
    assert list(dataset.class_names) == sorted(dataset.class_names)
    assert dataset.name == name


def test_digits_are_images():
    digits = load_bundled("digits")
    assert (digits.image_shape, digits.full_scale, digits.X.dtype) == ((8, 8), 16.0, np.uint8)


def test_the_others_are_tables():
    iris = load_bundled("iris")
    assert (iris.image_shape, iris.full_scale, iris.X.dtype) == (None, None, np.float64)
