"""Which epoch was the best so far, and whether what was seen ends the training."""

from __future__ import annotations

import math

from samplewise.training.history import EpochRecord
from samplewise.training.settings.control import ACCURACY, LOSS, VALIDATION
from samplewise.training.settings.training_settings import TrainingSettings

PATIENCE, TARGET_LOSS, TARGET_ACCURACY = "patience", "target_loss", "target_accuracy"


class Watch:
    """Follows the monitored figure from epoch to epoch.

    Args:
        settings: of the run.
        validated: whether there are validation rows.

    Raises:
        CombinationError: as `ControlSettings.check_measured`.

    Attributes:
        best_epoch: counted from 1; None before the first epoch.
    """

    def __init__(self, settings: TrainingSettings, *, validated: bool) -> None:
        settings.check_measured(validated=validated, track_accuracy=settings.track_accuracy)
        self._settings = settings
        self._metric = settings.monitored(validated=validated)
        self._of = VALIDATION if validated else ""
        self._best = math.inf
        self._waited = 0
        self.best_epoch: int | None = None

    def improves(self, record: EpochRecord) -> bool:
        """Return whether a whole epoch is the best so far, by more than `min_delta`."""
        figure = float(getattr(record, self._metric))
        # Of an accuracy more is better, of a loss less.
        figure = -figure if self._metric.endswith(ACCURACY) else figure
        better = figure < self._best - self._settings.min_delta
        self._waited = 0 if better else self._waited + 1
        if better:
            self._best, self.best_epoch = figure, record.epoch
        return better

    def reason(self, record: EpochRecord) -> str | None:
        """Return what ends the training after this epoch, by the name of its setting."""
        settings = self._settings
        loss = getattr(record, self._of + LOSS)
        if settings.target_loss is not None and loss <= settings.target_loss:
            return TARGET_LOSS
        accuracy = getattr(record, self._of + ACCURACY)
        if settings.target_accuracy is not None and accuracy >= settings.target_accuracy:
            return TARGET_ACCURACY
        if settings.patience is not None and self._waited >= settings.patience:
            return PATIENCE
        return None
