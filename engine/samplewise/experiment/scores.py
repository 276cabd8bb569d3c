"""Scores of a model on rows with known targets."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.data.preprocessing import Preprocessing
from samplewise.errors import DataError
from samplewise.experiment.prepared import Prepared
from samplewise.model.model import Model, check_predictions, logits_of_each
from samplewise.network import ClassLoss, Loss, Network
from samplewise.text import counted, six_digits
from samplewise.training.metrics import (
    accuracy,
    confusion_matrix,
    mean_absolute_error,
    r_squared,
    root_mean_squared_error,
)
from samplewise.training.rows.targets import prepare_targets


@dataclass(frozen=True)
class Errors:
    """The distance of predicted numbers from the true ones, over all outputs at once.

    Args:
        rmse: root of the mean squared error, in the units of the numbers.
        mae: mean absolute error, in the same units.
        r2: as `training.metrics.r_squared`, NaN where the true numbers do not differ.
    """

    rmse: float
    mae: float
    r2: float

    @classmethod
    def of(cls, values: NDArray[Any], predicted: NDArray[Any]) -> Errors:
        """Return the errors of predictions (n, outputs) of values of the same shape."""
        pair = values, predicted
        return cls(root_mean_squared_error(*pair), mean_absolute_error(*pair), r_squared(*pair))

    def figures(self) -> dict[str, float | None]:
        """Return them by name as JSON values, None where one is not a finite number."""
        return {name: finite(value) for name, value in dataclasses.asdict(self).items()}


@dataclass(frozen=True, eq=False)
class Scores:
    """The scores of a model.

    Args:
        loss: mean over the rows, in float64.
        accuracy: in [0, 1], as `training.metrics.accuracy`; None where numbers are predicted.
        errors: of predicted numbers; None where classes or labels are predicted.
        predictions: probabilities (n, classes), or numbers (n, outputs).
        decisions: their decisions, as `Loss.decisions`; None where numbers are predicted.
        confusion: counts[true, predicted], int64 (classes, classes); None without classes.
    """

    loss: float
    accuracy: float | None
    errors: Errors | None
    predictions: NDArray[Any]
    decisions: NDArray[Any] | None
    confusion: NDArray[np.int64] | None


def scores(model: Model, X: NDArray[Any], targets: NDArray[Any]) -> Scores:
    """Return the scores of a model on raw rows.

    Raises:
        DataError: the targets do not fit the model's loss.
    """
    return scores_of_each([model], X, targets)[0]


def scores_of_each(models: Sequence[Model], X: NDArray[Any], targets: NDArray[Any]) -> list[Scores]:
    """Return the scores of each model on the same raw rows.

    Raises:
        DataError: the targets do not fit the loss, or the logits of a model overflow.
    """
    if not models:
        return []
    first = models[0]
    labels, Y = prepare_targets(targets, len(X), first.network, first.loss, np.float64)
    logits = logits_of_each(models, X)
    return [_scores(*pair, labels, Y) for pair in zip(models, logits, strict=True)]


def _scores(
    model: Model, logits: NDArray[Any], labels: NDArray[Any] | None, Y: NDArray[Any]
) -> Scores:
    loss, logits = model.loss, logits.astype(np.float64)
    with np.errstate(all="ignore"):
        mean = _mean(loss, logits, Y, model.target_preprocessing)
        predictions = loss.predictions(logits)
    check_predictions(predictions, model.parameters.dtype)
    _check_mean(mean, loss, Y)
    decisions = loss.decisions(predictions)
    if labels is None or decisions is None:
        return Scores(mean, None, Errors.of(Y, predictions), predictions, None, None)
    right, confusion = accuracy(labels, decisions), None
    if isinstance(loss, ClassLoss):
        confusion = confusion_matrix(labels, decisions, len(model.class_names))
    return Scores(mean, right, None, predictions, decisions, confusion)


def _mean(loss: Loss, logits: NDArray[Any], Y: NDArray[Any], step: Preprocessing) -> float:
    """Return the mean loss in the units of the data; its options are in those of training."""
    deviations = [] if step.deviation is None else step.deviation.tolist()
    of_each = [loss.scaled(one) for one in deviations]
    if all(one == loss for one in of_each):
        return loss.mean(logits, Y)
    pairs = zip(of_each, np.hsplit(logits, len(of_each)), np.hsplit(Y, len(of_each)), strict=True)
    return float(np.mean([one.mean(*pair) for one, *pair in pairs]))


def finite(value: float | None) -> float | None:
    """Return a figure, and None where it is not a finite number, as JSON has it."""
    return value if value is not None and math.isfinite(value) else None


def check_measurable(network: Network, loss: Loss, data: Prepared) -> None:
    """Refuse numbers to test on that have no loss, before a training that would end with that.

    Raises:
        DataError: the loss does not take their targets, or overflows where 0 is predicted.
    """
    training, test = data.training, data.test
    if test.values is None:
        return
    try:
        _, Y = prepare_targets(test.targets, len(test), network, loss, np.float64)
        with np.errstate(all="ignore"):
            mean = _mean(loss, np.zeros(Y.shape), Y, data.target_preprocessing)
        _check_mean(mean, loss, Y)
    except DataError as error:
        # If the training targets cannot be used either, report these first.
        prepare_targets(training.targets, len(training), network, loss, np.float64)
        raise DataError(f"test rows: {error}") from error


def _check_mean(mean: float, loss: Loss, Y: NDArray[Any]) -> None:
    if not math.isfinite(mean):
        raise DataError(
            f"{loss.name}: the mean over {counted(len(Y), 'row')} overflows float64, with targets "
            f"up to {np.abs(Y).max():.4g}; give targets in larger units, such as millions"
        )


def error_texts(figures: Mapping[str, float | None]) -> dict[str, str]:
    """Return each of `Errors.figures` for a table, by the name that it is shown with."""
    r2 = figures["r2"]
    as_text = "undefined (the targets do not differ)"
    if r2 is not None:
        # Of a training that diverged, a point with four decimals may follow a hundred digits.
        as_text = f"{r2:.4f}" if r2 > -1000 else six_digits(r2)
    shown = {"RMSE": figures["rmse"], "MAE": figures["mae"]}
    texts = {name: "beyond float64" if x is None else six_digits(x) for name, x in shown.items()}
    return {**texts, "R²": as_text}


def classification_report(
    labels: NDArray[Any], decisions: NDArray[Any], class_names: Sequence[str]
) -> dict[str, Any]:
    """Return precision, recall, f1-score and support of each class and of all, by scikit-learn.

    Args:
        labels: true class indices, (n,).
        decisions: predicted ones, (n,).
        class_names: one for each class.
    """
    from sklearn.metrics import classification_report

    report: dict[str, Any] = classification_report(
        labels,
        decisions,
        labels=range(len(class_names)),
        target_names=list(class_names),
        output_dict=True,
        zero_division=0,
    )
    return report
