"""Preprocessing by name: how raw inputs or targets are scaled before a network sees them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from samplewise.checks import one_of
from samplewise.errors import DataError, ParameterError
from samplewise.lazy import np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from samplewise.data.dataset import Dataset

AUTO = "auto"
SCALE = "scale"
STANDARDIZE = "standardize"
NONE = "none"
PREPROCESSING = (AUTO, SCALE, STANDARDIZE, NONE)


@dataclass(frozen=True, eq=False)
class Preprocessing:
    """A fitted preprocessing step.

    Args:
        name: "scale" divides by `full_scale`; "standardize" gives zero mean and unit variance,
            to each image over its own pixels, or to each column of a table with the `mean` and
            `deviation` of the training rows; "none" changes nothing. Targets are as a table.
        full_scale: value of a white pixel, for "scale".
        mean, deviation: numbers (features,), for "standardize" of a table, or (outputs,), of
            targets, which become float64; None for images.

    Raises:
        DataError: mean or deviation are not numbers.
    """

    name: str
    full_scale: float | None = None
    mean: NDArray[np.float64] | None = field(default=None, repr=False)
    deviation: NDArray[np.float64] | None = field(default=None, repr=False)

    def __post_init__(self) -> None:
        for name in ("mean", "deviation"):
            if getattr(self, name) is not None:
                object.__setattr__(self, name, _as_float64(name, getattr(self, name)))

    @classmethod
    def fit(cls, name: str, training: Dataset) -> Preprocessing:
        """Fit the step to the training rows, and to them only.

        Args:
            name: one of `PREPROCESSING`; "auto" scales images and standardizes tables.
            training: the rows to learn from.

        Raises:
            ParameterError: the name is unknown, or does not fit this kind of data.
            DataError: values of a column are so large that it has no finite deviation.
        """
        one_of("preprocess", name, PREPROCESSING)
        if name == AUTO:
            name = SCALE if training.full_scale is not None else STANDARDIZE
        if name == SCALE:
            if training.full_scale is None:
                raise ParameterError(
                    f"preprocess is 'scale', which divides pixels by their full scale, but "
                    f"{training.name} holds no pixels; use standardize or none"
                )
            return cls(name, full_scale=training.full_scale)
        if name == STANDARDIZE and training.image_shape is None:
            return cls._standardizing(f"{training.name}: column", training.X)
        return cls(name)

    @classmethod
    def fit_targets(cls, training: Dataset) -> Preprocessing:
        """Fit "standardize" to the targets of the training rows, and to them only.

        Args:
            training: the rows to learn from, of numeric targets.

        Raises:
            DataError: an output's targets are so large that they have no finite deviation.
        """
        return cls._standardizing(f"{training.name}: output", training.targets)

    @classmethod
    def _standardizing(cls, each: str, values: NDArray[Any]) -> Preprocessing:
        mean, deviation = _fitted(each, values)
        return cls(STANDARDIZE, mean=mean, deviation=_divisor(deviation))

    def apply(self, X: NDArray[Any]) -> NDArray[np.float64]:
        """Return the rows a network sees, float64 of the shape of X (n, features)."""
        values = X.astype(np.float64)
        # What overflows is found, and named, where the network takes its rows.
        with np.errstate(over="ignore", invalid="ignore"):
            self.apply_in_place(values)
        return values

    def apply_in_place(self, values: NDArray[np.float64]) -> None:
        """Turn raw values (n, features) into those a network sees.

        Values that overflow become infinite or NaN, and NumPy warns unless `np.errstate` stops it.
        """
        if self.full_scale is not None:
            values /= self.full_scale
        elif self.mean is not None and self.deviation is not None:
            values -= self.mean
            values /= self.deviation
        elif self.name == STANDARDIZE:
            from samplewise.data.statistics import without_rounding

            mean = values.mean(axis=1)
            values -= mean[:, np.newaxis]
            deviation = without_rounding(values.std(axis=1), mean, values, axis=1)
            values /= _divisor(deviation)[:, np.newaxis]

    def restore(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return the values before "standardize" of a table or of targets, in the dtype given.

        Args:
            values: (n, features); of a step without a mean, they are returned as they are.
        """
        if self.mean is None or self.deviation is None:
            return values
        # In float64, whatever the dtype: a mean may be large beside the deviation.
        return (values * self.deviation + self.mean).astype(values.dtype)


UNCHANGED = Preprocessing(NONE)
"""The step that changes nothing."""


def _as_float64(name: str, values: Any) -> NDArray[np.float64]:
    from samplewise.data.arrays import as_numbers

    return as_numbers(f"preprocessing: {name}", values).astype(np.float64, copy=False)


def _fitted(each: str, values: NDArray[Any]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the mean and deviation of columns, (n, columns); `each` names one in a message."""
    from samplewise.data.statistics import of_columns

    X = values.astype(np.float64)
    with np.errstate(over="ignore", invalid="ignore"):
        mean, deviation = of_columns(X)
    lost = np.flatnonzero(~(np.isfinite(mean) & np.isfinite(deviation)))
    if len(lost) > 0:
        raise DataError(
            f"{each} {lost[0]} (counted from 0) has values up to "
            f"{np.abs(X[:, lost[0]]).max():.3g}, too large to standardize in float64; "
            "divide them first"
        )
    return mean, deviation


def _divisor(deviation: NDArray[np.float64]) -> NDArray[np.float64]:
    """A constant row or column has no deviation; dividing by 1 leaves it at 0."""
    return np.where(deviation > 0, deviation, 1.0)
