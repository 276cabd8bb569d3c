"""Trials that may train at once, in groups that take seconds each."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from itertools import islice

from samplewise.errors import ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.run import network_and_loss
from samplewise.network import Loss, Network
from samplewise.sweep.definition import Trial, named
from samplewise.sweep.journal import Entry
from samplewise.sweep.rows import SweepRows, cut_of
from samplewise.training.shared import shared_key
from samplewise.training.train import loss_for

GROUP_S = 4.0
"""Seconds that a group should take: a stop waits for it, and a crash loses it."""
FIRST, MOST = 8, 64
"""Networks of the first group, which is measured, and of any group at most.

Of the report's network, in widths from 1 to 60, groups of 8 to 32 took the least time for each, and
64 a little more: what a group keeps no longer fits the caches.
"""
EPOCH_PARAMETERS = 1_000
"""Parameters whose steps take about as long as all else in an epoch of a network."""


@dataclass(frozen=True)
class Planned:
    """A trial that is to be trained.

    Args:
        trial: of the sweep.
        shares: equal for trials that may train at once; None for one that trains by itself.
        parameters: of its network.
        epochs: that it trains now; None for all.
    """

    trial: Trial
    shares: Hashable
    parameters: int
    epochs: int | None = None

    @property
    def work(self) -> int:
        """Measure of its time, to hold against that of other trials."""
        epochs = self.epochs or self.trial.experiment.training.epochs
        return epochs * (self.parameters + EPOCH_PARAMETERS)


def plan(trials: Sequence[Trial], rows: SweepRows) -> list[Planned]:
    """Return the trials with their networks looked at, and nothing trained.

    Raises:
        ParameterError: a candidate does not fit the rows; the message names it.
    """
    planned = []
    for trial in trials:
        try:
            network, loss = network_and_loss(trial.experiment, rows.example(trial.experiment))
            loss_for(network, trial.experiment.training)
        except ParameterError as error:
            raise type(error)(
                f"candidate {trial.candidate} ({named(trial.values)}): {error}"
            ) from error
        shares = _shared(trial.experiment, network, loss)
        planned.append(Planned(trial, shares, network.layout.parameters))
    return planned


def _shared(experiment: Experiment, network: Network, loss: Loss) -> Hashable:
    """Return a key of all that networks of one `train_many` share, None where it takes one only."""
    shared = shared_key(network, loss, experiment.training)
    return None if shared is None else (cut_of(experiment), shared)


class Groups:
    """Takes the groups one after the other, each as long as the last one's time suggests.

    Args:
        planned: the trials to train.
        seconds_of_work: as measured before; None where nothing was.
    """

    def __init__(self, planned: Sequence[Planned], seconds_of_work: float | None = None) -> None:
        buckets: dict[Hashable, deque[Planned]] = {}
        for number, one in enumerate(planned):
            key = ("alone", number) if one.shares is None else one.shares
            buckets.setdefault(key, deque()).append(one)
        self._buckets = deque(buckets.values())
        self._work_left = sum(one.work for one in planned)
        self.seconds_of_work = seconds_of_work

    @property
    def are_measured(self) -> bool:
        """True once the time of a group is known."""
        return self.seconds_of_work is not None

    @property
    def seconds_left(self) -> float | None:
        """Estimated time of all trials that are left; None before the first group has ended."""
        if self.seconds_of_work is None:
            return None
        return self.seconds_of_work * self._work_left

    def take(self) -> list[Planned]:
        """Return the next group; empty where none is left."""
        if not self._buckets:
            return []
        bucket = self._buckets[0]
        group = [bucket.popleft() for _ in range(self._size(bucket))]
        self._work_left -= sum(one.work for one in group)
        if not bucket:
            self._buckets.popleft()
        return group

    @property
    def is_finished(self) -> bool:
        """True once an empty group means that no other will come."""
        return not self._buckets

    def took(self, group: Sequence[Planned], entries: Sequence[Entry], seconds: float) -> None:
        """Note the time of a group.

        Args:
            group: as `take` returned it; several may be out at once.
            entries: its lines of the journal.
            seconds: that it took; 0 where it was lost.
        """
        del entries
        if seconds:
            self.seconds_of_work = seconds / sum(one.work for one in group)

    def _size(self, bucket: deque[Planned]) -> int:
        if self.seconds_of_work is None:
            return min(FIRST, len(bucket))
        size, seconds = 0, 0.0
        for one in islice(bucket, MOST):
            seconds += one.work * self.seconds_of_work
            if size and seconds > GROUP_S:
                break
            size += 1
        return size
