"""Successive halving: the groups of a sweep with rungs, one rung after the other."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from itertools import pairwise

from samplewise.sweep.candidates import PAUSED
from samplewise.sweep.groups import Groups, Planned
from samplewise.sweep.journal import Entry
from samplewise.sweep.objective import best_first
from samplewise.sweep.rungs import Rungs
from samplewise.sweep.snapshots import Snapshots

Candidates = dict[int, list[Planned]]


class Halving:
    """Takes the groups of the trials that are left in a rung, once the rung before is done.

    Which rung a sweep is in follows from the entries of its journal alone.

    Args:
        planned: all trials of the sweep.
        rungs: of the sweep.
        entries: of its journal, those of failed trials only where these are not repeated.
        snapshots: of its paused trials.
    """

    def __init__(
        self,
        planned: Sequence[Planned],
        rungs: Rungs,
        entries: Sequence[Entry],
        snapshots: Snapshots,
    ) -> None:
        self._rungs, self._snapshots = rungs, snapshots
        self._candidates: Candidates = {}
        for one in planned:
            self._candidates.setdefault(one.trial.candidate, []).append(one)
        self._entries: dict[str, list[Entry]] = {}
        self._note(entries)
        self._out = 0
        self._groups = Groups(())
        self._later_work = 0
        self.is_finished = False
        self._advance()

    @property
    def are_measured(self) -> bool:
        """True once the time of a group is known."""
        return self._groups.are_measured

    @property
    def seconds_left(self) -> float | None:
        """Estimated time of all rungs that are left; None before the first group has ended."""
        of_rung, of_work = self._groups.seconds_left, self._groups.seconds_of_work
        if of_rung is None or of_work is None:
            return None
        return of_rung + of_work * self._later_work

    def take(self) -> list[Planned]:
        """Return the next group, with the snapshots to go on from; empty where none is ready."""
        if self._groups.is_finished and not self._out:
            self._advance()
        group = [self._with_snapshot(one) for one in self._groups.take()]
        self._out += bool(group)
        return group

    def took(self, group: Sequence[Planned], entries: Sequence[Entry], seconds: float) -> None:
        """Note the time and the entries of a group."""
        self._out -= 1
        self._note(entries)
        self._groups.took(group, entries, seconds)

    def _note(self, entries: Sequence[Entry]) -> None:
        for entry in entries:
            self._entries.setdefault(entry["key"], []).append(entry)

    def _advance(self) -> None:
        """Find the first rung with trials to train, or the end."""
        left, begin = self._candidates, 0
        for end in self._rungs.ends:
            trials = [one for trials in left.values() for one in trials]
            missing = [one for one in trials if not self._has_reached(one, end)]
            if missing:
                # Trials that have reached this rung are needed by the next one.
                keys = {one.trial.key for one in missing}
                self._snapshots.keep(
                    {(one.trial.key, begin if one.trial.key in keys else end) for one in trials}
                )
                self._groups = Groups(
                    [self._in_rung(one, begin, end) for one in missing],
                    self._groups.seconds_of_work,
                )
                self._later_work = self._work_after(end, left)
                return
            left, begin = self._best(left, end), end
        self._snapshots.keep(())
        self.is_finished = True

    def _has_reached(self, one: Planned, end: int) -> bool:
        entries = self._entries.get(one.trial.key, [])
        return any(entry["status"] != PAUSED or entry["until"] >= end for entry in entries)

    def _in_rung(self, one: Planned, begin: int, end: int) -> Planned:
        trial = dataclasses.replace(one.trial, until=end)
        return dataclasses.replace(one, trial=trial, epochs=end - begin)

    def _with_snapshot(self, one: Planned) -> Planned:
        begin = (one.trial.until or 0) - (one.epochs or 0)
        if begin == 0:
            return one
        initial = self._snapshots.load((one.trial.key, begin))
        return dataclasses.replace(one, trial=dataclasses.replace(one.trial, initial=initial))

    def _best(self, left: Candidates, end: int) -> Candidates:
        """Return the candidates that go on after a rung."""
        entries = {
            number: [self._entry(one, end) for one in trials] for number, trials in left.items()
        }
        going_on = best_first(entries)[: self._rungs.going_on(len(left))]
        return {number: left[number] for number in sorted(going_on)}

    def _entry(self, one: Planned, end: int) -> Entry:
        """Return the last entry of a trial up to a rung; those of later rungs do not count."""
        entries = self._entries[one.trial.key]
        # None where that line of the journal was damaged.
        return next((one for one in reversed(entries) if one["until"] <= end), entries[0])

    def _work_after(self, end: int, left: Candidates) -> int:
        """Estimate the work of later rungs, as if the candidates that go on were the mean ones."""
        ends, count = self._rungs.ends, len(left)
        parameters = sum(one.parameters or 0 for trials in left.values() for one in trials) / count
        work = 0.0
        for begin, next_end in pairwise(ends):
            if begin >= end:
                count = self._rungs.going_on(count)
                work += count * parameters * (next_end - begin)
        return round(work)
