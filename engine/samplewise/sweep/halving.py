"""Successive halving: the groups of a sweep with rungs, one rung after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from samplewise.sweep.candidates import PAUSED, best_first
from samplewise.sweep.groups import Groups, PlannedTrial, PlannedTrials, RemainingTrials
from samplewise.sweep.journal import Entry
from samplewise.sweep.rungs import Rungs
from samplewise.sweep.snapshots import Snapshots


class Halving:
    """Takes the groups of the trials that are left in a rung, once the rung before is done.

    Which rung a sweep is in follows from the entries of its journal alone. Candidates count from 0.

    Args:
        plan: of all trials of the sweep.
        rungs: of the sweep.
        entries: of its journal, those of failed trials only where these are not repeated.
        snapshots: of its paused trials.
    """

    def __init__(
        self, plan: PlannedTrials, rungs: Rungs, entries: Iterable[Entry], snapshots: Snapshots
    ) -> None:
        self._plan, self._rungs, self._snapshots = plan, rungs, snapshots
        self._seeds = len(plan) // len(plan.trials.points)
        # By the index of the trial; None where an entry belongs to no trial.
        self._entries: dict[int | None, list[Entry]] = {}
        self._note(entries)
        self._out = 0
        self._groups = Groups(())
        self._later_epochs = 0.0
        self.is_finished = False
        self._advance()

    @property
    def seconds_left(self) -> float | None:
        """Estimated time of all rungs that are left; None before the first group has ended."""
        return self._groups.seconds_with(self._groups.mean_work * self._later_epochs)

    def take(self) -> list[PlannedTrial]:
        """Return the next group, with the snapshots to go on from; empty where none is ready."""
        if self._groups.is_finished and not self._out:
            self._advance()
        group = [self._with_snapshot(one) for one in self._groups.take()]
        self._out += bool(group)
        return group

    def took(self, group: Sequence[PlannedTrial], entries: Sequence[Entry], seconds: float) -> None:
        """Note the time and the entries of a group."""
        self._out -= 1
        self._note(entries)
        self._groups.took(group, entries, seconds)

    def _note(self, entries: Iterable[Entry]) -> None:
        for entry in entries:
            self._entries.setdefault(self._plan.trials.place(entry), []).append(entry)

    def _advance(self) -> None:
        """Find the first rung with trials to train, or the end."""
        left, begin = np.arange(len(self._plan.trials.points)), 0
        for end in self._rungs.ends:
            trials = self._trials_of(left)
            missing = np.array([i for i in trials if not self._has_reached(i, end)], np.int64)
            if len(missing):
                self._keep_snapshots(trials, begin, end)
                self._groups = Groups(
                    _InRung(self._plan, self._plan.together(missing), begin, end),
                    self._groups.seconds_of_work,
                )
                self._later_epochs = self._epochs_after(end, len(left)) / (end - begin)
                return
            left, begin = self._best(left, end), end
        self._snapshots.keep(())
        self.is_finished = True

    def _trials_of(self, candidates: NDArray[np.int64]) -> list[int]:
        each = candidates[:, None] * self._seeds + np.arange(self._seeds)
        found: list[int] = each.ravel().tolist()
        return found

    def _has_reached(self, trial: int, end: int) -> bool:
        entries = self._entries.get(trial, [])
        return any(entry["status"] != PAUSED or entry["until"] >= end for entry in entries)

    def _keep_snapshots(self, trials: Iterable[int], begin: int, end: int) -> None:
        """Keep what a rung goes on from, and what it has paused for the next."""
        # A trial without a line in the journal has neither.
        self._snapshots.keep(
            {
                (entries[0]["key"], end if self._has_reached(trial, end) else begin)
                for trial in trials
                if (entries := self._entries.get(trial))
            }
        )

    def _with_snapshot(self, one: PlannedTrial) -> PlannedTrial:
        begin = (one.trial.until or 0) - (one.epochs or 0)
        if begin == 0:
            return one
        initial = self._snapshots.load((one.trial.key, begin))
        return dataclasses.replace(one, trial=dataclasses.replace(one.trial, initial=initial))

    def _best(self, left: NDArray[np.int64], end: int) -> NDArray[np.int64]:
        """Return the candidates that go on after a rung."""
        entries = {
            number: [self._entry(trial, end) for trial in self._trials_of(np.array([number]))]
            for number in left.tolist()
        }
        going_on = best_first(entries)[: self._rungs.going_on(len(left))]
        return np.array(sorted(going_on), np.int64)

    def _entry(self, trial: int, end: int) -> Entry:
        """Return the last entry of a trial up to a rung; those of later rungs do not count."""
        entries = self._entries[trial]
        # None where that line of the journal was damaged.
        return next((one for one in reversed(entries) if one["until"] <= end), entries[0])

    def _epochs_after(self, end: int, candidates: int) -> int:
        """Return the epochs that all trials train in later rungs, after one of some candidates."""
        epochs = 0
        for begin, next_end in pairwise(self._rungs.ends):
            if begin >= end:
                candidates = self._rungs.going_on(candidates)
                epochs += candidates * self._seeds * (next_end - begin)
        return epochs


class _InRung(RemainingTrials):
    """Some trials of a plan, in one rung."""

    def __init__(
        self, plan: PlannedTrials, indices: NDArray[np.int64], begin: int, end: int
    ) -> None:
        super().__init__(plan, indices)
        self._begin, self._end = begin, end

    def _item(self, index: int) -> PlannedTrial:
        one = super()._item(index)
        trial = dataclasses.replace(one.trial, until=self._end)
        return dataclasses.replace(one, trial=trial, epochs=self._end - self._begin)
