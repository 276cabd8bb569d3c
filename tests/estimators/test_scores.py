"""`score` of a classifier is scikit-learn's accuracy, on every kind of labels."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.datasets import load_iris
from sklearn.exceptions import NotFittedError
from sklearn.metrics import accuracy_score

from samplewise import MLPClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")
X, Y = load_iris(return_X_y=True)
NAMES = np.array(["setosa", "versicolor", "virginica"])[Y]
SEVERAL = np.stack([Y == 1, Y > 0], axis=1).astype(int)
MODEL = MLPClassifier((4,), max_iter=8, random_state=0)


@pytest.mark.parametrize(
    "labels",
    [Y, NAMES, Y > 0, Y.astype(float), Y.tolist(), pd.Series(NAMES), Y[:, None], SEVERAL],
    ids=["integers", "text", "bool", "floats", "list", "series", "column", "several"],
)
@pytest.mark.filterwarnings("ignore::sklearn.exceptions.DataConversionWarning")
def test_score_is_the_accuracy(labels):
    fitted = clone(MODEL).fit(X, labels)
    found = fitted.score(X, labels)
    assert (found, type(found)) == (accuracy_score(labels, fitted.predict(X)), float)
    weights = np.linspace(0, 1, len(X))
    known = accuracy_score(labels, fitted.predict(X), sample_weight=weights)
    assert fitted.score(X, labels, weights) == known


@pytest.mark.parametrize(
    ("labels", "message"),
    [
        (NAMES, "Mix of label input types"),
        (Y[:-1], "inconsistent numbers of samples"),
        (Y + 0.5, "mix of continuous and"),
    ],
    ids=["text", "fewer", "continuous"],
)
def test_score_refuses_what_accuracy_refuses(labels, message):
    fitted = clone(MODEL).fit(X, Y)
    with pytest.raises(ValueError, match=message):
        accuracy_score(labels, fitted.predict(X))
    with pytest.raises(ValueError, match=message):
        fitted.score(X, labels)


def test_score_before_fit_is_refused():
    with pytest.raises(NotFittedError):
        clone(MODEL).score(X, Y)
