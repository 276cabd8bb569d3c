"""Schedules by epoch: all steps of an epoch have one rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import not_negative, open_fraction, positive_number
from samplewise.errors import CombinationError
from samplewise.options.fields import documented, option
from samplewise.options.kinds import number, whole
from samplewise.text import counted
from samplewise.training.schedules.base import (
    Rates,
    RunLength,
    Schedule,
    check_final_rate,
    over_power,
)

FACTOR = number(open_fraction)


@documented
@dataclass(frozen=True, kw_only=True)
class Constant(Schedule):
    """eta."""

    name: ClassVar[str] = "constant"


@documented
@dataclass(frozen=True, kw_only=True)
class Step(Schedule):
    """By epoch: eta decay^k after k times `every` epochs.

    Raises:
        CombinationError: `every` is not given.
    """

    every: int | None = option(
        None,
        whole(),
        "epochs from one drop of the rate to the next",
        shown="none; required by step",
    )
    decay: float = option(0.1, FACTOR, "factor of each drop of the rate, in (0, 1)")

    name: ClassVar[str] = "step"

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.every is None:
            raise CombinationError(
                "every: must be given for schedule step, got none; write, say, every=10 for a "
                "drop of the rate every 10 epochs"
            )

    def check(self, eta: float, run: RunLength) -> None:
        """Refuse a run that ends before the first drop."""
        super().check(eta, run)
        every = self.every or 1
        if every * run.steps_an_epoch >= run.steps:
            raise CombinationError(
                f"every is {counted(every, 'epoch')}, but the run has {run}: the rate would never "
                "drop; use a smaller every, or schedule constant"
            )

    def _of_epoch(self, eta: float, first: int, epoch: int, run: RunLength) -> Rates | float:
        return eta * self.decay ** ((epoch - 1) // (self.every or 1))


@documented
@dataclass(frozen=True, kw_only=True)
class Exponential(Schedule):
    """By epoch: eta decay^(epoch - 1)."""

    decay: float = option(0.9, FACTOR, "factor of the rate after each epoch, in (0, 1)")

    name: ClassVar[str] = "exponential"

    def _of_epoch(self, eta: float, first: int, epoch: int, run: RunLength) -> Rates | float:
        return float(eta * self.decay ** (epoch - 1))


@documented
@dataclass(frozen=True, kw_only=True)
class Plateau(Schedule):
    """By epoch: times `decay` where the monitored figure has not improved for some epochs.

    Which figure that is, and what counts as an improvement, say the settings `monitor` and
    `min_delta` of early stopping. The count starts anew with every drop.
    """

    plateau_epochs: int = option(
        5, whole(), "epochs in a row without improvement before the rate drops"
    )
    decay: float = option(0.1, FACTOR, "factor of each drop of the rate, in (0, 1)")
    final_rate: float = option(0.0, number(not_negative), "lowest learning rate, at least 0")
    stop_rate: float | None = option(
        None,
        number(not_negative),
        "stop the training instead of dropping a rate that is at most this",
        shown="never",
    )

    name: ClassVar[str] = "plateau"

    def check(self, eta: float, run: RunLength) -> None:
        """Refuse a run that ends before the rate could fall, and a rate that cannot fall."""
        super().check(eta, run)
        check_final_rate(self.final_rate, eta)
        if self.plateau_epochs * run.steps_an_epoch >= run.steps:
            raise CombinationError(
                f"plateau_epochs is {self.plateau_epochs}, but the run has {run}: the rate would "
                "never drop; use fewer plateau_epochs, or schedule constant"
            )

    def fallen(self, eta: float, falls: int) -> float:
        """Return the rate after a number of drops."""
        return max(eta * self.decay**falls, self.final_rate)

    def ends(self, eta: float, falls: int) -> bool:
        """Return True if the training stops instead of one more drop after these."""
        return self.stop_rate is not None and self.fallen(eta, falls) <= self.stop_rate


@documented
@dataclass(frozen=True, kw_only=True)
class InverseRows(Schedule):
    """By epoch: eta / (s + 1)^power, with s rows trained on before; the first epoch has eta.

    s counts the rows of this run and `rows_seen`. Source: scikit-learn's `invscaling`.
    """

    power: float = option(0.5, number(positive_number), "power of the row count, above 0")
    rows_seen: int = option(0, whole(minimum=0), "rows that were trained on before this run")

    name: ClassVar[str] = "inverse_rows"

    def _of_epoch(self, eta: float, first: int, epoch: int, run: RunLength) -> Rates | float:
        if epoch == 1:
            return eta
        seen = self.rows_seen + (epoch - 1) * run.rows
        return over_power(eta, seen + 1, self.power)
