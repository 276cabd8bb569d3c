"""Epochs that nothing looks at: they may run one after the other, and be measured then."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from numpy.typing import NDArray

from samplewise.contract import Steps
from samplewise.training import divergence
from samplewise.training.batches import samples_at_once
from samplewise.training.ran_epoch import RanEpoch, find_means
from samplewise.training.schedules import Plateau
from samplewise.training.session import Session
from samplewise.training.training_run import TrainingRun

LOSSES_AT_ONCE = 2**20
"""Losses, of all networks, of epochs that are run before they are measured: 8 MiB, and as many
decisions."""
REDONE_AT_ONCE = 16
"""Epochs of a call that may have to be run again, one by one: a network diverges whose weights are
in its state. Of short epochs there may be more, by `samples_at_once`."""
ROWS_OF_SHORT_EPOCHS = 64
"""Rows by which shorter epochs count. To plan an epoch of a network and measure it takes 25 us and
1.3 KB whatever its rows: at most 0.4 s and 22 MB at once."""


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


def epochs_at_once(session: Session, rows: int, *, shuffles: bool) -> int:
    """Return the maximum epochs of so many rows after which an interrupt still acts soon.

    It is 1 where a state that was kept before them would not be all that there is to go back to, or
    where one epoch takes several chunks.

    Args:
        session: compiled.
        rows: of an epoch.
        shuffles: whether the order changes every epoch.
    """
    networks, chunk, in_place = session.networks, session.chunk_samples, session.plan.in_place
    if not session.runs_epochs:
        return max(samples_at_once(networks) // rows, 1) if in_place and rows <= chunk else 1
    # Of a call, an interrupt waits for one epoch only, and until all are planned and measured.
    counted = max(rows, ROWS_OF_SHORT_EPOCHS)
    known = LOSSES_AT_ONCE // (len(networks) * counted)
    if not in_place:
        return max(known, 1) if not shuffles and rows <= 2 * chunk else 1
    redone = max(samples_at_once(networks) // counted, REDONE_AT_ONCE)
    return max(min(redone, known), 1) if rows <= chunk else 1


def are_sound(
    runs: Sequence[TrainingRun],
    losses: Sequence[NDArray[Any]],
    taken: Sequence[Sequence[tuple[TrainingRun, RanEpoch]]],
) -> bool:
    """Return whether epochs have left finite numbers, in the states too; count their steps then.

    Args:
        runs: that have trained.
        losses: of each of them, (epochs, n).
        taken: what each epoch left.
    """
    sound = all(run.check_epochs(own) for run, own in zip(runs, losses, strict=True))
    if not sound or not all(ran.has_small_penalties for epoch in taken for _, ran in epoch):
        return False
    for run, own in zip(runs, losses, strict=True):
        run.count_epochs(own)
    return True


def find_figures(taken: Sequence[Sequence[tuple[TrainingRun, RanEpoch]]]) -> None:
    """Find what measuring needs of epochs of the same networks, faster for many than for each."""
    for of_network in zip(*taken, strict=True):
        running, ran = of_network[0][0].evaluation.running, [epoch for _, epoch in of_network]
        if running is not None:
            running.count(ran)
        find_means(ran)


def check_losses(
    runs: Sequence[TrainingRun], epoch: int, steps: Sequence[Steps], losses: NDArray[Any]
) -> None:
    """Count and check the steps of an epoch whose losses are all that there is to see of it yet.

    Args:
        runs: that have trained.
        epoch: counted from 1.
        steps: of the epoch, of each network.
        losses: of each network, (networks, n).
    """
    # A look at all takes as long as one at the losses of four networks.
    sound = divergence.are_small(losses.ravel())
    for run, own, seen in zip(runs, steps, losses, strict=True):
        if run.error is not None:
            continue
        if sound:
            run.count_chunk(own)
        else:
            run.check_chunk(epoch, own, seen)
