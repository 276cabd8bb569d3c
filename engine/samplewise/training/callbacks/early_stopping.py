"""Early stopping: the best epoch so far, and the end of a training that no longer improves."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

from samplewise.training.history import EpochRecord
from samplewise.training.settings import stopping
from samplewise.training.settings.stopping import ACCURACY, LOSS, VALIDATION

PATIENCE, TARGET_LOSS, TARGET_ACCURACY = "patience", "target_loss", "target_accuracy"


@dataclass(frozen=True)
class StoppingState:
    """The counters of early stopping between two epochs; the first ones where nothing needs them.

    Args:
        best: the monitored figure of the best epoch; None before the first one.
        best_epoch: counted from 1; likewise, and where the best one was in a training before.
        waited: epochs since the last improvement.
    """

    best: float | None = None
    best_epoch: int | None = None
    waited: int = 0


class Progress(NamedTuple):
    """The outcome of an epoch for the monitored figure.

    Args:
        is_best: True if it is the best so far, whose weights may be kept.
        improved: True if that ends the wait for an improvement. The two differ with `follow_best`.
    """

    is_best: bool
    improved: bool


class EarlyStopping:
    """Follows the monitored figure from epoch to epoch.

    Less is better of a loss; more of an accuracy and of a user's metric.

    Args:
        settings: which figure is monitored, and when it ends the training.
        validated: whether there are validation rows, to which the targets apply then.

    Attributes:
        state: the counters, which a snapshot holds.
    """

    def __init__(self, settings: stopping.EarlyStopping, *, validated: bool) -> None:
        self._settings, self._prefix = settings, VALIDATION * validated
        self._monitor = settings.monitored(validated=validated)
        self.state = StoppingState()

    @property
    def epochs_left(self) -> float:
        """Epochs after which it may end the training, at least 1; infinity where it never does."""
        settings = self._settings
        if settings.target_loss is not None or settings.target_accuracy is not None:
            return 1
        return math.inf if settings.patience is None else settings.patience - self.state.waited

    def follow(self, record: EpochRecord) -> Progress:
        """Count a whole epoch."""
        figure = record.figure(self._monitor)
        progress = self._progress(figure)
        best, epoch, waited = self.state.best, self.state.best_epoch, self.state.waited
        if progress.is_best:
            best, epoch = figure, record.epoch
        self.state = StoppingState(best, epoch, 0 if progress.improved else waited + 1)
        return progress

    def _progress(self, figure: float | None) -> Progress:
        best, sign = self.state.best, 1 if self._monitor.endswith(LOSS) else -1
        if figure is None or best is None:
            return Progress(figure is not None, figure is not None)
        enough = sign * best - self._settings.min_delta
        if self._settings.follow_best:
            return Progress(sign * figure < sign * best, sign * figure <= enough)
        return Progress(sign * figure < enough, sign * figure < enough)

    def reason(self, record: EpochRecord) -> str | None:
        """Return the setting that ends the training after this epoch, by its name."""
        settings, prefix = self._settings, self._prefix
        if settings.target_loss is not None:
            loss = record.figure(prefix + LOSS)
            if loss is not None and loss <= settings.target_loss:
                return TARGET_LOSS
        if settings.target_accuracy is not None:
            accuracy = record.figure(prefix + ACCURACY)
            if accuracy is not None and accuracy >= settings.target_accuracy:
                return TARGET_ACCURACY
        if settings.patience is not None and self.state.waited >= settings.patience:
            return PATIENCE
        return None
