"""How much a run may do: steps and seconds."""

from __future__ import annotations

import time

from samplewise.training.settings.training_settings import TrainingSettings

MAX_STEPS, MAX_SECONDS = "max_steps", "max_seconds"


class Budget:
    """The limits of a run on so many rows, and what is left of them.

    Args:
        settings: max_steps, max_seconds and batch_size count.
        rows: of the training data.
    """

    def __init__(self, settings: TrainingSettings, rows: int) -> None:
        self._settings, self._rows = settings, rows
        self._batch_size = min(settings.batch_size, rows)
        self._steps = 0
        self._began = time.monotonic()

    def begin(self) -> None:
        """Start the clock."""
        self._began = time.monotonic()

    def rows_of_epoch(self) -> int:
        """Return how many rows the next epoch may run: all, or whole batches."""
        most = self._settings.max_steps
        left = self._rows if most is None else (most - self._steps) * self._batch_size
        return min(left, self._rows)

    def count(self, samples: int) -> None:
        """Count the steps of a stretch."""
        self._steps += -(-samples // self._batch_size)

    def spent(self) -> str | None:
        """Return the limit that is reached, by the name of its setting; None where none is."""
        settings = self._settings
        if settings.max_steps is not None and self._steps >= settings.max_steps:
            return MAX_STEPS
        seconds = time.monotonic() - self._began
        if settings.max_seconds is not None and seconds >= settings.max_seconds:
            return MAX_SECONDS
        return None
