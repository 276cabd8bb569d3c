"""The findings of a comparison of peers, as data."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from samplewise.contract.plan import AUTO_PLAN
from samplewise_bench.calibration import Calibration
from samplewise_bench.peers.task import OWN
from samplewise_bench.timing import TimeSpread

TIMED, REFUSED, UNFIT, FAILED = "timed", "disagrees", "does not apply", "failed"


@dataclass(frozen=True)
class PeerEntry:
    """One way of one peer on one piece of work.

    Args:
        way: of the peer; may be empty.
        state: `TIMED`, `REFUSED`, `UNFIT` or `FAILED`.
        note: how its steps differ from the task's, or why it has no time; may be empty.
        spread: of the steps inside, in milliseconds; of one prediction where the work is those.
        core_share: processor time over wall time; where it is below the number of threads, other
            work took the core, and the times are too long.
        compile_s: seconds; None where nothing is compiled.
        difference, allowed: from the standard, of the measure nearest to its limit; None where the
            difference is not finite.
        ratio: its `felt` median over that of the result's baseline.
        of_floor: inside, share reached of the rate of the cores' large matrix product.
        process: of whole new processes, in milliseconds; None for predictions and several cores.
        call: of the public call around the steps, in milliseconds; None for predictions.
        first_epoch_s: seconds from the start of a process until it has trained one epoch.
    """

    peer: str
    way: str
    state: str
    note: str = ""
    spread: TimeSpread | None = None
    rounds: int = 0
    core_share: float | None = None
    compile_s: float | None = None
    difference: float | None = None
    allowed: float | None = None
    ratio: float | None = None
    of_floor: float | None = None
    process: TimeSpread | None = None
    call: TimeSpread | None = None
    first_epoch_s: float | None = None

    @property
    def label(self) -> str:
        """Peer and way."""
        return f"{self.peer} {self.way}".strip()

    @property
    def felt(self) -> TimeSpread | None:
        """The time of the public call; of what was timed where there is none."""
        return self.call or self.spread

    @property
    def median_ms(self) -> float:
        """The median time as felt; infinite without a time."""
        return math.inf if self.felt is None else self.felt.median_ms


@dataclass(frozen=True)
class WorkloadResult:
    """One piece of work.

    Args:
        flops: of the textbook's matrix products.
        entries: the fastest first, then those without a time.
        baseline: label of the entry that ratios are of; empty where samplewise has no time.
        floor_ms: time of `flops` at the rate of a large product; None for calls.
        note: the reason for no entries; empty where there are some.
    """

    name: str
    title: str
    cores: int
    calls: int
    flops: int
    entries: tuple[PeerEntry, ...]
    baseline: str = ""
    floor_ms: float | None = None
    note: str = ""

    @property
    def unit(self) -> str:
        """The unit of times inside and of `timed`."""
        return "us" if self.calls else "ms"

    @property
    def scale(self) -> float:
        """Milliseconds in `unit`."""
        return 1e3 if self.calls else 1.0

    @property
    def timed(self) -> list[tuple[PeerEntry, TimeSpread]]:
        """The entries that have a time, with their times as felt in `unit`."""
        return [(each, each.felt.scaled(self.scale)) for each in self.entries if each.felt]


@dataclass(frozen=True)
class PeerInfo:
    """A peer on this machine: its version and the seconds of its import, or why it is absent."""

    name: str
    install: str
    version: str = ""
    import_s: float | None = None
    absent: str = ""


@dataclass(frozen=True)
class PeerComparison:
    """All results, and the conditions they were taken in."""

    dtype: str
    rounds: int
    peers: tuple[PeerInfo, ...]
    results: tuple[WorkloadResult, ...]
    calibration: Calibration
    conditions: dict[str, Any]


def finished(
    result: WorkloadResult, calibration: Calibration, preferred: Sequence[str]
) -> WorkloadResult:
    """Return a result with its floor, its ratios and its order.

    `preferred` are backends in the order in which `auto` takes them: samplewise's own choice is the
    baseline, even where another plan was faster in this run.
    """
    base = _baseline(result, preferred)
    floor_ms = None if result.calls else calibration.floor_ms(result.flops) / result.cores

    def figured(entry: PeerEntry) -> PeerEntry:
        if entry.spread is None:
            return entry
        ratio = None if base is None else entry.median_ms / base.median_ms
        share = None if floor_ms is None else floor_ms / entry.spread.median_ms
        return replace(entry, ratio=ratio, of_floor=share)

    entries = sorted(map(figured, result.entries), key=lambda entry: entry.median_ms)
    label = "" if base is None else base.label
    return replace(result, entries=tuple(entries), baseline=label, floor_ms=floor_ms)


def _baseline(result: WorkloadResult, preferred: Sequence[str]) -> PeerEntry | None:
    """Return the entry of samplewise's first backend in order, by itself before its plans."""

    def rank(entry: PeerEntry) -> tuple[int, bool, float]:
        backend, *plan = entry.way.split(" ")
        place = preferred.index(backend) if backend in preferred else len(preferred)
        return place, AUTO_PLAN not in plan, entry.median_ms

    own = [each for each in result.entries if each.spread is not None and each.peer == OWN]
    return min(own, key=rank, default=None)
