"""What is done to raw values is learned from the training rows, and applied alike to all."""

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError, ParameterError


def images():
    X = np.array([[0, 255, 51, 102], [7, 7, 7, 7]], dtype=np.uint8)
    labels = np.array([0, 1])
    return Dataset("i", X, labels, ("a", "b"), "here", image_shape=(2, 2), full_scale=255.0)


def table():
    X = np.array([[1.0, 5.0], [3.0, 5.0]])
    return Dataset("t", X, np.array([0, 1]), ("a", "b"), "here")


def test_scale_divides_pixels_by_their_full_scale():
    scaled = Preprocessing.fit("scale", images()).apply(images().X)
    np.testing.assert_array_equal(scaled[0], [0.0, 1.0, 0.2, 0.4])


def test_standardize_gives_each_image_zero_mean_and_unit_variance():
    rows = Preprocessing.fit("standardize", images()).apply(images().X)
    assert rows[0].mean() == pytest.approx(0, abs=1e-15)
    assert rows[0].std() == pytest.approx(1)


def test_a_constant_image_becomes_zero_not_nan():
    rows = Preprocessing.fit("standardize", images()).apply(images().X)
    assert rows[1].tolist() == [0, 0, 0, 0]


def test_standardize_of_a_table_uses_the_training_columns():
    step = Preprocessing.fit("standardize", table())
    assert step.apply(np.array([[5.0, 6.0]])).tolist() == [[3.0, 1.0]]


def test_none_keeps_the_values_and_never_the_array():
    X = table().X
    kept = Preprocessing.fit("none", table()).apply(X)
    np.testing.assert_array_equal(kept, X)
    assert kept is not X


@pytest.mark.parametrize(("data", "chosen"), [(images, "scale"), (table, "standardize")])
def test_auto_follows_the_kind_of_data(data, chosen):
    assert Preprocessing.fit("auto", data()).name == chosen


def test_scaling_a_table_is_refused():
    with pytest.raises(ParameterError, match="t holds no pixels; use standardize or none"):
        Preprocessing.fit("scale", table())


def test_an_unknown_name_is_refused():
    with pytest.raises(ParameterError, match="did you mean 'standardize'"):
        Preprocessing.fit("standardise", table())


def test_columns_that_overflow_are_named():
    X = np.array([[1.0, -1e308], [2.0, 1.7e308], [3.0, 1.7e308]])
    data = Dataset("t", X, np.array([0, 1, 0]), ("a", "b"), "here")
    with pytest.raises(DataError, match=r"column 1 .* up to 1\.7e\+308, too large to standardize"):
        Preprocessing.fit("standardize", data)
    np.testing.assert_array_equal(Preprocessing.fit("none", data).apply(X), X)
