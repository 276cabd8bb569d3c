"""Learning-rate schedules: their common base, and the length of a run."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, TypeAlias

from samplewise.errors import CombinationError
from samplewise.lazy import np
from samplewise.options.arguments import CheckedOptions
from samplewise.options.fields import documented, option
from samplewise.options.kinds import whole
from samplewise.text import counted

if TYPE_CHECKING:
    from numpy.typing import NDArray

Rates: TypeAlias = "NDArray[np.float64]"


@dataclass(frozen=True)
class RunLength:
    """The length of a training run.

    Args:
        epochs: maximum number of epochs.
        steps_an_epoch: number of steps in each.
        most_steps: limit on the steps of all epochs; None for no limit.
        rows: trained on in each epoch.
    """

    epochs: int
    steps_an_epoch: int
    most_steps: int | None = None
    rows: int = 0

    @property
    def steps(self) -> int:
        """Steps of the run."""
        whole = self.epochs * self.steps_an_epoch
        return whole if self.most_steps is None else min(whole, self.most_steps)

    def __str__(self) -> str:
        limit = "" if self.most_steps is None else f", max_steps {self.most_steps}"
        epochs = f"{counted(self.epochs, 'epoch')} of {self.steps_an_epoch:,}{limit}"
        return f"{counted(self.steps, 'step')} ({epochs})"


@documented
@dataclass(frozen=True, kw_only=True)
class Schedule(CheckedOptions):
    """The warm-up, which all schedules share.

    Raises:
        ParameterError: a value is out of its range.
    """

    warmup_steps: int = option(
        0,
        whole(minimum=0),
        "steps at the start in which the learning rate rises linearly; 0 for none",
    )

    ELSEWHERE: ClassVar[dict[str, str]] = {"learning_rate": "TrainingSettings"}
    name: ClassVar[str]

    @property
    def varies_in_epoch(self) -> bool:
        """True if steps of an epoch may differ in their rate."""
        return self.warmup_steps > 0

    def check(self, eta: float, run: RunLength) -> None:
        """Refuse a run that is too short for the schedule, or a rate that does not fit it.

        Raises:
            CombinationError: with the numbers.
        """
        if self.warmup_steps >= run.steps:
            raise CombinationError(
                f"warmup_steps is {self.warmup_steps}, but the run has {run}; warm up for fewer "
                "steps, or train for more epochs"
            )

    def of_epoch(self, eta: float, epoch: int, run: RunLength) -> Rates | float:
        """Return the rate of each step of an epoch, or the one rate of all.

        Args:
            eta: the learning rate that is scheduled.
            epoch: counted from 1.
            run: as `check` accepted it.
        """
        first = (epoch - 1) * run.steps_an_epoch
        if first >= self.warmup_steps:
            return self._of_epoch(eta, first, epoch, run)
        t = np.arange(first, first + run.steps_an_epoch)
        warm = np.minimum((t + 1) / (self.warmup_steps + 1), 1.0)
        return warm * self._of_epoch(eta, first, epoch, run)

    def _of_epoch(self, eta: float, first: int, epoch: int, run: RunLength) -> Rates | float:
        """Return the rates without the warm-up; `first` is the first step of the epoch."""
        return eta


def over_power(eta: float, count: int, power: float) -> float:
    """Return eta / count^power; 0 where the power is beyond the largest float64."""
    try:
        return float(eta / count**power)
    except OverflowError:
        return 0.0


def check_final_rate(final_rate: float, eta: float) -> None:
    """Refuse a final rate that is not below the first one.

    Raises:
        CombinationError: with both numbers.
    """
    if final_rate >= eta:
        raise CombinationError(
            f"final_rate is {final_rate}, but learning_rate is {eta}; use a smaller final_rate"
        )
