"""Figures of merit that training itself needs; scikit-learn has the rest.

scikit-learn's own would do, but importing it takes 0.6 s, a third of a whole short training run.
The tests hold these against it.
"""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
from numpy.typing import NDArray


def accuracy(labels: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the share of decisions that are right, in [0, 1].

    Args:
        labels: the true class of each row, (n,), or of labels that may hold at once
            whether each does, (n, labels). A row may be right in some of its labels.
        predicted: likewise.
    """
    right = labels == predicted
    return int(np.count_nonzero(right)) / right.size


def confusion_matrix(
    labels: NDArray[np.int64], predicted: NDArray[np.int64], classes: int
) -> NDArray[np.int64]:
    """Return counts[true class, predicted class], int64 of shape (classes, classes)."""
    pairs = np.bincount(labels * classes + predicted, minlength=classes * classes)
    return pairs.reshape(classes, classes).astype(np.int64)


def r_squared(values: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return 1 less the squared errors by those of each output's mean, over all outputs at once.

    1 is right, 0 as good as the means of these values; the least float64 stands for all below it.
    NaN, undefined, where they do not differ; `sklearn.metrics.r2_score` gives 0 there, or 1 without
    an error.
    """
    # Not by their distance from the mean, which rounding makes for equal values, too.
    if (values == values[:1]).all():
        return math.nan
    # By a power of two, so that no square of a value overflows or vanishes, and no bit changes.
    _, exponent = np.frexp(np.abs(values).max())
    values = np.ldexp(np.asarray(values, np.float64), -exponent)
    with np.errstate(over="ignore"):
        errors = values - np.ldexp(np.asarray(predicted, np.float64), -exponent)
        wrong = float((errors**2).sum())
    spread = float(((values - values.mean(axis=0)) ** 2).sum())
    # 0 where only an output far smaller than another one differs.
    return max(1 - wrong / spread, -sys.float_info.max) if spread else math.nan


def root_mean_squared_error(values: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the root of the mean squared error, over all outputs at once; inf beyond float64."""
    errors = _absolute_errors(values, predicted)
    if not np.isfinite(errors).all():
        return math.inf
    # By a power of two, so that no square overflows or vanishes, as in `r_squared`.
    _, exponent = np.frexp(errors.max())
    return float(np.ldexp(np.sqrt((np.ldexp(errors, -exponent) ** 2).mean()), exponent))


def mean_absolute_error(values: NDArray[Any], predicted: NDArray[Any]) -> float:
    """Return the mean absolute error, over all outputs at once; inf beyond float64."""
    with np.errstate(over="ignore"):
        return float(_absolute_errors(values, predicted).mean())


def _absolute_errors(values: NDArray[Any], predicted: NDArray[Any]) -> NDArray[np.float64]:
    with np.errstate(over="ignore"):
        return np.abs(np.asarray(values, np.float64) - np.asarray(predicted, np.float64))
