"""The learning rates of one network's run."""

from __future__ import annotations

from dataclasses import dataclass, replace

from samplewise.training.schedules import Plateau, Schedule
from samplewise.training.schedules.base import Rates, RunLength


@dataclass(frozen=True)
class PlateauState:
    """Counters of the schedule plateau; other schedules follow from the step alone.

    Args:
        falls: how often the rate has fallen.
        waited: epochs without improvement since the last fall.
    """

    falls: int = 0
    waited: int = 0


class LearningRates:
    """The rates that a schedule gives, and how often a plateau has let them fall.

    Args:
        eta: the setting `learning_rate`.
        schedule: of the run.
        run: its length, as `schedule.check` accepted it.

    Attributes:
        state: of a plateau, which a snapshot holds.
    """

    def __init__(self, eta: float, schedule: Schedule, run: RunLength) -> None:
        self._eta, self._schedule, self._run = eta, schedule, run
        self.state = PlateauState()
        self.begin_epoch(1)

    def begin_epoch(self, epoch: int) -> None:
        """Set the rates of an epoch, counted from 1."""
        schedule, eta = self._schedule, self._eta
        if isinstance(schedule, Plateau):
            eta = schedule.fallen(eta, self.state.falls)
        self._of_epoch: Rates | float = schedule.of_epoch(eta, epoch, self._run)

    def of_steps(self, first: int, last: int) -> tuple[float, Rates | None]:
        """Return the rate of the first of some steps, and that of each where they differ.

        Args:
            first: counted from 0 in the epoch.
            last: behind the last one.
        """
        if isinstance(self._of_epoch, float):
            return self._of_epoch, None
        rates = self._of_epoch[first:last]
        return float(rates[0]), rates

    def end_epoch(self, *, improved: bool) -> str | None:
        """Let a plateau count an epoch; return a reason to stop, where the rate is low enough."""
        schedule = self._schedule
        if not isinstance(schedule, Plateau):
            return None
        waited = 0 if improved else self.state.waited + 1
        self.state = replace(self.state, waited=waited)
        if waited < schedule.plateau_epochs:
            return None
        if schedule.ends(self._eta, self.state.falls):
            return schedule.name
        self.state = PlateauState(self.state.falls + 1)
        return None
