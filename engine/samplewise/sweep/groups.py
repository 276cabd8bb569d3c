"""Trials that may train at once, in groups that take seconds each."""

from __future__ import annotations

from collections import deque
from collections.abc import Hashable, Iterable, Sequence
from dataclasses import dataclass
from itertools import islice

import numpy as np
from numpy.typing import NDArray

from samplewise.errors import ParameterError
from samplewise.experiment.run import network_and_loss
from samplewise.sweep.computed import Computed
from samplewise.sweep.journal import Entry
from samplewise.sweep.rows import SweepRows, cut_of
from samplewise.sweep.trials import Trial, Trials, named
from samplewise.training.prerequisites import loss_for
from samplewise.training.shared import shared_key

GROUP_S = 4.0
"""Seconds that a group should take: a stop waits for it, and a crash loses it."""
FIRST, MOST = 8, 64
"""Networks of the first group, which is measured, and of any group at most.

Of the report's network, in widths from 1 to 60, groups of 8 to 32 took the least time for each, and
64 a little more: what a group keeps no longer fits the caches.
"""
AHEAD = 2048
"""Trials that are looked at before they are taken, to find those that may train at once."""
EPOCH_PARAMETERS = 1_000
"""Parameters whose steps take about as long as all else in an epoch of a network."""


@dataclass(frozen=True)
class PlannedTrial:
    """A trial that is to be trained.

    Args:
        trial: of the sweep.
        shares: equal for trials that may train at once; None for one that trains by itself.
        parameters: of its network; None where the trial is not valid.
        epochs: that it trains now; None for all.
        error: why the trial is not valid; None where it is.
    """

    trial: Trial
    shares: Hashable
    parameters: int | None
    epochs: int | None = None
    error: str | None = None

    @property
    def work(self) -> int:
        """Measure of its time, to hold against that of other trials."""
        epochs = self.epochs or self.trial.experiment.training.epochs
        return epochs * ((self.parameters or 0) + EPOCH_PARAMETERS)


def planned_trials(trials: Iterable[Trial], rows: SweepRows) -> list[PlannedTrial]:
    """Return trials with their networks looked at, and nothing trained.

    Raises:
        ParameterError: a candidate does not fit the rows; the message names it.
    """
    return [_planned(trial, rows) for trial in trials]


def _planned(trial: Trial, rows: SweepRows) -> PlannedTrial:
    try:
        network, loss = network_and_loss(trial.experiment, rows.example(trial.experiment))
        loss_for(network, trial.experiment.training)
    except ParameterError as error:
        raise type(error)(
            f"candidate {trial.candidate} ({named(trial.values)}): {error}"
        ) from error
    shared = shared_key(network, loss, trial.experiment.training)
    shares = None if shared is None else (cut_of(trial.experiment), shared)
    return PlannedTrial(trial, shares, network.layout.parameters)


class PlannedTrials(Computed[PlannedTrial]):
    """The trials of a sweep with their networks looked at, each when it is asked for."""

    def __init__(self, trials: Trials, rows: SweepRows) -> None:
        super().__init__(len(trials))
        self.trials, self._rows = trials, rows

    def _item(self, index: int) -> PlannedTrial:
        return _planned(self.trials[index], self._rows)

    def check(self) -> None:
        """Look at the trials that are checked before the first is trained.

        Raises:
            ParameterError: a candidate does not fit the rows; the message names it.
        """
        for index in self.trials.checked():
            self[index]

    def together(self, indices: NDArray[np.int64]) -> NDArray[np.int64]:
        """Return trials so that those that may train at once are near each other.

        Args:
            indices: of the trials, rising; no more than `AHEAD` stay as they are.
        """
        if len(indices) <= AHEAD:
            return indices
        apart = [
            indices // step % values
            for step, values in self.trials.steps
            if values > 1 and self._parts(step)
        ]
        return indices[np.lexsort((indices, *reversed(apart)))]

    def _parts(self, step: int) -> bool:
        """Return True if a trial may not train with the first one."""
        try:
            return self[0].shares != self[step].shares
        except ParameterError:
            return False


class RemainingTrials(Computed[PlannedTrial]):
    """Some trials of a plan; one that turns out not to be valid has its error."""

    def __init__(self, plan: PlannedTrials, indices: NDArray[np.int64]) -> None:
        super().__init__(len(indices))
        self._plan, self._indices = plan, indices

    def _item(self, index: int) -> PlannedTrial:
        place = int(self._indices[index])
        try:
            return self._plan[place]
        except ParameterError as error:
            return PlannedTrial(self._plan.trials.stand_in(place), None, None, error=str(error))


class Groups:
    """Takes the groups one after the other, each as long as the last one's time suggests.

    Args:
        planned: the trials to train; no more than `AHEAD` are looked at before they are taken.
        seconds_of_work: as measured before; None where nothing was.
    """

    def __init__(
        self, planned: Sequence[PlannedTrial], seconds_of_work: float | None = None
    ) -> None:
        self._buckets: dict[Hashable, deque[PlannedTrial]] = {}
        self._planned, self._count = iter(planned), len(planned)
        self._seen = self._waiting = 0
        self._work_seen = self._work_taken = 0
        self.seconds_of_work = seconds_of_work
        self._look_ahead()

    def _look_ahead(self) -> None:
        for one in islice(self._planned, AHEAD - self._waiting):
            key = ("alone", self._seen) if one.shares is None else one.shares
            self._buckets.setdefault(key, deque()).append(one)
            self._seen += 1
            self._waiting += 1
            self._work_seen += one.work

    @property
    def mean_work(self) -> float:
        """Mean work of the trials that were looked at."""
        return self._work_seen / max(self._seen, 1)

    @property
    def seconds_left(self) -> float | None:
        """Estimated time of all trials that are left; None before the first group has ended."""
        return self.seconds_with(0.0)

    def seconds_with(self, later: float) -> float | None:
        """Return the estimated time of all trials that are left, and of so much work after them."""
        if self.seconds_of_work is None:
            return None
        return self.seconds_of_work * (self.mean_work * self._count - self._work_taken + later)

    def take(self) -> list[PlannedTrial]:
        """Return the next group; empty where none is left."""
        self._look_ahead()
        if not self._buckets:
            return []
        key = self._next_key()
        bucket = self._buckets[key]
        group = [bucket.popleft() for _ in range(self._size(bucket))]
        self._waiting -= len(group)
        self._work_taken += sum(one.work for one in group)
        if not bucket:
            del self._buckets[key]
        return group

    def _next_key(self) -> Hashable:
        """Return the bucket that fills most of a group; once all trials are seen, the first one."""
        if self._seen == self._count:
            return next(iter(self._buckets))
        return max(self._buckets, key=lambda key: min(len(self._buckets[key]), MOST))

    @property
    def is_finished(self) -> bool:
        """True once an empty group means that no other will come."""
        return not self._buckets and self._seen == self._count

    def took(self, group: Sequence[PlannedTrial], entries: Sequence[Entry], seconds: float) -> None:
        """Note the time of a group.

        Args:
            group: as `take` returned it; several may be out at once.
            entries: its lines of the journal.
            seconds: that it took; 0 where it was lost.
        """
        if seconds:
            self.seconds_of_work = seconds / sum(one.work for one in group)

    def _size(self, bucket: deque[PlannedTrial]) -> int:
        if self.seconds_of_work is None:
            return min(FIRST, len(bucket))
        size, seconds = 0, 0.0
        for one in islice(bucket, MOST):
            seconds += one.work * self.seconds_of_work
            if size and seconds > GROUP_S:
                break
            size += 1
        return size
