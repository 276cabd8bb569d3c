"""Where the groups of a sweep come from: all of its trials, or those that a rung leaves."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from samplewise.sweep.candidates import FAILED
from samplewise.sweep.definition import Sweep
from samplewise.sweep.groups import Groups, Planned
from samplewise.sweep.halving import Halving
from samplewise.sweep.journal import Entry
from samplewise.sweep.proposals import Proposals
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.snapshots import Snapshots


class Source(Protocol):
    """Gives the groups of a sweep."""

    @property
    def is_finished(self) -> bool:
        """True once an empty group means that no other will come."""
        ...

    @property
    def are_measured(self) -> bool:
        """True once the time of a group is known."""
        ...

    @property
    def seconds_left(self) -> float | None:
        """Estimated time of all that is left; None before the first group has ended."""
        ...

    def take(self) -> list[Planned]:
        """Return the next group; empty where none is ready. Several may be out at once."""
        ...

    def took(self, group: Sequence[Planned], entries: Sequence[Entry], seconds: float) -> None:
        """Note the lines of the journal for a group, and its seconds."""
        ...


def source_of(
    sweep: Sweep,
    planned: Sequence[Planned],
    rows: SweepRows,
    entries: Sequence[Entry],
    snapshots: Snapshots,
    *,
    retry_failed: bool,
) -> Source:
    """Return the source of what a sweep has still to train.

    Args:
        sweep: to run.
        planned: all of its trials, without those of a sampler.
        rows: of the sweep.
        entries: of its journal.
        snapshots: of its paused trials.
        retry_failed: take trials again that have failed.
    """
    known = [one for one in entries if one["status"] != FAILED or not retry_failed]
    if sweep.sampler is not None:
        return Proposals(sweep, rows, entries, known)
    if sweep.rungs is not None:
        return Halving(planned, sweep.rungs, known, snapshots)
    over = {entry["key"] for entry in known}
    return Groups([one for one in planned if one.trial.key not in over])
