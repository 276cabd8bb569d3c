"""One row at a time: `learn_one` and `predict_one`, prepared once, and `partial_fit` of one row."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any, NamedTuple, cast

import numpy as np
from numpy.typing import NDArray

from samplewise.data.columns import Columns
from samplewise.data.named_rows import is_named_row, row_of_mapping
from samplewise.errors import DataError, DivergenceError
from samplewise.estimators import fitted
from samplewise.estimators.estimator import Estimator
from samplewise.estimators.inputs import is_plain
from samplewise.estimators.objective import Objective, poisson_constant
from samplewise.estimators.running import NOT_FINITE
from samplewise.estimators.settings import LBFGS, NOT_YET, Occasion, settings_for
from samplewise.estimators.tasks import Begun, goes_by, start_of
from samplewise.model.model import Model
from samplewise.model.predictor import Predictor
from samplewise.network.losses import Poisson
from samplewise.training.learner import Learner


class Online(NamedTuple):
    """The parts that are prepared for single rows.

    Args:
        learner: whose weights the estimator shows.
        objective: of its loss.
        target: from y of a row to the target of the learner; KeyError for an unknown label.
        columns: by whose names the values of a dict or series are found, or None.
    """

    learner: Learner
    objective: Objective
    target: Callable[[Any], Any]
    columns: Columns | None

    def learn(self, x: Any, target: Any) -> float:
        """Take a step; return the loss in the units that are shown.

        Raises:
            DataError: the loss is not finite, columns are missing, or as `Learner.learn`.
        """
        learner, objective = self.learner, self.objective
        if self.columns is not None and is_named_row(x):
            x = row_of_mapping(x, self.columns, "x")
        try:
            loss = learner.learn(x, target)
        except DivergenceError as error:
            raise DataError(NOT_FINITE) from error
        if isinstance(objective.loss, Poisson):
            Y = np.reshape(target, (1, -1))
            objective = replace(objective, constant=poisson_constant(Y, None, 1))
        return objective.shown_loss(loss - learner.penalty) + learner.penalty


class OneRow(Estimator):
    """Methods of an estimator that take one row."""

    _online = cast("Online | None", None)
    # A model, and its predictors that no call is using.
    _predictors = cast("tuple[Model, list[Predictor]] | None", None)

    def learn_one(self, x: Any, y: Any) -> float:
        """Take one training step on a row, in microseconds; return its loss before the step.

        The first call after `fit`, `partial_fit` or `set_params` prepares; the estimator goes on
        with its weights and optimizer. The learning rate stays, `class_weight` does not count, and
        `loss_curve_` does not grow.

        Args:
            x: numbers, (features,); an array of the dtype of the weights is the fastest. After a
                `fit` on a data frame also a dict or series, whose values are found by name.
            y: a label of `classes_`, several labels, a number or numbers.

        Raises:
            NotFittedError: before `fit` or `partial_fit`.
            ValueError: x or y cannot be learnt, and no step is taken; or the loss is not finite.
        """
        online = self._ready()
        try:
            target = online.target(y)
        except (KeyError, TypeError, ValueError):
            raise DataError(f"y: must be {self._wanted_of_row()}, got {y!r}") from None
        return self._learnt(online, x, target)

    def _learnt(self, online: Online, x: Any, target: Any) -> float:
        self.loss_ = loss = online.learn(x, target)
        self.t_ += 1
        return loss

    def predict_one(self, x: Any) -> Any:
        """Return the prediction of `predict` for one row, in microseconds.

        Threads may call it at once, while none learns.

        Args:
            x: as `learn_one`.

        Raises:
            NotFittedError: before `fit` or `partial_fit`.
            ValueError: x does not fit.
        """
        return self._answer(self._row_predictions(x))

    def _answer(self, predictions: NDArray[Any]) -> Any:
        """Return the prediction of a row from the network's predictions for it."""
        raise NotImplementedError

    def _row_predictions(self, x: Any) -> NDArray[Any]:
        """Return the predictions of the network for a row, of an ensemble their mean."""
        members = vars(self).get("estimators_")
        if members is not None:
            return np.asarray(np.mean([one._row_predictions(x) for one in members], axis=0))
        model = self._trained()
        prepared = self._predictors
        if prepared is None or prepared[0] is not model:
            prepared = self._predictors = model, []
        # A predictor answers one call at a time; threads that call at once take one each.
        try:
            predictor = prepared[1].pop()
        except IndexError:
            predictor = model.predictor()
        try:
            return predictor(x)
        finally:
            prepared[1].append(predictor)

    def _wanted_of_row(self) -> str:
        """Return the kind that y of a row must have, in words."""
        raise NotImplementedError

    def _targets_by_row(self) -> Callable[[Any], Any]:
        """Return a function from y of a row to the target of a learner."""
        raise NotImplementedError

    def _ready(self) -> Online:
        """Return the prepared parts, made anew where the weights shown are others."""
        model = self._trained()
        online = self._online
        if online is not None and online.learner.state.parameters is model.parameters:
            return online
        self._check_stochastic()
        objective = self._objective()
        occasion = Occasion(
            rows=1,
            dtype=str(model.parameters.dtype),
            seed=0,
            mean_weight=None,
            rows_seen=self.t_,
            one_epoch=True,
            waiting=NOT_YET if self._begun is None else self._begun.waiting_of(self),
        )
        settings = settings_for(self, objective, occasion)
        start = start_of(model.network, model.parameters, settings.optimizer, self._begun)
        learner = Learner(model.network, objective.loss, settings, start)
        epochs = len(vars(self).get("loss_curve_", ()))
        self._begun = Begun(
            learner.state, settings.optimizer, occasion.waiting, epochs, goes_by(self)
        )
        model = replace(model, parameters=learner.state.parameters)
        self.__dict__.update(self._attributes(model))
        self._online = Online(learner, objective, self._targets_by_row(), model.columns)
        return self._online

    def _learns_row(self, X: Any, y: Any, sample_weight: Any) -> bool:
        """Learn a single plain row for `partial_fit`; return False where it takes the long way."""
        if not (
            sample_weight is None
            and type(X) is np.ndarray
            and X.shape == (1, vars(self).get("n_features_in_"))
            and type(y) is np.ndarray
            and len(y) == 1
            and self._may_skip_checks()
            and is_plain(X, X.shape[1])
        ):
            return False
        online = self._ready()
        try:
            target = online.target(y[0])
        except (KeyError, TypeError, ValueError):
            return False
        loss = self._learnt(online, X[0], target)
        fitted.leave_row_in_curve(self, loss)
        return True

    def _may_skip_checks(self) -> bool:
        """Return True if a row of `partial_fit` is a step of a learner, and nothing else."""
        return (
            self._model is not None
            and "loss_curve_" in vars(self)
            and self.best_loss_ is not None
            and not (self.early_stopping or self.verbose or self.callbacks)
            and not getattr(self, "_skl_callbacks", None)
            and getattr(self, "class_weight", None) is None
            and self.learning_rate not in ("invscaling", "adaptive")
            and self.solver != LBFGS
            and not hasattr(self, "feature_names_in_")
            and not self._model.network.differs_in_training
        )

    def set_params(self, **parameters: Any) -> Any:
        """Set parameters; the next row is prepared for anew."""
        self._online = None
        return super().set_params(**parameters)

    def __getstate__(self) -> dict[str, Any]:
        """Leave prepared predictors out of copies and pickles."""
        prepared = ("_online", "_predictors")
        state = super().__getstate__()
        return {name: value for name, value in state.items() if name not in prepared}


def number_of_row(y: Any) -> float:
    """Return the target of a row.

    Raises:
        ValueError, TypeError: it is not a number.
    """
    # float alone would read a text.
    return float(y + 0)


def labels_of_row(y: Any) -> NDArray[Any]:
    """Return the labels of a row as numbers, (labels,).

    Raises:
        ValueError, TypeError: they are not numbers.
    """
    labels = np.asarray(y)
    if labels.dtype.kind in "SU":
        raise TypeError("text")
    return labels.astype(float)
