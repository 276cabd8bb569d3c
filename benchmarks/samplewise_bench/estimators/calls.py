"""Public calls with a promise: how many times faster than scikit-learn's each has to be."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import GridSearchCV

from samplewise_bench.estimators.works import CLASSIFIER, Work, quietly

# Calls of a few microseconds are timed by so many at once.
MANY = 200


@dataclass(frozen=True)
class Call:
    """A call that both sides make.

    `prepare` makes it for a side: only that call is timed, which makes `repeats` calls. Ours is at
    least so many `times` faster.
    """

    what: str
    times: float
    prepare: Callable[[str], Callable[[], object]]
    repeats: int = 1


def named_calls() -> list[Call]:
    """Return the calls, with their rows loaded."""
    digits, iris = load_digits(return_X_y=True), load_iris(return_X_y=True)

    def digits_work(**parameters: Any) -> Work:
        return Work("digits", CLASSIFIER, digits[0] / 16.0, digits[1], parameters)

    few = Work("iris", CLASSIFIER, iris[0], iris[1], {"max_iter": 5})
    return [
        Call("fit: digits, default parameters", 3, _fit(digits_work())),
        Call(
            "fit: digits, batch_size=1, 5 epochs", 30, _fit(digits_work(batch_size=1, max_iter=5))
        ),
        Call("fit: iris, 5 epochs", 1.5, _fit(few)),
        Call("GridSearchCV: digits, 3 folds x 12 candidates", 4, _search(digits_work(max_iter=20))),
        Call("partial_fit: one row of digits", 50, _partial_fit(digits_work(max_iter=5)), MANY),
        Call("predict: one row of digits", 15, _predict(digits_work(max_iter=5)), MANY),
    ]


def _fit(work: Work) -> Callable[[str], Callable[[], object]]:
    return lambda side: lambda: work.fit(side)


def _search(work: Work) -> Callable[[str], Callable[[], object]]:
    grid = {
        "hidden_layer_sizes": [(16,), (32,), (64,)],
        "alpha": [1e-4, 1e-2],
        "learning_rate_init": [1e-3, 1e-2],
    }

    def call(side: str) -> object:
        with quietly():
            return GridSearchCV(work.estimator(side), grid, cv=3).fit(work.X, work.y)

    return lambda side: lambda: call(side)


def _partial_fit(work: Work) -> Callable[[str], Callable[[], object]]:
    def prepare(side: str) -> Callable[[], object]:
        estimator = work.estimator(side).partial_fit(work.X, work.y, classes=np.unique(work.y))
        return _row_by_row(estimator.partial_fit, work.X, work.y)

    return prepare


def _predict(work: Work) -> Callable[[str], Callable[[], object]]:
    return lambda side: _row_by_row(work.fit(side).predict, work.X)


def _row_by_row(method: Callable[..., object], *arrays: Any) -> Callable[[], object]:
    """Return `MANY` calls of a method, each with one row of the arrays."""
    rows = [[array[i : i + 1] for array in arrays] for i in range(MANY)]

    def call() -> None:
        for row in rows:
            method(*row)

    return call
