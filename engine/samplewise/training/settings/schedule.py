"""The settings of the learning rate's schedule."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

from samplewise.checks import one_of
from samplewise.training.schedules import SCHEDULES, Constant, Schedule
from samplewise.training.settings.words import keep, options_of


@dataclass(frozen=True, kw_only=True)
class ScheduleSettings:
    """How the learning rate changes in the course of a run.

    Args:
        schedule: a name of `SCHEDULES`: constant; by epoch step, exponential and plateau; by step
            cosine, one_cycle and inverse_scaling.
        warmup_steps: first steps in which the rate rises linearly; 0 for none.
        decay: of step, exponential and plateau: factor of each fall, in (0, 1). None here and
            below takes what the schedule usually has.
        every: of step: epochs from one fall to the next.
        final_rate: of cosine and one_cycle: the rate at the end; of plateau, the lowest.
        power: of inverse_scaling, above 0.
        plateau_epochs: of plateau: epochs without improvement before a fall.

    Raises:
        ParameterError: a value is out of its range, or of the wrong kind.
        CombinationError: an option of another schedule is set.
    """

    schedule: str = Constant.name
    warmup_steps: int = 0
    decay: float | None = None
    every: int | None = None
    final_rate: float | None = None
    power: float | None = None
    plateau_epochs: int | None = None

    @cached_property
    def rate_schedule(self) -> Schedule:
        """The schedule."""
        return SCHEDULES[self.schedule](**options_of(self, self.schedule, SCHEDULES))

    def _check_schedule(self) -> None:
        one_of("schedule", self.schedule, SCHEDULES)
        found = self.rate_schedule
        options = options_of(self, self.schedule, SCHEDULES)
        keep(self, **{name: getattr(found, name) for name in options})
