"""Schedules by step: every step has its own rate."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar

from samplewise.checks import not_negative, positive_number
from samplewise.errors import CombinationError
from samplewise.lazy import np
from samplewise.options.fields import documented, option
from samplewise.options.kinds import number
from samplewise.training.schedules.base import Rates, RunLength, Schedule, check_final_rate


@dataclass(frozen=True, kw_only=True)
class _ByStep(Schedule):
    """A schedule by step."""

    @property
    def varies_in_epoch(self) -> bool:
        """Every step has its own rate."""
        return True

    def _of_epoch(self, eta: float, first: int, epoch: int, run: RunLength) -> Rates | float:
        t = np.arange(first, first + run.steps_an_epoch) - self.warmup_steps
        # What a limit on all steps cuts off is never run.
        T = run.steps - self.warmup_steps
        return self._at(eta, np.clip(t, 0, T).astype(np.float64), T)

    def _at(self, eta: float, t: Rates, T: int) -> Rates:
        raise NotImplementedError


FINAL_RATE = number(not_negative)
FINAL_HELP = "learning rate after the last step, at least 0 and below the first"


@documented
@dataclass(frozen=True, kw_only=True)
class Cosine(_ByStep):
    """By step: final + (eta - final) (1 + cos(pi t / T)) / 2.

    The step after the last would have the final rate. Source: Loshchilov and Hutter (2017), SGDR,
    without restarts.
    """

    final_rate: float = option(0.0, FINAL_RATE, FINAL_HELP)

    name: ClassVar[str] = "cosine"

    def check(self, eta: float, run: RunLength) -> None:
        """Refuse a final rate that is not below the first one."""
        super().check(eta, run)
        check_final_rate(self.final_rate, eta)

    def _at(self, eta: float, t: Rates, T: int) -> Rates:
        return _half_wave(eta, self.final_rate, t / T)


@documented
@dataclass(frozen=True, kw_only=True)
class OneCycle(_ByStep):
    """By step: half a cosine up from eta / 25 to eta, then half a cosine down to the final rate.

    Up are the first 30 % of the steps. Source: Smith and Topin (2018), with the shape and the
    numbers that PyTorch's OneCycleLR has by default. `final_rate` None takes eta / 250,000.
    """

    final_rate: float | None = option(
        None, FINAL_RATE, FINAL_HELP, shown="the learning rate / 250,000"
    )

    name: ClassVar[str] = "one_cycle"
    START, UP, END = 1 / 25, 0.3, 1 / 250_000

    def check(self, eta: float, run: RunLength) -> None:
        """Refuse a final rate that is not below the first, and a run too short to rise and fall."""
        super().check(eta, run)
        if self.final_rate is not None:
            check_final_rate(self.final_rate, eta)
        if run.steps - self.warmup_steps < 2:
            raise CombinationError(
                f"schedule one_cycle goes up and down, but the run has {run}; train for more steps"
            )

    def _at(self, eta: float, t: Rates, T: int) -> Rates:
        final = eta * self.END if self.final_rate is None else self.final_rate
        peak = max(round(self.UP * T), 1)
        up = _half_wave(eta * self.START, eta, np.minimum(t / peak, 1))
        down = _half_wave(eta, final, np.maximum(t - peak, 0) / (T - peak))
        return np.where(t < peak, up, down)


@documented
@dataclass(frozen=True, kw_only=True)
class InverseScaling(_ByStep):
    """By step: eta / (t + 1)^power."""

    power: float = option(0.5, number(positive_number), "power of the step count, above 0")

    name: ClassVar[str] = "inverse_scaling"

    def _at(self, eta: float, t: Rates, T: int) -> Rates:
        # A rate of 0 where the power is beyond the largest number.
        with np.errstate(over="ignore"):
            return eta / (t + 1) ** self.power


def _half_wave(start: float, end: float, share: Rates) -> Rates:
    return np.asarray(end + (start - end) * (1 + np.cos(math.pi * share)) / 2)
