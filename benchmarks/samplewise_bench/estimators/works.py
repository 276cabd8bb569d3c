"""The works that both sides' estimators are fitted to."""

from __future__ import annotations

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import sklearn.neural_network
from numpy.typing import NDArray

import samplewise
from samplewise.errors import ContractError

CLASSIFIER, REGRESSOR = "classifier", "regressor"
OURS, THEIRS = "samplewise", "scikit-learn"
ESTIMATORS: dict[str, dict[str, Any]] = {
    OURS: {CLASSIFIER: samplewise.MLPClassifier, REGRESSOR: samplewise.MLPRegressor},
    THEIRS: {
        CLASSIFIER: sklearn.neural_network.MLPClassifier,
        REGRESSOR: sklearn.neural_network.MLPRegressor,
    },
}
# Largest difference of two loss curves from the same weights, by the significant digits of the
# dtype; a float32 curve of many steps keeps three.
AGREEMENT = {"float64": 1e-9, "float32": 1e-3}


@contextmanager
def quietly() -> Iterator[None]:
    """Silence the warning that a few epochs do not converge, and that a batch is clipped."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


@dataclass(frozen=True, eq=False)
class Work:
    """Rows (n, features), targets (n,), and the parameters of estimators that learn them."""

    name: str
    kind: str
    X: NDArray[Any] = field(repr=False)
    y: NDArray[Any] = field(repr=False)
    parameters: dict[str, Any]

    def estimator(self, side: str, **more: Any) -> Any:
        """Return a fresh estimator of OURS or THEIRS."""
        return ESTIMATORS[side][self.kind](**{"random_state": 0, **self.parameters, **more})

    def fit(self, side: str) -> Any:
        """Fit a fresh estimator."""
        with quietly():
            return self.estimator(side).fit(self.X, self.y)

    @property
    def dtype(self) -> str:
        """The dtype of the rows, by name."""
        return str(self.X.dtype)

    def check_agreement(self, epochs: int = 3) -> None:
        """Compare the loss curves from the same weights, in the order of the rows.

        Raises:
            ContractError: it is above `AGREEMENT`.
        """
        parameters = {"shuffle": False, "warm_start": True, "early_stopping": False}
        one, other = (self.estimator(side, **parameters, max_iter=1) for side in (OURS, THEIRS))
        with quietly():
            one.fit(self.X, self.y)
            other.fit(self.X, self.y)
            one.coefs_ = [weights.copy() for weights in other.coefs_]
            one.intercepts_ = [biases.copy() for biases in other.intercepts_]
            for estimator in (one, other):
                estimator.set_params(max_iter=epochs).fit(self.X, self.y)
        curves = [np.asarray(e.loss_curve_[-epochs:], np.float64) for e in (one, other)]
        apart = float(np.max(np.abs(curves[0] - curves[1]) / np.abs(curves[1])))
        allowed = AGREEMENT[self.dtype]
        if not apart <= allowed:
            raise ContractError(
                f"{self.name}: the loss curves of {OURS} and {THEIRS} differ by {apart:.1e}, but "
                f"may by {allowed:.0e}"
            )


# Rows, columns, and epochs that take scikit-learn about a second.
SIZES = (
    (10, 2, 200),
    (50, 4, 200),
    (150, 4, 100),
    (500, 20, 50),
    (1_000, 784, 10),
    (200, 3_000, 10),
    (2_000, 64, 20),
    (5_000, 100, 10),
    (20_000, 20, 4),
    (100_000, 10, 1),
)
HIDDEN = ((100,), (10,), (64, 32))


def sized_works() -> list[Work]:
    """Return thirty works: each size three times, with kinds, solvers and dtypes in turns."""
    return [_sized(index) for index in range(3 * len(SIZES))]


def _sized(index: int) -> Work:
    rows, columns, epochs = SIZES[index // 3]
    kind = (CLASSIFIER, REGRESSOR)[index % 2]
    solver = ("adam", "sgd")[index // 2 % 2]
    dtype = ("float64", "float32")[(index // 4 + index // 3) % 2]
    hidden = HIDDEN[index % 3]
    rng = np.random.default_rng(index)
    X = rng.standard_normal((rows, columns)).astype(dtype)
    slopes = rng.standard_normal(columns) / np.sqrt(columns)
    values = np.tanh(X @ slopes) + 0.1 * rng.standard_normal(rows)
    y = np.digitize(values, (-0.4, 0.4)) if kind == CLASSIFIER else values.astype(dtype)
    name = f"{kind}, {rows:,} x {columns:,}, {'-'.join(map(str, hidden))}, {solver}, {dtype}"
    sizes = {"hidden_layer_sizes": hidden, "max_iter": epochs}
    return Work(name, kind, X, y, {**sizes, "solver": solver, "tol": 0.0})
