"""Test scores of both sides' estimators over seeds, and whether they differ."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from scipy import stats
from sklearn import datasets
from sklearn.model_selection import train_test_split
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from samplewise_bench.estimators.works import (
    CLASSIFIER,
    ESTIMATORS,
    OURS,
    REGRESSOR,
    THEIRS,
    quietly,
)

FORMAT, SEEDS = 1, 10
CONFIDENCE = 0.95
HEADERS = ("data", "score", OURS, THEIRS, "difference (95 % interval)", "apart")
LEGEND = """\
Scores on a quarter of the rows that was held out, means over the seeds; a seed draws the split, the
weights and the orders. Rows are standardized. difference: the mean of the paired differences, with
Student's interval; the two are apart where it leaves out 0."""
# The loader, the kind of estimator, the name of its score, and parameters of both sides.
DATASETS: Mapping[str, tuple[Callable[..., Any], str, str, dict[str, Any]]] = {
    "digits": (datasets.load_digits, CLASSIFIER, "accuracy", {}),
    "breast_cancer": (datasets.load_breast_cancer, CLASSIFIER, "accuracy", {}),
    "wine": (datasets.load_wine, CLASSIFIER, "accuracy", {}),
    "iris": (datasets.load_iris, CLASSIFIER, "accuracy", {}),
    # With the default rate, 200 epochs leave the intercept halfway.
    "diabetes": (datasets.load_diabetes, REGRESSOR, "R2", {"learning_rate_init": 0.01}),
}


@dataclass(frozen=True)
class Scores:
    """The test scores of a dataset, one a seed for each side."""

    data: str
    score: str
    ours: tuple[float, ...]
    theirs: tuple[float, ...]

    @property
    def interval(self) -> tuple[float, float, float]:
        """Mean paired difference, and both ends of its interval of `CONFIDENCE`."""
        apart = np.subtract(self.ours, self.theirs)
        error = float(apart.std(ddof=1) / np.sqrt(len(apart)))
        width = error * float(stats.t.ppf((1 + CONFIDENCE) / 2, len(apart) - 1))
        mean = float(apart.mean())
        return mean, mean - width, mean + width

    @property
    def are_apart(self) -> bool:
        """True if the interval leaves out 0."""
        _, low, high = self.interval
        return low > 0 or high < 0

    def cells(self) -> tuple[str, ...]:
        """Return one line of the table, a text for each of `HEADERS`."""
        mean, low, high = self.interval
        means = (f"{np.mean(each):.4f}" for each in (self.ours, self.theirs))
        apart = "yes" if self.are_apart else "no"
        return self.data, self.score, *means, f"{mean:+.4f} ({low:+.4f} to {high:+.4f})", apart


@dataclass(frozen=True)
class ScoreTable:
    """The scores of all datasets over the same seeds."""

    seeds: int
    scores: list[Scores]

    def caption(self) -> str:
        """Return the meaning of the figures, as lines below the table."""
        return f"{LEGEND} Seeds: {self.seeds}."

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        return {"format": FORMAT, "seeds": self.seeds, "scores": [asdict(s) for s in self.scores]}


def compare_scores(seeds: int, log: Callable[[str], None]) -> ScoreTable:
    """Fit both sides to each dataset with each seed, and score them on rows held out."""
    found = []
    for name, (load, kind, score, parameters) in DATASETS.items():
        log(name)
        X, y = load(return_X_y=True)
        scored = {
            side: tuple(
                _score(ESTIMATORS[side][kind](random_state=seed, **parameters), X, y, seed)
                for seed in range(seeds)
            )
            for side in (OURS, THEIRS)
        }
        found.append(Scores(name, score, scored[OURS], scored[THEIRS]))
    return ScoreTable(seeds, found)


def _score(estimator: Any, X: Any, y: Any, seed: int) -> float:
    rows = train_test_split(X, y, random_state=seed)
    with quietly():
        pipeline = make_pipeline(StandardScaler(), estimator).fit(rows[0], rows[2])
    return float(pipeline.score(rows[1], rows[3]))
