"""The largest absolute value of rows, NaN where one of them is."""

import math

import numpy as np
import pytest

from samplewise.data.rows import largest_value

INF, NAN = float("inf"), float("nan")


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize(
    "values",
    [
        [0.0, 2.5, 0.25],
        [-0.0, 0.0],
        [-0.0, -0.0],
        [-3.0, 2.5],
        [-2.0, 2.5],
        [-2.0, -0.5],
        [-0.0, 1e-40, 7.0],
        [INF, 1.0],
        [-INF, 1.0],
    ],
)
def test_it_is_that_of_the_absolute_values(values, dtype):
    X = np.array([values, values], dtype)
    found = largest_value(X)
    assert isinstance(found, float)
    assert found == float(np.abs(X).max())


@pytest.mark.parametrize("dtype", ["float32", "float64"])
@pytest.mark.parametrize("others", [[1.0, INF], [-1.0, -INF], [-1.0, INF], [-0.0]])
@pytest.mark.parametrize("sign", [1.0, -1.0])
def test_it_is_nan_where_a_value_is(others, sign, dtype):
    assert math.isnan(largest_value(np.array([[math.copysign(NAN, sign), *others]], dtype)))


def test_rows_of_a_larger_array_count_alone():
    X = np.arange(12.0).reshape(4, 3)
    assert largest_value(X[1:3]) == 8
    assert largest_value(-X[:2, :2]) == 4
