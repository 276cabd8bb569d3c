"""Where the groups of a sweep come from: all of its trials, or those that a rung leaves."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from samplewise.sweep.candidates import FAILED
from samplewise.sweep.definition import Sweep
from samplewise.sweep.groups import Groups, PlannedTrials, RemainingTrials
from samplewise.sweep.halving import Halving
from samplewise.sweep.journal import Entry
from samplewise.sweep.proposals import Proposals
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.snapshots import Snapshots

Source = Groups | Halving | Proposals
"""Gives the groups of a sweep, and the time that is left; several groups may be out at once."""


def source_of(
    sweep: Sweep,
    plan: PlannedTrials,
    rows: SweepRows,
    entries: Iterable[Entry],
    snapshots: Snapshots,
    *,
    retry_failed: bool,
) -> Source:
    """Return the source of the trials that a sweep has still to train.

    Args:
        sweep: to run.
        plan: of all of its trials, without those of a sampler.
        rows: of the sweep.
        entries: of its journal, read once.
        snapshots: of its paused trials.
        retry_failed: take trials again that have failed.
    """
    if sweep.sampler is None and sweep.rungs is None:
        return Groups(_missing(plan, entries, retry_failed=retry_failed))
    entries = list(entries)
    known = [one for one in entries if one["status"] != FAILED or not retry_failed]
    if sweep.rungs is not None:
        return Halving(plan, sweep.rungs, known, snapshots)
    return Proposals(sweep, rows, entries, known)


def _missing(
    plan: PlannedTrials, entries: Iterable[Entry], *, retry_failed: bool
) -> RemainingTrials:
    """Return the trials that a journal lacks; of a large sweep, a byte a trial is kept."""
    missing = np.ones(len(plan), bool)
    for entry in entries:
        place = plan.trials.place(entry)
        if place is not None and (entry["status"] != FAILED or not retry_failed):
            missing[place] = False
    return RemainingTrials(plan, plan.together(np.flatnonzero(missing)))
