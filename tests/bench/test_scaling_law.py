"""The exponent of a cost, and its error."""

import numpy as np
import pytest

from samplewise_bench.scaling.curves import fit

SIZES = [100 * 2**k for k in range(8)]


@pytest.mark.parametrize("exponent", [0.0, 0.5, 1.0, 2.0])
def test_a_power_law_is_found_without_error(exponent):
    law = fit(SIZES, [0.3 * size**exponent for size in SIZES])
    assert law.exponent == pytest.approx(exponent, abs=1e-12)
    assert law.standard_error == pytest.approx(0, abs=1e-9)
    assert law.cost(12_345) == pytest.approx(0.3 * 12_345**exponent)


def test_the_smaller_half_does_not_count():
    costs = [5.0, 5.0, 5.0, 5.0, *(0.01 * size for size in SIZES[4:])]
    law = fit(SIZES, costs)
    assert (law.first, law.last) == (SIZES[4], SIZES[-1])
    assert law.exponent == pytest.approx(1)


@pytest.mark.parametrize(("count", "first"), [(3, 0), (4, 1), (5, 2), (6, 3), (7, 3)])
def test_at_least_three_sizes_count(count, first):
    assert fit(SIZES[:count], SIZES[:count]).first == SIZES[first]


@pytest.mark.parametrize("count", [0, 1, 2])
def test_fewer_than_three_sizes_have_no_exponent(count):
    assert fit(SIZES[:count], SIZES[:count]) is None


def test_the_standard_error_is_that_of_least_squares():
    costs = np.array(SIZES) * np.random.default_rng(1).uniform(0.8, 1.25, len(SIZES))
    law = fit(SIZES, costs)
    line, covariance = np.polyfit(np.log(SIZES[4:]), np.log(costs[4:]), 1, cov="unscaled")
    residuals = np.log(costs[4:]) - np.polyval(line, np.log(SIZES[4:]))
    expected = np.sqrt(covariance[0, 0] * (residuals @ residuals) / 2)
    assert law.exponent == pytest.approx(line[0])
    assert law.standard_error == pytest.approx(expected)
    assert str(law) == f"{line[0]:.2f} ± {expected:.2f}"
