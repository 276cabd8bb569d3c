"""The base of all estimators: from the arguments of `fit` to a training, and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator
from sklearn.utils import check_random_state
from sklearn.utils.validation import check_is_fitted

from samplewise.contract import TrainingState
from samplewise.estimators import fitted
from samplewise.estimators.held_out import Rows, Score, scored, split
from samplewise.estimators.inputs import checked_pair, checked_rows, numpy_only
from samplewise.estimators.objective import Objective, poisson_constant
from samplewise.estimators.one_row import OneRow
from samplewise.estimators.parameters import TrainingParameters
from samplewise.estimators.row_weights import sample_weights
from samplewise.estimators.running import Outcome, Task, run, run_full_batch
from samplewise.estimators.settings import (
    LBFGS,
    LOSS,
    Occasion,
    batch_size_of,
    dtype_of,
    settings_for,
)
from samplewise.estimators.sklearn_callbacks import CallbackSupportMixin, fit_task
from samplewise.model.model import Model
from samplewise.network import Network, Optimizer, aligned_zeros
from samplewise.network.losses import Poisson
from samplewise.training.callbacks import as_callbacks
from samplewise.training.result import model_of

LARGEST_SEED = 2**31 - 1


@dataclass(frozen=True, eq=False)
class Validation:
    """Validation rows as the caller of `fit` gives them."""

    X: Any = None
    y: Any = None
    sample_weight: Any = None


@dataclass(eq=False, repr=False, kw_only=True)
class Estimator(OneRow, CallbackSupportMixin, TrainingParameters, BaseEstimator):
    """Learns by `samplewise.train`; subclasses say which network, and how targets are encoded."""

    # The trained network, and its optimizer where training may go on.
    _model = None
    _state = None

    def _encoded(self, y: Any, *, one_epoch: bool) -> NDArray[Any]:
        """Return targets as the engine takes them."""
        raise NotImplementedError

    def _encoded_validation(self, y: Any) -> NDArray[Any]:
        """Return targets of validation rows likewise."""
        raise NotImplementedError

    def _objective(self) -> Objective:
        """Return the loss of the targets that were encoded."""
        raise NotImplementedError

    def _network(self, features: int, outputs: int) -> Network:
        """Return the network to train."""
        raise NotImplementedError

    def _drawn(
        self, network: Network, random_state: np.random.RandomState, dtype: str
    ) -> NDArray[Any]:
        """Return the initial weights, a flat vector (P,)."""
        raise NotImplementedError

    def _flat(self, X: Any) -> Any:
        """Return rows of two dimensions where they have a shape that the network takes."""
        return X

    def _weighted(self, rows: Rows) -> Rows:
        """Return rows with the weights of their classes."""
        return rows

    def _default_score(self, weights: NDArray[Any] | None) -> Score:
        """Return the score that early stopping goes by where `monitor` is None."""
        raise NotImplementedError

    def _answers(self, predictions: NDArray[Any]) -> Any:
        """Return an estimator with these predictions of the engine, for scorers."""
        raise NotImplementedError

    def _has_weights(self) -> bool:
        return self._model is not None

    def _weights(self) -> NDArray[Any]:
        """Return the weights to go on from, as a flat vector (P,)."""
        assert self._model is not None
        return self._model.parameters

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, own: Validation, *, one_epoch: bool
    ) -> Estimator:
        """Train, and keep what comes of it; `one_epoch` is `partial_fit`."""
        anew = not self._has_weights() or not (self.warm_start or one_epoch)
        with numpy_only():
            rows = self._rows(X, y, sample_weight, anew, one_epoch)
            task = self._task(rows, own, anew, one_epoch)
        full_batch = self.solver == LBFGS
        with fit_task(self, X, y, sample_weight) as epochs:
            if full_batch:
                outcome = run_full_batch(task, self.max_iter, self.max_fun, self.tol)
            else:
                outcome = run(replace(task, callbacks=(*task.callbacks, *epochs)))
            self._keep(task, outcome, anew, full_batch)
        if outcome.interrupted:
            raise KeyboardInterrupt
        if not one_epoch:
            fitted.warn_of_end(self, outcome)
        return self

    def _rows(self, X: Any, y: Any, sample_weight: Any, anew: bool, one_epoch: bool) -> Rows:
        """Return the rows to learn from, with their weights."""
        numeric = not hasattr(self, "predict_proba")
        X, y = checked_pair(self, self._flat(X), y, reset=anew, numeric=numeric)
        weights = sample_weights(sample_weight, X)
        targets = self._encoded(y, one_epoch=one_epoch)
        if one_epoch and self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        return self._weighted(Rows(X, targets, weights))

    def _task(self, rows: Rows, own: Validation, anew: bool, one_epoch: bool) -> Task:
        objective = self._objective()
        network = self._network(rows.X.shape[1], self.n_outputs_)
        random_state = check_random_state(self.random_state)
        dtype = dtype_of(self, rows.X) if anew else str(self._weights().dtype)
        drawn = self._drawn(network, random_state, dtype) if anew else self._weights()
        rows, held, score = self._held_out(rows, own, random_state, one_epoch)
        if isinstance(objective.loss, Poisson):
            size = batch_size_of(self, len(rows.X))
            constant = poisson_constant(rows.targets, rows.weights, size)
            objective = replace(objective, constant=constant)
        occasion = Occasion(
            rows=len(rows.X),
            dtype=dtype,
            seed=int(random_state.randint(LARGEST_SEED)) + (self._steps() if one_epoch else 0),
            mean_weight=None if rows.weights is None else float(rows.weights.mean()),
            rows_seen=0 if anew else self.t_,
            one_epoch=one_epoch,
        )
        settings = settings_for(self, objective, occasion)
        start = self._start(drawn, settings.optimizer, one_epoch=one_epoch and not anew)
        return Task(
            network=network,
            objective=objective,
            settings=settings,
            rows=rows,
            start=start,
            held=held,
            score=score,
            callbacks=() if self.callbacks is None else tuple(as_callbacks(self.callbacks)),
            verbose=bool(self.verbose),
        )

    def _held_out(
        self, rows: Rows, own: Validation, random_state: np.random.RandomState, one_epoch: bool
    ) -> tuple[Rows, Rows | None, Score | None]:
        """Return the rows to train on, the validation rows, and the score of these."""
        if own.X is not None:
            X = checked_rows(self, self._flat(own.X))
            weights = sample_weights(own.sample_weight, X)
            held = Rows(X, self._encoded_validation(own.y), weights)
            return rows, held, self._score(held, own.y)
        if not self.early_stopping or one_epoch or self.solver == LBFGS:
            return rows, None, None
        two = self.n_outputs_ == 1 and hasattr(self, "classes_")
        kept, held = split(rows, self.validation_fraction, random_state, two_classes=two)
        return kept, held, self._score(held, self._decoded(held.targets))

    def _score(self, held: Rows, y: Any) -> Score | None:
        if self.monitor == LOSS:
            return None
        if self.monitor is None:
            return self._default_score(held.weights)
        return scored(self.monitor, held.X, y, held.weights, self._answers)

    def _decoded(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return targets as the caller of `fit` has them."""
        raise NotImplementedError

    def _steps(self) -> int:
        return 0 if self._state is None else self._state.step

    def _start(
        self, parameters: NDArray[Any], optimizer: Optimizer, *, one_epoch: bool
    ) -> TrainingState:
        """Return the weights to begin with, and the optimizer's state where it goes on."""
        slots, state = optimizer.slots * len(parameters), self._state
        if one_epoch and state is not None and len(state.optimizer_state) == slots:
            return replace(state, parameters=parameters)
        return TrainingState(parameters, aligned_zeros(slots, parameters.dtype))

    def _keep(self, task: Task, outcome: Outcome, anew: bool, full_batch: bool) -> None:
        """Write the end of a training into the attributes."""
        if anew or "history_" not in vars(self):
            fitted.begin_anew(self, by_epochs=not full_batch)
        loss, parameters = task.objective.loss, outcome.parameters
        model = model_of(task.network, loss, parameters, (), outcome.backend)
        vars(self).update(self._attributes(model))
        state = outcome.state
        self._state = None if state is None else replace(state, parameters=parameters)
        layers = zip(task.network.layers, task.network.shapes, strict=False)
        self.n_layers_ = 1 + sum(bool(layer.parameter_shapes(shape)) for layer, shape in layers)
        self.out_activation_ = task.objective.out_activation
        if outcome.full_batch is not None:
            fitted.leave_full_batch(self, task, outcome.full_batch)
        else:
            fitted.leave_epochs(self, task, outcome)

    def _attributes(self, model: Model) -> dict[str, Any]:
        """Return the attributes by which this estimator predicts as a model does."""
        return {"_model": model}

    @property
    def model_(self) -> Model:
        """The trained network as a `samplewise.Model`, for `samplewise.save_model`."""
        return self._trained()

    def _trained(self) -> Model:
        """Return the trained network.

        Raises:
            NotFittedError: there is none.
        """
        if self._model is None:
            check_is_fitted(self)
        assert self._model is not None
        return self._model

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None

    def _predictions(
        self, X: Any, of: Callable[[Model, NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any]:
        """Return what a method of the model gives for rows."""
        model = self._trained()
        return of(model, checked_rows(self, self._flat(X)))

    def _check_stochastic(self) -> bool:
        """Refuse the solver that has no `partial_fit`.

        Raises:
            AttributeError: it is lbfgs.
        """
        if self.solver == LBFGS:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
