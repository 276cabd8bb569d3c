"""Epochs that nothing looks at: they may run one after the other, and be measured then."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.training.schedules import Plateau
from samplewise.training.training_run import TrainingRun


def is_watched(run: TrainingRun) -> bool:
    """Return True if something looks at the weights after each epoch, or changes the next one."""
    measured = run.evaluation.predicts or run.average.is_wanted or run.best.is_wanted
    changes = isinstance(run.settings.schedule, Plateau) or run.settings.augment is not None
    limited = run.settings.max_steps is not None or run.settings.max_seconds is not None
    return measured or changes or limited or run.callbacks.look_at_epochs


def epochs_unwatched(runs: Sequence[TrainingRun], epoch: int) -> int:
    """Return the epochs after which the training of one of the networks may end.

    Args:
        runs: none of them watched.
        epoch: the first of these epochs, counted from 1.
    """
    return min(
        int(min(run.settings.epochs - epoch + 1, run.early_stopping.epochs_left)) for run in runs
    )
