"""The groups of a sweep whose candidates a sampler proposes, a batch at a time."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence

from samplewise.errors import ParameterError
from samplewise.sweep.candidates import cost, metric_of
from samplewise.sweep.definition import Sweep
from samplewise.sweep.groups import Groups, PlannedTrial, planned_trials
from samplewise.sweep.journal import Entry
from samplewise.sweep.points import Values
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.sampler import Reported, Sampler

BATCH = 8
"""Networks that are proposed at once: more train faster, fewer are chosen better."""
# Proposals that came before or cannot be trained, for each new one.
_PATIENCE = 100


class Proposals:
    """Takes the groups of one batch after the other, each proposed by the results so far.

    Args:
        sweep: with a sampler.
        rows: of the sweep.
        proposed: entries of its journal, which hold all candidates so far.
        known: those of them that count; without failures that are to be repeated.
    """

    def __init__(
        self, sweep: Sweep, rows: SweepRows, proposed: Sequence[Entry], known: Sequence[Entry]
    ) -> None:
        assert sweep.sampler is not None
        self._sweep, self._rows = sweep, rows
        self._sampler = Sampler(sweep.sampler, sweep.space, sweep.definition["sample_seed"])
        self._samples = sweep.samples
        self._entries = {entry["key"]: entry for entry in known}
        self._candidates: dict[int, list[PlannedTrial]] = {}
        self._keys: set[str] = set()
        for one in planned_trials(sweep.proposed(entry["values"] for entry in proposed), rows):
            self._candidates.setdefault(one.trial.candidate, []).append(one)
            self._keys.add(one.trial.key)
        planned = [one for trials in self._candidates.values() for one in trials]
        self._groups = Groups([one for one in planned if one.trial.key not in self._entries])

    @property
    def is_finished(self) -> bool:
        """True once an empty group means that no other will come."""
        return self._groups.is_finished and len(self._candidates) >= self._samples

    @property
    def seconds_left(self) -> float | None:
        """Estimated time, as if later candidates were like those so far; None before the first."""
        work = sum(one.work for trials in self._candidates.values() for one in trials)
        later = self._samples - len(self._candidates)
        return self._groups.seconds_with(later * work / max(len(self._candidates), 1))

    def take(self) -> list[PlannedTrial]:
        """Return the next group; empty where none is left.

        Raises:
            ParameterError: the sampler proposes only what cannot be trained.
        """
        if self._groups.is_finished and len(self._candidates) < self._samples:
            self._groups = Groups(self._batch(), self._groups.seconds_of_work)
        return self._groups.take()

    def took(self, group: Sequence[PlannedTrial], entries: Sequence[Entry], seconds: float) -> None:
        """Note the time and the entries of a group."""
        self._entries |= {entry["key"]: entry for entry in entries}
        self._groups.took(group, entries, seconds)

    def _batch(self) -> list[PlannedTrial]:
        """Return the trials of new candidates."""
        count = max(1, BATCH // len(self._sweep.seeds))
        count = min(count, self._samples - len(self._candidates))
        proposals = self._sampler.proposals(self._reported())
        batch: list[PlannedTrial] = []
        for _ in range(count):
            # At the end of a small space, a sampler comes back to the same few.
            tries = itertools.chain(
                itertools.islice(proposals, _PATIENCE),
                self._sweep.space.drawn(self._samples, self._sampler.seed),
            )
            trials = self._first_new(tries)
            if not trials:
                self._samples = len(self._candidates)
                break
            self._candidates[len(self._candidates) + 1] = trials
            self._keys |= {one.trial.key for one in trials}
            batch += trials
        return batch

    def _first_new(self, tries: itertools.chain[Values]) -> list[PlannedTrial]:
        """Return the trials of the first candidate that is new and can be trained."""
        error: ParameterError | None = None
        for values in tries:
            try:
                trials = self._sweep.trials.candidate(len(self._candidates) + 1, values)
                if trials[0].key not in self._keys:
                    return planned_trials(trials, self._rows)
            except ParameterError as found:
                error = found
        if error is not None:
            raise error
        return []

    def _reported(self) -> list[Reported]:
        metric = metric_of(list(self._entries.values()))
        return [
            (trials[0].trial.values, self._cost(trials, metric))
            for trials in self._candidates.values()
        ]

    def _cost(self, trials: Sequence[PlannedTrial], metric: str) -> float | None:
        entries = [self._entries.get(one.trial.key) for one in trials]
        known = [one for one in entries if one is not None]
        if len(known) == len(entries):
            return cost(known, metric)
        # The others are training; a seed that failed has decided already.
        return math.inf if math.isinf(cost(known, metric) if known else 0.0) else None
