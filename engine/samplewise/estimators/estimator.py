"""The base of all estimators: from the arguments of `fit` to a training, and its result."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Self, cast

import numpy as np
from numpy.typing import NDArray
from sklearn.utils.validation import check_is_fitted

from samplewise.data.columns import columns_named
from samplewise.errors import DataError, ParameterError
from samplewise.estimators import fitted
from samplewise.estimators.decorators import fit_context
from samplewise.estimators.ensemble import check_going_on, fit_ensemble
from samplewise.estimators.held_out import Rows, Score
from samplewise.estimators.inputs import checked_rows, is_for_model, numpy_only
from samplewise.estimators.objective import Objective
from samplewise.estimators.parameters import Cloned, TrainingParameters
from samplewise.estimators.running import Outcome, Task, run, run_full_batch
from samplewise.estimators.settings import LBFGS
from samplewise.estimators.sklearn_callbacks import CallbackSupportMixin, begun, fit_task
from samplewise.estimators.tasks import Begun, Given, goes_by, task_of
from samplewise.estimators.together import done_before, prepared_before
from samplewise.model.model import Model
from samplewise.network import Network
from samplewise.options.arguments import NamedArguments
from samplewise.training.result import model_of
from samplewise.training.snapshot import Snapshot


@dataclass(eq=False, repr=False, kw_only=True)
class Estimator(NamedArguments, CallbackSupportMixin, TrainingParameters, Cloned):
    """Learns by `samplewise.train`; subclasses say which network, and how targets are encoded.

    Attributes:
        loss_curve_, loss_, best_loss_: training loss of each epoch, of the last one, and the
            smallest; None with early stopping.
        validation_loss_curve_, validation_scores_, best_validation_score_: of the validation rows.
        best_epoch_: whose weights were kept, counted from 1; None where those of the last were.
        history_: figures of each epoch, a list of dicts with `to_frame()`.
        plan_: backend, and how it trained.
        n_iter_, t_: epochs of the last training, and rows seen in all.
        n_features_in_, feature_names_in_, n_layers_, n_outputs_, out_activation_: of the network.
        model_: the trained network, for `samplewise.save_model`.
    """

    # The trained network, and its optimizer where training may go on.
    _model = cast("Model | None", None)
    _begun = cast("Begun | None", None)

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @fit_context(prefer_skip_nested_validation=True)
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
        sample_weight_val: Any = None,
        initial: Snapshot | None = None,
    ) -> Self:
        """Train on rows and their targets.

        Args:
            X: rows, (n, features); an array, a data frame or sparse.
            y: of a classifier labels of any kind, (n,), or 0 and 1 of several labels, (n, labels);
                of a regressor numbers, (n,) or (n, outputs).
            sample_weight: weight of each row, (n,), at least 0; a batch is divided by its sum.
            X_val: validation rows, measured after every epoch; early stopping goes by them instead
                of rows that it holds out. Solver lbfgs leaves them out, with a warning.
            y_val: their targets.
            sample_weight_val: their weights in the score; the validation loss goes without.
            initial: a snapshot of the same fit, of `samplewise.Checkpoint.snapshot`, to go on from;
                None begins.

        Returns:
            The estimator itself.

        Raises:
            ValueError: an argument or parameter cannot be used.
            SnapshotError: the snapshot is of other rows or settings; the error names the first.
            KeyboardInterrupt: at the end, where Ctrl-C has ended the training; the weights that
                it had found are kept.

        Warns:
            ConvergenceWarning: `max_iter` epochs have not been enough.
        """
        return self._fit(Given(X, y, sample_weight, X_val, y_val, sample_weight_val, initial))

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

    def _default_score(self, held: Rows) -> Score:
        """Return the score that early stopping goes by where `monitor` is None."""
        raise NotImplementedError

    def _answers(self, predictions: NDArray[Any]) -> Any:
        """Return an estimator with these predictions of the engine, for scorers."""
        raise NotImplementedError

    def _has_weights(self) -> bool:
        return self._model is not None

    def _weights(self, network: Network) -> NDArray[Any]:
        """Return the weights to go on from, as a flat vector (P,)."""
        assert self._model is not None
        shapes, known = (
            [slot.shape for slot in one.layout.slots] for one in (network, self._model.network)
        )
        if shapes != known:
            raise ParameterError(
                f"{type(self).__name__}: its weights have shapes {known}, but now parameters and y "
                f"ask for {shapes}; keep the network and outputs of the last fit, or fit without "
                "warm_start"
            )
        return self._model.parameters

    def _fit(self, given: Given) -> Self:
        """Train, and keep the outcome; after an error all attributes are as before."""
        before = dict(vars(self))
        try:
            outcome = self._trained_on(given)
        except BaseException:
            # Else the labels of these rows would name the classes of the weights before.
            callbacks = begun(self)
            self.__dict__.clear()
            self.__dict__.update(before | callbacks)
            raise
        if outcome.interrupted:
            raise KeyboardInterrupt
        if not given.one_epoch:
            fitted.warn_of_end(self, outcome)
        return self

    def _trained_on(self, given: Given) -> Outcome:
        """Train on the arguments of `fit`, and return the end of it."""
        anew = not self._has_weights() or not (self.warm_start or given.one_epoch)
        check_going_on(self, one_epoch=given.one_epoch)
        with numpy_only():
            task = prepared_before(self, given) or task_of(self, given, anew=anew)
        with fit_task(self, given.X, given.y, given.sample_weight) as epochs:
            return self._run(replace(task, callbacks=(*task.callbacks, *epochs)), anew=anew)

    def _run(self, task: Task, *, anew: bool) -> Outcome:
        self.__dict__.pop("estimators_", None)
        if self.n_ens > 1:
            for name in ("_model", "_begun", "coefs_", "intercepts_", "_shown"):
                self.__dict__.pop(name, None)
            return fit_ensemble(self, task)
        if self.solver == LBFGS:
            outcome = run_full_batch(task, self.max_iter, self.max_fun, self.tol)
        else:
            outcome = done_before(self, task) or run(task)
        self._keep(task, outcome, anew=anew)
        return outcome

    def _decoded(self, targets: NDArray[Any]) -> NDArray[Any]:
        """Return targets as the caller of `fit` has them."""
        raise NotImplementedError

    def _class_names(self) -> tuple[str, ...]:
        """Return the names by which the model knows its classes; none where it learns numbers."""
        return ()

    def _keep(self, task: Task, outcome: Outcome, *, anew: bool) -> None:
        """Write the end of a training into the attributes."""
        fitted.begin(self, anew=anew, by_epochs=outcome.full_batch is None)
        loss, parameters = task.objective.loss, outcome.parameters
        names, columns = self._class_names(), columns_named(vars(self).get("feature_names_in_", ()))
        model = model_of(task.network, loss, parameters, names, outcome.backend, columns)
        self.__dict__.update(self._attributes(model))
        layers = task.network.layers_and_inputs
        self.n_layers_ = 1 + sum(bool(layer.parameter_shapes(shape)) for layer, shape in layers)
        self.out_activation_ = task.objective.out_activation
        if outcome.full_batch is not None:
            fitted.leave_full_batch(self, task, outcome.full_batch)
        else:
            fitted.leave_epochs(self, task, outcome)
        self._begun = None
        if outcome.state is not None:
            state = replace(outcome.state, parameters=parameters)
            assert outcome.history is not None
            waiting, epochs = task.waiting_after(outcome.history, self), len(self.loss_curve_)
            self._begun = Begun(state, task.settings.optimizer, waiting, epochs, goes_by(self))

    def _attributes(self, model: Model) -> dict[str, Any]:
        """Return the attributes by which this estimator predicts as a model does."""
        return {"_model": model}

    @property
    def model_(self) -> Model:
        """The trained network as a `samplewise.Model`, for `samplewise.save_model`."""
        return self._trained()

    def _trained(self) -> Model:
        """Return the trained network."""
        if self._model is None:
            check_is_fitted(self)
            raise ParameterError(
                "n_ens: the networks of an ensemble have a model each; use estimators_[0].model_"
            )
        return self._model

    def __sklearn_is_fitted__(self) -> bool:
        return self._model is not None or "estimators_" in vars(self)

    def _predictions(
        self, X: Any, of: Callable[[Model, NDArray[Any]], NDArray[Any]]
    ) -> NDArray[Any]:
        """Return the results of a method of the model for rows, of an ensemble their mean."""
        members = vars(self).get("estimators_")
        if members is None:
            model, X = self._trained(), self._flat(X)
            if is_for_model(self, X):
                try:
                    return of(model, X)
                except DataError:
                    pass  # if a number is not finite, scikit-learn's check words the error
            return of(model, checked_rows(self, X))
        models, rows = [one._trained() for one in members], checked_rows(self, self._flat(X))
        return np.asarray(np.mean([of(model, rows) for model in models], axis=0))

    def _check_stochastic(self) -> bool:
        """Refuse the solver that has no `partial_fit`."""
        if self.solver == LBFGS:
            raise AttributeError(
                "partial_fit is only available for stochastic optimizers. lbfgs is not stochastic."
            )
        return True

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags
