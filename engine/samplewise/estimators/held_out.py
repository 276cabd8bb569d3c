"""Validation rows: split off as scikit-learn does, and the score that is measured on them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin
from sklearn.metrics import get_scorer, r2_score
from sklearn.model_selection import train_test_split

Score = Callable[[NDArray[Any], NDArray[Any]], float]
"""A figure of the validation rows' targets and predictions, as `samplewise.train` has metrics."""


@dataclass(frozen=True, eq=False)
class Rows:
    """Rows for a training.

    Args:
        X: (n, features).
        targets: class indices (n,), or numbers or labels (n, outputs).
        weights: of the rows, (n,), or None.
    """

    X: NDArray[Any]
    targets: NDArray[Any]
    weights: NDArray[Any] | None

    def taken(self, indices: NDArray[np.int64]) -> Rows:
        """Return some of the rows."""
        weights = None if self.weights is None else self.weights[indices]
        return Rows(self.X[indices], self.targets[indices], weights)


def split(
    rows: Rows, fraction: float, random_state: np.random.RandomState, *, two_classes: bool
) -> tuple[Rows, Rows]:
    """Split rows into those trained on and those held out, both drawn as scikit-learn draws them.

    Args:
        rows: to split.
        fraction: of the rows that is held out.
        random_state: drawn from.
        two_classes: whether targets are of two classes, which are held out in equal shares.

    Raises:
        ValueError: a class has one row only, or less than two rows are held out.
    """
    # As scikit-learn names and orders classes that come as columns; for these it takes ten times as
    # long, in calls of NumPy that lose a Ctrl-C.
    stratify = np.where(rows.targets.ravel() == 1, "True", "False") if two_classes else None
    training, held = train_test_split(
        np.arange(len(rows.X)), random_state=random_state, test_size=fraction, stratify=stratify
    )
    if len(held) < 2:
        raise ValueError(
            "The validation set is too small. Increase 'validation_fraction' or the size of your "
            "dataset."
        )
    return rows.taken(training), rows.taken(held)


def accuracy(weights: NDArray[Any] | None) -> Score:
    """Return the share of rows that are right, of several labels in all of them."""

    def score(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
        if targets.ndim == 2:
            right = ((predictions > 0.5) == targets).all(axis=1)
        else:
            right = predictions.argmax(axis=1) == targets
        return float(np.average(right, weights=weights))

    return score


def r_squared(weights: NDArray[Any] | None) -> Score:
    """Return the coefficient of determination, the mean of that of each output."""

    def score(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
        return float(r2_score(targets, predictions, sample_weight=weights))

    return score


class Answers(BaseEstimator):
    """An estimator with the predictions of the validation rows at hand, for scorers."""

    def __init__(self, y: Any) -> None:
        self.y = y

    def __sklearn_is_fitted__(self) -> bool:
        return True

    def predict(self, X: Any) -> Any:
        """Return the predictions."""
        return self.y


class NumberAnswers(RegressorMixin, Answers):
    """The predictions of a regressor."""


class ClassAnswers(ClassifierMixin, Answers):
    """The predictions of a classifier.

    Args:
        y: predicted.
        probabilities: of the classes, (n, classes).
        classes: in the order of the columns.
    """

    def __init__(self, y: Any, probabilities: Any, classes: Any) -> None:
        super().__init__(y)
        self.probabilities, self.classes = probabilities, classes
        self.classes_ = classes

    def predict_proba(self, X: Any) -> Any:
        """Return the probabilities."""
        return self.probabilities


def scored(
    monitor: str | Callable[..., Any],
    X: Any,
    y: Any,
    weights: NDArray[Any] | None,
    answers: Callable[[NDArray[Any]], Answers],
) -> Score:
    """Return the score of a scorer.

    Args:
        monitor: its name, or a function of (estimator, X, y).
        X: the validation rows.
        y: their targets, as the caller has them.
        weights: of these rows, passed to scorers of scikit-learn where there are some.
        answers: makes an estimator of predictions.
    """
    scorer = get_scorer(monitor)
    keywords = {} if weights is None or not isinstance(monitor, str) else {"sample_weight": weights}

    def score(targets: NDArray[Any], predictions: NDArray[Any]) -> float:
        return float(scorer(answers(predictions), X, y, **keywords))

    return score
