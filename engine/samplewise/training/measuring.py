"""What is measured after an epoch, from the logits of rows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray

from samplewise.errors import ContractError
from samplewise.network import Loss
from samplewise.training import divergence
from samplewise.training.metrics import accuracy
from samplewise.training.rows.training_rows import TrainingRows

Predict = Callable[[NDArray[Any]], NDArray[Any]]


@dataclass(frozen=True)
class Figures:
    """Loss and accuracy, by the names that an epoch's record has for them; None as there."""

    accuracy: float | None = None
    validation_loss: float | None = None
    validation_accuracy: float | None = None


@dataclass(frozen=True, eq=False)
class Measuring:
    """How the epochs of a run are measured.

    Args:
        backend: its name, for errors.
        loss: that turns logits into probabilities.
        outputs: of the network.
        rows: trained on.
        track_accuracy: whether the accuracy on them is measured.
    """

    backend: str
    loss: Loss
    outputs: int
    rows: TrainingRows
    track_accuracy: bool

    @property
    def predicts(self) -> bool:
        """Whether logits are needed at all."""
        tracked = self.track_accuracy and self.rows.labels is not None
        return tracked or self.rows.validation is not None

    def after_epoch(self, epoch: int, predict: Predict) -> Figures:
        """Return what an epoch has come to.

        Args:
            epoch: counted from 1.
            predict: gives the logits of rows.

        Raises:
            DivergenceError: the logits or the validation loss are not finite.
            ContractError: the logits have the wrong shape.
        """
        found = Figures()
        if self.track_accuracy and self.rows.labels is not None:
            found = Figures(self._accuracy(epoch, self.rows, self._logits(self.rows, predict)))
        held = self.rows.validation
        if held is None:
            return found
        logits = self._logits(held, predict)
        right = self._accuracy(epoch, held, logits)
        losses = self.loss.values(logits, held.Y)
        return Figures(found.accuracy, divergence.mean_loss(epoch, losses), right)

    def _logits(self, rows: TrainingRows, predict: Predict) -> NDArray[Any]:
        logits, expected = predict(rows.X), (len(rows), self.outputs)
        if logits.shape != expected:
            raise ContractError(
                f"backend '{self.backend}' gave logits of shape {logits.shape}; expected {expected}"
            )
        return logits

    def _accuracy(self, epoch: int, rows: TrainingRows, logits: NDArray[Any]) -> float | None:
        predictions = self.loss.predictions(logits)
        divergence.check_logits(epoch, predictions)
        decisions = self.loss.decisions(predictions)
        if rows.labels is None or decisions is None:
            return None
        return accuracy(rows.labels, decisions)
