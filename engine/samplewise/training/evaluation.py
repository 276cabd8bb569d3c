"""The figures that are measured after an epoch, from the logits of rows."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypedDict

from numpy.typing import NDArray

from samplewise.errors import ContractError
from samplewise.network import Loss
from samplewise.training import divergence
from samplewise.training.metrics import accuracy
from samplewise.training.ran_epoch import RanEpoch
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.running_accuracy import RunningAccuracy
from samplewise.training.user_functions import Metric, number_of

Predict = Callable[[NDArray[Any]], NDArray[Any]]


class Figures(TypedDict, total=False):
    """The figures of an epoch, by the names that its record has for them; None as there."""

    accuracy: float | None
    validation_loss: float | None
    validation_accuracy: float | None
    metrics: dict[str, float | None]


@dataclass(frozen=True, eq=False)
class Evaluation:
    """Measures a network after each epoch.

    Args:
        rows: rows that the network trains on, and its validation rows.
        track_accuracy: True to measure the accuracy on the training rows.
        running: measures that accuracy in the steps; None for a pass of its own.
        metrics: as `UserFunctions`.
        keep: called with the predictions of the validation rows of each epoch; None for nobody.
    """

    backend: str
    loss: Loss
    outputs: int
    rows: TrainingRows
    track_accuracy: bool
    running: RunningAccuracy | None = None
    metrics: Mapping[str, Metric] = field(default_factory=dict)
    keep: Callable[[NDArray[Any]], None] | None = None

    @property
    def predicts(self) -> bool:
        """True if logits are needed at all."""
        return self._measures_apart or self.rows.validation is not None

    @property
    def _measures_apart(self) -> bool:
        return self.track_accuracy and self.running is None and self.rows.labels is not None

    def after_epoch(self, ran: RanEpoch, predict: Predict) -> Figures:
        """Measure an epoch.

        Raises:
            DivergenceError: the logits or the validation loss are not finite.
            ContractError: the logits have the wrong shape, or a decision of the steps is missing.
            ParameterError: a metric is not a number.
        """
        epoch, right = ran.epoch, None
        if self.running is not None:
            right = self.running.of(ran, self.backend)
        elif self._measures_apart:
            predictions = self._predictions(epoch, self._logits(self.rows, predict))
            right = self._accuracy(self.rows, predictions)
        held = self.rows.validation
        if held is None:
            return {"accuracy": right}
        logits = self._logits(held, predict)
        predictions = self._predictions(epoch, logits)
        if self.keep is not None:
            self.keep(predictions)
        losses = self.loss.values(logits, held.Y)
        return {
            "accuracy": right,
            "validation_loss": divergence.mean_loss(epoch, losses, name="mean validation loss"),
            "validation_accuracy": self._accuracy(held, predictions),
            "metrics": self._measured(held, predictions),
        }

    def _logits(self, rows: TrainingRows, predict: Predict) -> NDArray[Any]:
        logits, expected = predict(rows.X), (len(rows), self.outputs)
        if logits.shape != expected:
            raise ContractError(
                f"backend '{self.backend}' gave logits of shape {logits.shape}; expected {expected}"
            )
        return logits

    def _predictions(self, epoch: int, logits: NDArray[Any]) -> NDArray[Any]:
        predictions = self.loss.predictions(logits)
        divergence.check_logits(epoch, predictions)
        return predictions

    def _accuracy(self, rows: TrainingRows, predictions: NDArray[Any]) -> float | None:
        decisions = self.loss.decisions(predictions)
        if rows.labels is None or decisions is None:
            return None
        return accuracy(rows.labels, decisions)

    def _measured(self, rows: TrainingRows, predictions: NDArray[Any]) -> dict[str, float | None]:
        return {
            name: number_of("metrics", name, metric(self.targets_of(rows), self.shown(predictions)))
            for name, metric in self.metrics.items()
        }

    def targets_of(self, rows: TrainingRows) -> NDArray[Any]:
        """Return a copy of the targets of rows, in the form that a user's functions take.

        Returns:
            Class indices (n,), bools of labels (n, outputs), or numbers as `shown`.
        """
        return rows.labels.copy() if rows.labels is not None else self.shown(rows.Y)

    def shown(self, values: NDArray[Any]) -> NDArray[Any]:
        """Return a copy of predictions or targets; numbers of one output, (n, 1), become (n,)."""
        alone = self.rows.labels is None and self.outputs == 1
        return (values[:, 0] if alone else values).copy()

    def validation_predictions(self, epoch: int, predict: Predict) -> NDArray[Any]:
        """Return the predictions of the validation rows, which there must be.

        Returns:
            Probabilities (n, classes), or numbers or probabilities of labels (n, outputs).

        Raises:
            DivergenceError, ContractError: as `after_epoch`.
        """
        assert self.rows.validation is not None
        return self._predictions(epoch, self._logits(self.rows.validation, predict))
