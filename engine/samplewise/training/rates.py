"""The learning rates of one network's run."""

from __future__ import annotations

from samplewise.training.schedules import Plateau
from samplewise.training.schedules.base import Rates
from samplewise.training.settings.training_settings import TrainingSettings


class RunRates:
    """What the schedule gives, and how often a plateau has let it fall.

    Args:
        settings: of the run.
        rows: of the training data.

    Raises:
        CombinationError: the run is too short for the schedule.
    """

    def __init__(self, settings: TrainingSettings, rows: int) -> None:
        self._eta, self._schedule = settings.learning_rate, settings.rate_schedule
        self._run = settings.run_of(rows)
        self._falls = self._waited = 0

    def of_epoch(self, epoch: int) -> Rates | float:
        """Return the rate of each step of an epoch, counted from 1, or the one rate of all."""
        schedule, eta = self._schedule, self._eta
        if isinstance(schedule, Plateau):
            eta = schedule.fallen(eta, self._falls)
        return schedule.of_epoch(eta, epoch, self._run)

    def saw(self, *, improved: bool) -> None:
        """Take note of whether the monitored figure has improved in an epoch."""
        self._waited = 0 if improved else self._waited + 1
        if isinstance(self._schedule, Plateau) and self._waited >= self._schedule.plateau_epochs:
            self._falls, self._waited = self._falls + 1, 0
