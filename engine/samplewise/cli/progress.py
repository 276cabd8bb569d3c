"""The progress of a training run, on stderr: a bar on a terminal, else lines."""

from __future__ import annotations

import sys
import time
from typing import TYPE_CHECKING

from samplewise.cli import console
from samplewise.training.callbacks import Callback
from samplewise.training.history import EpochRecord, History

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

# Of more epochs than this, lines come at most once in so many seconds.
MOST_LINES, PAUSE_S = 100, 0.5


class EpochProgress(Callback):
    """Shows the epochs. A context manager: leaving it ends the bar on the screen."""

    def __init__(self) -> None:
        self._bar: Progress | None = None
        self._task: TaskID | None = None
        self._epochs = 0
        self._next_line_s = 0.0

    def __enter__(self) -> EpochProgress:
        return self

    def __exit__(self, *error: object) -> None:
        if self._bar is not None:
            self._bar.stop()

    def on_train_begin(self, history: History) -> None:
        """Show the bar, on a terminal."""
        self._epochs = int(history.settings["epochs"])
        if sys.stderr is not None and sys.stderr.isatty():
            self._show_bar()

    def _show_bar(self) -> None:
        from rich.console import Console
        from rich.progress import BarColumn, Progress, TextColumn, TimeRemainingColumn

        columns = (TextColumn("{task.description}"), BarColumn(), TimeRemainingColumn(compact=True))
        self._bar = Progress(*columns, console=Console(stderr=True))
        self._task = self._bar.add_task("training", total=self._epochs)
        self._bar.start()

    def on_epoch_end(self, record: EpochRecord) -> None:
        """Show the epoch's figures."""
        text = f"epoch {record.epoch}/{self._epochs}  loss {record.loss:.4g}"
        if record.accuracy is not None:
            text += f"  accuracy {record.accuracy:.1%}"
        if record.validation_loss is not None:
            text += f"  validation loss {record.validation_loss:.4g}"
        if record.validation_accuracy is not None:
            text += f" and accuracy {record.validation_accuracy:.1%}"
        if self._bar is not None and self._task is not None:
            self._bar.update(self._task, completed=record.epoch, description=text)
        elif self._is_shown(record.epoch):
            console.note(text)

    def _is_shown(self, epoch: int) -> bool:
        if self._epochs <= MOST_LINES or epoch == self._epochs:
            return True
        now = time.monotonic()
        if now < self._next_line_s:
            return False
        self._next_line_s = now + PAUSE_S
        return True
