"""Mean and standard deviation, with 0 for values that differ by rounding only."""

from __future__ import annotations

import math
import sys
from typing import TYPE_CHECKING, Literal, TypeAlias

from samplewise.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

Numbers: TypeAlias = "NDArray[np.float64]"
Axis = Literal[0, 1]
_EPSILON = sys.float_info.epsilon
# Values that a program has computed differ from a constant by some units in the last place.
_ROUNDING = 100
# The squares of smaller differences lose digits, or are 0.
_UNDERFLOW = math.sqrt(sys.float_info.min) / _EPSILON


def without_rounding(deviation: Numbers, mean: Numbers, values: Numbers, axis: Axis) -> Numbers:
    """Return standard deviations along an axis, those of constants exactly 0.

    Summing n values of mean m is off by up to n eps |m|, so a constant such as 0.1 gets a
    deviation of that size instead of 0. A deviation not above that is suspected, as in
    scikit-learn's StandardScaler. It is then taken again from the differences to the first value,
    which have no such error: large values with small, real differences keep their deviation. So
    do values so small that their squares underflow: the differences are scaled meanwhile.

    Args:
        deviation: as computed, (m,).
        mean: likewise.
        values: float64, (n, m) for axis 0 or (m, n) for axis 1; their mean may be subtracted.
        axis: 0 for the columns, 1 for the rows.
    """
    n = values.shape[axis]
    bound = _EPSILON * np.abs(mean)
    suspected = np.flatnonzero(deviation <= np.maximum(n * bound, _UNDERFLOW))
    if len(suspected) == 0:
        return deviation
    differences = np.take(values, suspected, axis=1 - axis)
    differences -= np.take(differences, [0], axis=axis)
    exponents = np.frexp(np.abs(differences).max(axis=axis, keepdims=True))[1]
    scaled = np.ldexp(differences, -exponents).std(axis=axis)
    again, settled = np.ldexp(scaled, exponents.reshape(-1)), deviation.copy()
    settled[suspected] = np.where(again > min(n, _ROUNDING) * bound[suspected], again, 0.0)
    return settled


def of_columns(values: Numbers) -> tuple[Numbers, Numbers]:
    """Return mean and standard deviation of each column of values (n, m); 0 for a constant."""
    mean = values.mean(axis=0)
    return mean, without_rounding(values.std(axis=0), mean, values, axis=0)


def vary(values: Numbers) -> bool:
    """Return whether a column of values (n, m) holds more than one value, up to rounding."""
    return bool((of_columns(values)[1] > 0).any())
