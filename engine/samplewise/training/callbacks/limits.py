"""Limits on the steps and the seconds of a training."""

from __future__ import annotations

import time

from samplewise.contract.state import step_count

MAX_STEPS, MAX_SECONDS = "max_steps", "max_seconds"


class Limits:
    """The limits of a training on rows in batches; None limits nothing."""

    def __init__(
        self, rows: int, batch_size: int, max_steps: int | None, max_seconds: float | None
    ) -> None:
        self._rows, self._batch_size = rows, batch_size
        self._max_steps, self._max_seconds = max_steps, max_seconds
        self._began = 0.0

    def begin(self, seconds: float = 0.0) -> None:
        """Start the clock, with the seconds that an interrupted training took already."""
        self._began = time.monotonic() - seconds

    @property
    def seconds(self) -> float:
        """Seconds since the first step, without those of an interruption."""
        return time.monotonic() - self._began

    def rows_of_epoch(self, epoch: int) -> int:
        """Return the rows that an epoch, counted from 1, may run: all, or whole batches."""
        if self._max_steps is None:
            return self._rows
        left = self._max_steps - self._steps(epoch, 0)
        return min(left * self._batch_size, self._rows)

    def _steps(self, epoch: int, position: int) -> int:
        """Return the steps before a position in an epoch; all epochs before it were whole."""
        whole, part = (step_count(rows, self._batch_size) for rows in (self._rows, position))
        return (epoch - 1) * whole + part

    def reached(self, epoch: int, position: int) -> str | None:
        """Return the limit that is reached, by the name of its setting; None where none is."""
        if self._max_steps is not None and self._steps(epoch, position) >= self._max_steps:
            return MAX_STEPS
        if self._max_seconds is not None and self.seconds >= self._max_seconds:
            return MAX_SECONDS
        return None
