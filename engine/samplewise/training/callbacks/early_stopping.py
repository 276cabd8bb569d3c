"""Which epoch was the best so far, and whether its figures end the training."""

from __future__ import annotations

from dataclasses import dataclass, replace

from samplewise.training.history import EpochRecord
from samplewise.training.settings.stopping import ACCURACY, LOSS, VALIDATION

PATIENCE, TARGET_LOSS, TARGET_ACCURACY = "patience", "target_loss", "target_accuracy"


@dataclass(frozen=True)
class StoppingState:
    """The counters of early stopping between two epochs.

    Args:
        best: the monitored figure of the best epoch; None before the first one.
        best_epoch: counted from 1; likewise.
        waited: epochs since then.
    """

    best: float | None = None
    best_epoch: int | None = None
    waited: int = 0


@dataclass(frozen=True, kw_only=True)
class StoppingRule:
    """When figures end a training.

    Args:
        monitor: the figure that decides which epoch is the best, as `EpochRecord.figure` takes it.
            Less is better of a loss; more of an accuracy and of a user's metric.
        min_delta: how much better than the best so far a figure must be, at least 0.
        patience: epochs in a row without improvement that end the training; None for any number.
        target_loss: a loss that ends it; None for none.
        target_accuracy: likewise.
        validated: whether the targets are those of the validation rows.
    """

    monitor: str
    min_delta: float
    patience: int | None
    target_loss: float | None
    target_accuracy: float | None
    validated: bool


class EarlyStopping:
    """Follows the monitored figure from epoch to epoch.

    Args:
        rule: when to stop.

    Attributes:
        state: the counters, which a snapshot holds.
    """

    def __init__(self, rule: StoppingRule) -> None:
        self._rule = rule
        self.state = StoppingState()

    def improves(self, record: EpochRecord) -> bool:
        """Count a whole epoch, and return whether it is the best so far, by over `min_delta`."""
        figure = record.figure(self._rule.monitor)
        if figure is not None and self._is_better(figure):
            self.state = StoppingState(figure, record.epoch)
            return True
        self.state = replace(self.state, waited=self.state.waited + 1)
        return False

    def _is_better(self, figure: float) -> bool:
        best, sign = self.state.best, 1 if self._rule.monitor.endswith(LOSS) else -1
        return best is None or sign * figure < sign * best - self._rule.min_delta

    def reason(self, record: EpochRecord) -> str | None:
        """Return the setting that ends the training after this epoch, by its name."""
        rule, prefix = self._rule, VALIDATION * self._rule.validated
        loss, accuracy = record.figure(prefix + LOSS), record.figure(prefix + ACCURACY)
        if rule.target_loss is not None and loss is not None and loss <= rule.target_loss:
            return TARGET_LOSS
        target = rule.target_accuracy
        if target is not None and accuracy is not None and accuracy >= target:
            return TARGET_ACCURACY
        if rule.patience is not None and self.state.waited >= rule.patience:
            return PATIENCE
        return None
