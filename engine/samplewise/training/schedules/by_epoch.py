"""Schedules by epoch: all steps of an epoch have one rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import not_negative, open_fraction, whole_number
from samplewise.errors import CombinationError
from samplewise.training.schedules.base import Rates, Run, Schedule, check_final_rate


@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """eta."""

    name: ClassVar[str] = "constant"


@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """By epoch: eta decay^k after k times `every` epochs.

    Args:
        every: epochs from one fall of the rate to the next, at least 1.
        decay: factor of each fall, in (0, 1).
    """

    every: int | None = None
    decay: float = 0.1

    name: ClassVar[str] = "step"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every is None:
            raise CombinationError("schedule step needs every, the epochs between two falls")
        object.__setattr__(self, "every", whole_number("every", self.every))
        object.__setattr__(self, "decay", open_fraction("decay", self.decay))

    def check(self, eta: float, run: Run) -> None:
        """Refuse a run that ends before the first fall."""
        super().check(eta, run)
        every = self.every or 1
        if every * run.steps_an_epoch >= run.steps:
            raise CombinationError(
                f"every is {every} epochs, but the run has {run}: the rate would never fall; use a "
                "smaller every, or schedule constant"
            )

    def _of_epoch(self, eta: float, first: int, epoch: int, run: Run) -> Rates | float:
        return eta * self.decay ** ((epoch - 1) // (self.every or 1))


@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """By epoch: eta decay^(epoch - 1).

    Args:
        decay: factor of each epoch, in (0, 1).
    """

    decay: float = 0.9

    name: ClassVar[str] = "exponential"

    def __post_init__(self) -> None:
        super().__post_init__()
        object.__setattr__(self, "decay", open_fraction("decay", self.decay))

    def _of_epoch(self, eta: float, first: int, epoch: int, run: Run) -> Rates | float:
        return float(eta * self.decay ** (epoch - 1))


@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """By epoch: times `decay` where the monitored figure has not improved for some epochs.

    Which figure that is, and what counts as an improvement, say the settings `monitor` and
    `min_delta`. The count starts anew with every fall.

    Args:
        plateau_epochs: epochs in a row without improvement, at least 1.
        decay: factor of each fall, in (0, 1).
        final_rate: below which the rate does not fall, at least 0.
    """

    plateau_epochs: int = 5
    decay: float = 0.1
    final_rate: float = 0.0

    name: ClassVar[str] = "plateau"

    def __post_init__(self) -> None:
        super().__post_init__()
        for field, check in (
            ("plateau_epochs", whole_number),
            ("decay", open_fraction),
            ("final_rate", not_negative),
        ):
            object.__setattr__(self, field, check(field, getattr(self, field)))

    def check(self, eta: float, run: Run) -> None:
        """Refuse a run that ends before the rate could fall, and a rate that cannot fall."""
        super().check(eta, run)
        check_final_rate(self.final_rate, eta)
        if self.plateau_epochs * run.steps_an_epoch >= run.steps:
            raise CombinationError(
                f"plateau_epochs is {self.plateau_epochs}, but the run has {run}: the rate would "
                "never fall; use fewer plateau_epochs, or schedule constant"
            )

    def fallen(self, eta: float, falls: int) -> float:
        """Return the rate after so many falls."""
        return max(eta * self.decay**falls, self.final_rate)
