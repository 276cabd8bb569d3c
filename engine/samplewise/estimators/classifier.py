"""Classifiers: labels to class indices, and probabilities to labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray
from sklearn.base import ClassifierMixin
from sklearn.metrics import accuracy_score
from sklearn.preprocessing import LabelBinarizer
from sklearn.utils._param_validation import StrOptions
from sklearn.utils.multiclass import _check_partial_fit_first_call, type_of_target, unique_labels

from samplewise.errors import DataError, ParameterError
from samplewise.estimators.decorators import available_if, fit_context
from samplewise.estimators.ensemble import logits_of_predictions
from samplewise.estimators.held_out import ClassAnswers, Rows, Score, accuracy
from samplewise.estimators.inputs import LABEL_KINDS, one_column
from samplewise.estimators.objective import Objective, loss_of
from samplewise.estimators.one_row import OneRow, labels_of_row
from samplewise.estimators.parameters import LOG_LOSS, Names, Weights, losses_of, parameter
from samplewise.estimators.row_weights import with_class_weight
from samplewise.estimators.tasks import Given
from samplewise.model.model import Model
from samplewise.network.custom import CUSTOM_LOSSES
from samplewise.network.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    ClassLoss,
    MultiLabelCrossEntropy,
)
from samplewise.training import metrics
from samplewise.training.rows.classes import names_of_labels


@dataclass(eq=False, repr=False, kw_only=True)
class Classifier(ClassifierMixin, OneRow):
    """Learns the class of a row, or several labels that may hold at once.

    Attributes:
        classes_: labels, sorted.
    """

    loss: str | ClassLoss = parameter(
        LOG_LOSS,
        [Names(lambda: {LOG_LOSS, *(losses_of(ClassLoss) & CUSTOM_LOSSES.names)}), ClassLoss],
        "log_loss, the cross-entropy; a registered loss of classes by name; or such as "
        "samplewise.CategoricalCrossEntropy(label_smoothing=0.1)",
    )
    class_weight: Weights = parameter(
        None,
        [dict, StrOptions({"balanced"}), None],
        "weights by class, or balanced: rows / (classes * rows of the class)",
    )

    @available_if(lambda estimator: estimator._check_stochastic())
    def partial_fit(self, X: Any, y: Any, sample_weight: Any = None, classes: Any = None) -> Self:
        """Train one epoch on rows, from the weights and with the optimizer of the last call.

        Args:
            X: as `fit`.
            y: as `fit`.
            sample_weight: as `fit`.
            classes: all labels that will ever come; needed in the first call.

        Returns:
            The estimator itself.

        Raises:
            ValueError: as `fit`; or y has a label that is not in `classes`, or `early_stopping`.
        """
        if classes is None and self._learns_row(X, y, sample_weight):
            return self
        return self._fit_epoch(X, y, sample_weight, classes)

    @fit_context(prefer_skip_nested_validation=True)
    def _fit_epoch(self, X: Any, y: Any, sample_weight: Any, classes: Any) -> Self:
        if _check_partial_fit_first_call(self, classes):
            several = type_of_target(y).startswith("multilabel")
            self._binarizer = LabelBinarizer().fit(y) if several else None
        return self._fit(Given(X, y, sample_weight, one_epoch=True))

    def _encoded(self, y: Any, *, one_epoch: bool) -> NDArray[Any]:
        y = one_column(y)
        if not hasattr(self, "classes_") or not (self.warm_start or one_epoch):
            self._learn_labels(y)
        else:
            self._check_labels(unique_labels(y))
        self.n_outputs_ = self._outputs()
        return self._indices(y)

    def _outputs(self) -> int:
        """Return the number of logits: one for two classes, unless the loss wants one a class."""
        classes = len(self.classes_)
        if self._binarizer is not None:
            return classes
        loss = None if self.loss == LOG_LOSS else loss_of(self.loss)
        if isinstance(loss, ClassLoss):
            return loss.outputs(max(classes, 2))
        return classes if classes > 2 else 1

    def _learn_labels(self, y: Any) -> None:
        """Find the classes, or several labels."""
        if type(y) is np.ndarray and y.ndim == 1 and y.dtype.kind in LABEL_KINDS:
            # The checks of other kinds take as long as an epoch of iris.
            self.classes_, self._binarizer = np.unique(y), None
            return
        binarizer = LabelBinarizer().fit(y)
        self.classes_ = binarizer.classes_
        self._binarizer = binarizer if binarizer.y_type_.startswith("multilabel") else None

    def _check_labels(self, labels: NDArray[Any]) -> None:
        """Refuse labels that a training which goes on does not know."""
        if self.warm_start and set(labels) != set(self.classes_):
            raise ValueError(
                "warm_start can only be used where `y` has the same classes as in the previous "
                f"call to fit. Previously got {self.classes_}, `y` has {labels}"
            )
        if len(np.setdiff1d(labels, self.classes_, assume_unique=True)):
            raise ValueError(
                "`y` has classes not in `self.classes_`. "
                f"`self.classes_` has {self.classes_}. 'y' has {labels}."
            )

    def _indices(self, y: Any) -> NDArray[Any]:
        """Return class indices (n,), or several labels as bool (n, labels)."""
        if (y.ndim == 2) != (self._binarizer is not None):
            learnt = "one label" if self._binarizer is None else "several labels"
            raise DataError(f"y: must have {learnt} a row as in the first fit, got shape {y.shape}")
        if self._binarizer is not None:
            return np.asarray(self._binarizer.transform(y), bool)
        return np.searchsorted(self.classes_, y)

    def _encoded_validation(self, y: Any) -> NDArray[Any]:
        y = one_column(np.asarray(y) if not hasattr(y, "toarray") else y)
        labels = unique_labels(y)
        if len(np.setdiff1d(labels, self.classes_, assume_unique=True)):
            raise ValueError(f"y_val: must hold classes of y, {self.classes_}, got {labels}")
        return self._indices(y)

    def _decoded(self, targets: NDArray[Any]) -> NDArray[Any]:
        return targets.astype(int) if targets.ndim == 2 else self.classes_[targets]

    def _class_names(self) -> tuple[str, ...]:
        # A model distinguishes two classes at least: of a single one it has no names.
        named = self._binarizer is None and len(self.classes_) > 1
        return names_of_labels(self.classes_) if named else ()

    def _objective(self) -> Objective:
        outputs = self.n_outputs_
        if self.loss != LOG_LOSS:
            return Objective(loss_of(self.loss))
        if self._binarizer is not None:
            return Objective(MultiLabelCrossEntropy(), outputs, outputs)
        return Objective(BinaryCrossEntropy() if outputs == 1 else CategoricalCrossEntropy())

    def _weighted(self, rows: Rows) -> Rows:
        if self.class_weight is None:
            return rows
        if rows.targets.ndim == 2:
            raise ParameterError(
                "class_weight: must be None for several labels at once; use sample_weight"
            )
        weights = with_class_weight(rows.weights, self.class_weight, self.classes_, rows.targets)
        return Rows(rows.X, rows.targets, weights)

    def _default_score(self, held: Rows) -> Score:
        if self._binarizer is None and len(self.classes_) == 1:
            # Predicted whatever its logits are.
            return lambda *_: 1.0
        return accuracy(held.weights)

    def _answers(self, predictions: NDArray[Any]) -> ClassAnswers:
        return ClassAnswers(self._labels(predictions), predictions, self.classes_)

    def predict(self, X: Any) -> NDArray[Any]:
        """Return the label of each row, (n,); of several labels 0 and 1, (n, labels).

        Args:
            X: rows, (n, features).

        Raises:
            NotFittedError: before `fit`.
            ValueError: X does not fit.
        """
        return self._labels(self._predictions(X, Model.probabilities))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Return the share of rows whose label is right; of several labels, in all of them.

        Args:
            X: rows, (n, features).
            y: their labels, as `fit`.
            sample_weight: weight of each row, (n,); None where each counts as 1.

        Raises:
            NotFittedError: before `fit`.
            ValueError: X or y does not fit.
        """
        predicted = self.predict(X)
        if sample_weight is None and _are_alike(y, predicted):
            # The checks that other labels need take twice as long as to predict 600 rows of digits.
            return metrics.accuracy(y, predicted)
        return accuracy_score(y, predicted, sample_weight=sample_weight)

    def _labels(self, probabilities: NDArray[Any]) -> NDArray[Any]:
        if self._binarizer is not None:
            return self._binarizer.inverse_transform(probabilities)
        if len(self.classes_) > 1:
            return self.classes_[probabilities.argmax(axis=1)]
        return np.repeat(self.classes_, len(probabilities))

    def _answer(self, predictions: NDArray[Any]) -> Any:
        if self._binarizer is not None or len(self.classes_) == 1:
            return self._labels(predictions[np.newaxis])[0]
        return self.classes_[predictions.argmax()]

    def predict_proba_one(self, x: Any) -> NDArray[Any]:
        """Return the probability of each class or label of one row, (classes,), in microseconds.

        Args:
            x: numbers, (features,).

        Raises:
            NotFittedError, ValueError: as `predict_one`.
        """
        return self._row_predictions(x)

    def _wanted_of_row(self) -> str:
        return "a label of classes_" if self._binarizer is None else "0 or 1 for each label"

    def _targets_by_row(self) -> Callable[[Any], Any]:
        if self._binarizer is not None:
            return labels_of_row
        known = {label: index for index, label in enumerate(self.classes_.tolist())}
        return known.__getitem__

    def predict_proba(self, X: Any) -> NDArray[Any]:
        """Return the probability of each class or label, (n, classes), as `classes_` orders them.

        Raises:
            NotFittedError, ValueError: as `predict`.
        """
        return self._predictions(X, Model.probabilities)

    def decision_function(self, X: Any) -> NDArray[Any]:
        """Return the logits of each row, (n,) of two classes, else (n, classes or labels).

        Of two classes, the logarithm of the second one's odds: above 0 where it is more probable.

        Raises:
            NotFittedError, ValueError: as `predict`.
        """
        if "estimators_" in vars(self):
            logits = logits_of_predictions(self._objective().loss, self.predict_proba(X))
        else:
            logits = self._predictions(X, Model.logits)
        if self._binarizer is None and logits.shape[1] == 2:
            return logits[:, 1] - logits[:, 0]
        return logits[:, 0] if logits.shape[1] == 1 else logits

    def predict_log_proba(self, X: Any) -> NDArray[Any]:
        """Return the logarithms of `predict_proba`.

        Raises:
            NotFittedError, ValueError: as `predict`.
        """
        probabilities = self.predict_proba(X)
        with np.errstate(divide="ignore"):
            return np.log(probabilities, out=probabilities)

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_label = True
        return tags


def _are_alike(y: Any, predicted: NDArray[Any]) -> bool:
    """Return True if labels are an array of the kind of their predictions: bool, integers, text."""
    return (
        type(y) is np.ndarray
        and y.ndim == 1
        and y.shape == predicted.shape
        and y.dtype.kind == predicted.dtype.kind
        and y.dtype.kind in "biuU"
    )
