"""Regressors: numbers, one or several a row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import RegressorMixin
from sklearn.utils.validation import check_array

from samplewise.errors import DataError
from samplewise.estimators.decorators import available_if, fit_context
from samplewise.estimators.held_out import NumberAnswers, Rows, Score, r_squared
from samplewise.estimators.inputs import dense, one_column
from samplewise.estimators.objective import Objective, loss_of
from samplewise.estimators.one_row import OneRow, number_of_row
from samplewise.estimators.parameters import SQUARED_ERROR
from samplewise.estimators.tasks import Given
from samplewise.model.model import Model
from samplewise.network.losses import MeanSquaredError, Poisson


@dataclass(eq=False, repr=False, kw_only=True)
class Regressor(RegressorMixin, OneRow):
    """Learns the numbers of a row."""

    @available_if(lambda estimator: estimator._check_stochastic())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train one epoch on rows, from the weights and with the optimizer of the last call.

        Args:
            X: as `fit`.
            y: as `fit`.
            sample_weight: as `fit`.

        Returns:
            The estimator itself.

        Raises:
            ValueError: as `fit`; or `early_stopping`.
        """
        if self._learns_row(X, y, sample_weight):
            return self
        return self._fit_epoch(X, y, sample_weight)

    @fit_context(prefer_skip_nested_validation=True)
    def _fit_epoch(self, X: Any, y: Any, sample_weight: Any) -> Self:
        return self._fit(Given(X, y, sample_weight, one_epoch=True))

    def _encoded(self, y: Any, *, one_epoch: bool) -> NDArray[Any]:
        Y = one_column(dense(y))
        Y = Y.reshape(len(Y), -1)
        self.n_outputs_ = Y.shape[1]
        return Y

    def _encoded_validation(self, y: Any) -> NDArray[Any]:
        Y = dense(check_array(y, accept_sparse=True, ensure_2d=False, input_name="y_val"))
        return Y.reshape(len(Y), -1)

    def _decoded(self, targets: NDArray[Any]) -> NDArray[Any]:
        return targets[:, 0] if targets.shape[1] == 1 else targets

    def _objective(self) -> Objective:
        outputs = self.n_outputs_
        # Only these two by name have scikit-learn's units.
        if self.loss == SQUARED_ERROR:
            return Objective(MeanSquaredError(), 0.5, outputs / 2)
        if self.loss == Poisson.name:
            return Objective(Poisson(), outputs, outputs)
        return Objective(loss_of(self.loss))

    def _default_score(self, held: Rows) -> Score:
        if len(held.X) < 2:
            raise DataError(
                "X_val: R^2 needs at least 2 rows, got 1; give more, or choose monitor='loss'"
            )
        return r_squared(held.weights)

    def _answers(self, predictions: NDArray[Any]) -> NumberAnswers:
        return NumberAnswers(predictions)

    def _answer(self, predictions: NDArray[Any]) -> Any:
        return float(predictions[0]) if len(predictions) == 1 else predictions

    def _wanted_of_row(self) -> str:
        return "a number" if self.n_outputs_ == 1 else f"{self.n_outputs_} numbers"

    def _targets_by_row(self) -> Callable[[Any], Any]:
        return number_of_row if self.n_outputs_ == 1 else np.asarray

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the numbers of each row, (n,) where there is one output, else (n, outputs).

        Args:
            X: rows, (n, features).

        Raises:
            NotFittedError: before `fit`.
            ValueError: X does not fit.
        """
        return self._predictions(X, Model.predict)
