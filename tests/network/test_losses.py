"""Targets as the numbers that each loss takes."""

import numpy as np
import pytest

from samplewise.network.losses import BinaryCrossEntropy, CategoricalCrossEntropy
from samplewise.network.losses.links import COPIED_COLUMNS, largest_of_rows, softmax


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_smoothing_spreads_its_share_over_all_classes(dtype):
    """Of three classes each gets a third of it, the right one too."""
    rounding = 4 * np.finfo(dtype).eps
    three = CategoricalCrossEntropy(0.3).targets(np.array([2, 0]), 3, dtype)
    assert three.dtype == dtype
    np.testing.assert_allclose(three, [[0.1, 0.1, 0.8], [0.8, 0.1, 0.1]], rtol=rounding)
    two = BinaryCrossEntropy(0.2).targets(np.array([0, 1]), 1, dtype)
    assert two.dtype == dtype
    np.testing.assert_allclose(two, [[0.1], [0.9]], rtol=rounding)


def test_smoothing_of_given_rows_is_that_of_their_classes():
    rows = np.array([[0.0, 1.0], [1.0, 0.0]])
    found = BinaryCrossEntropy(0.2).targets_of_rows(rows, "float64")
    np.testing.assert_allclose(found, [[0.9], [0.1]], rtol=1e-15)
    found = CategoricalCrossEntropy(0.2).targets_of_rows(rows, "float64")
    np.testing.assert_allclose(found, [[0.1, 0.9], [0.9, 0.1]], rtol=1e-15)


@pytest.mark.parametrize("columns", [1, 2, 10, COPIED_COLUMNS, COPIED_COLUMNS + 1])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_predictions_do_not_depend_on_how_the_largest_of_a_row_is_found(columns, dtype):
    z = np.random.default_rng(0).normal(0, 5, (200, columns)).astype(dtype)
    odd = np.array([0.0, -0.0, np.nan, np.inf, -np.inf], dtype)
    z[:100] = np.random.default_rng(1).choice(odd, (100, columns))
    with np.errstate(invalid="ignore"):
        e = np.exp(z - z.max(axis=1, keepdims=True))
        expected = e / e.sum(axis=1, keepdims=True)
        assert softmax(z).tobytes() == expected.tobytes()
    assert largest_of_rows(z).shape == (200, 1)
    np.testing.assert_array_equal(largest_of_rows(z), z.max(axis=1, keepdims=True))
