"""Hooks into training."""

from __future__ import annotations

from samplewise.training.history import EpochRecord, History


class Callback:
    """Subclass and override what is needed; every hook does nothing by itself."""

    def on_compile_begin(self, backend: str) -> None:
        """Called before the program is warmed up, which may compile for seconds."""

    def on_train_begin(self, history: History) -> None:
        """Called once, after compiling and before the first epoch."""

    def on_epoch_end(self, record: EpochRecord) -> str | None:
        """Called after each epoch; return a reason to stop training, or None to go on."""
        del record
        return None

    def on_train_end(self, history: History) -> None:
        """Called once, however training ended, unless it raised."""
