"""Preprocessing is learned from the training rows, and applied alike to all."""

import numpy as np
import pytest

from samplewise.data import statistics as deviations
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


def of_columns(*columns):
    X = np.column_stack(columns)
    data = Dataset("t", X, np.arange(len(X)) % 2, ("a", "b"), "here")
    return Preprocessing.fit("standardize", data), X


@pytest.mark.parametrize("rows", [3, 20, 1_000, 100_000])
def test_a_constant_column_is_centred_and_keeps_its_scale(rows):
    step, _ = of_columns(np.full(rows, 0.1), np.arange(rows))
    assert step.deviation[0] == 1
    # Another value of the column moves by its difference, and is not blown up.
    assert step.apply(np.array([[0.11, 0.0]]))[0, 0] == pytest.approx(0.01, rel=1e-6)


@pytest.mark.parametrize("rows", [7, 1_000, 12_345])
@pytest.mark.parametrize("value", [1.7e18 + 256, -1e22, 0.1])
def test_a_constant_column_of_any_size_becomes_zero(rows, value):
    step, X = of_columns(np.full(rows, value), np.arange(rows))
    np.testing.assert_array_equal(step.apply(X)[:, 0], 0)


@pytest.mark.parametrize("rows", [12_345, 100_000])
def test_times_in_nanoseconds_that_lie_close_together_are_centred(rows):
    step, X = of_columns(1.7e18 + 25_600.0 * (np.arange(rows) % 50), np.arange(rows))
    found = step.apply(X)[:, 0]
    assert abs(found.mean()) < 1e-3
    assert found.std() == pytest.approx(1)


def test_a_column_that_differs_by_rounding_only_is_constant():
    step, _ = of_columns(np.resize([0.3, 0.1 + 0.2], 20), np.arange(20))
    assert step.deviation[0] == 1


@pytest.mark.parametrize(("offset", "noise"), [(1e9, 1.0), (1e9, 1e-3), (-1e6, 1e-5), (0, 1e-20)])
@pytest.mark.parametrize("rows", [30, 200_000])
def test_small_real_differences_of_large_values_are_standardized(rows, offset, noise):
    step, X = of_columns(offset + noise * np.random.default_rng(0).standard_normal(rows))
    differences = X[:, 0] - X[0, 0]
    assert step.deviation[0] == pytest.approx(differences.std(), rel=1e-3)


def test_columns_are_constant_where_they_are_to_scikit_learn():
    from sklearn.preprocessing import StandardScaler

    rng = np.random.default_rng(1)
    columns = [np.full(50, value) for value in (0.1, -1 / 3, 1e-300, 0.0, 7e12)]
    columns += [1 + scale * rng.standard_normal(50) for scale in (1e-16, 1e-13, 1e-10, 1)]
    step, X = of_columns(*columns)
    assert np.array_equal(step.deviation == 1, StandardScaler().fit(X).scale_ == 1)


def test_a_constant_image_of_any_grey_stays_near_zero():
    X = np.array([np.full(784, 0.1), np.linspace(0, 1, 784)])
    data = Dataset("i", X, np.array([0, 1]), ("a", "b"), "here", image_shape=(28, 28))
    rows = Preprocessing.fit("standardize", data).apply(X)
    assert np.abs(rows[0]).max() < 1e-15
    assert rows[1].std() == pytest.approx(1)


def test_other_columns_and_images_keep_their_bits():
    step, X = of_columns(*np.random.default_rng(2).standard_normal((5, 77)))
    np.testing.assert_array_equal(step.deviation, X.std(axis=0))
    centred = X - X.mean(axis=1, keepdims=True)
    wanted = centred / centred.std(axis=1, keepdims=True)
    np.testing.assert_array_equal(Preprocessing("standardize").apply(X), wanted)


@pytest.mark.parametrize("scale", [1e-150, 1e-160, 1e-200, 1e-300])
def test_values_whose_squares_underflow_are_standardized(scale):
    plain = np.random.default_rng(5).normal(size=(40, 2))
    for offset in (0.0, 3.0):
        mean, deviation = deviations.of_columns((plain + offset) * scale)
        np.testing.assert_allclose(mean, (plain + offset).mean(axis=0) * scale, rtol=1e-9)
        np.testing.assert_allclose(deviation, plain.std(axis=0) * scale, rtol=1e-9)
