"""Both sides' estimators in turns on one core, after checking that they compute the same."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from functools import partial
from typing import Any

from samplewise.text import three_digits
from samplewise.threads import limited
from samplewise_bench.conditions import conditions, load_average, one_core, race_in_words
from samplewise_bench.estimators.calls import Call, named_calls
from samplewise_bench.estimators.works import OURS, THEIRS, Work, sized_works
from samplewise_bench.timing import TimeSpread, interleave

FORMAT = 1
HEADERS = ("work", f"{OURS}, ms (min..max)", f"{THEIRS}, ms (min..max)", "times faster", "at least")
LEGEND = """\
Wall time around the public call, medians; what the first call of a process compiles or loads is
not part of it. fit: a fresh estimator each time. times faster: the ratio of the medians."""


@dataclass(frozen=True)
class Duel:
    """The times of one call on both sides, and how many times faster ours has to be."""

    what: str
    ours: TimeSpread
    theirs: TimeSpread
    at_least: float

    @property
    def times_faster(self) -> float:
        """Ratio of the medians."""
        return self.theirs.median_ms / self.ours.median_ms

    def cells(self) -> tuple[str, ...]:
        """Return one line of the table, a text for each of `HEADERS`."""
        missed = "" if self.times_faster >= self.at_least else " missed"
        faster = f"{three_digits(self.times_faster)}{missed}"
        return self.what, str(self.ours), str(self.theirs), faster, f"{self.at_least:g}"


@dataclass(frozen=True)
class Race:
    """All duels, and the conditions they were taken in."""

    rounds: int
    duels: list[Duel]
    conditions: dict[str, Any]

    def caption(self) -> str:
        """Return the meaning of the figures and the machine, as lines below the table."""
        kept = sum(duel.times_faster >= duel.at_least for duel in self.duels)
        promised = f"{kept} of {len(self.duels)} are as fast as promised."
        return f"{LEGEND}\n{promised} {race_in_words(self.conditions, self.rounds)}"

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        duels = [{**asdict(duel), "times_faster": duel.times_faster} for duel in self.duels]
        return {"format": FORMAT, **vars(self), "duels": duels}


def race_estimators(
    rounds: int,
    log: Callable[[str], None],
    works: Sequence[Work] | None = None,
    calls: Sequence[Call] | None = None,
) -> Race:
    """Time every work and every call, each side in turns.

    Raises:
        ContractError: the sides do not compute the same.
    """
    load = load_average()
    with one_core(), limited(1):
        works = sized_works() if works is None else works
        duels = [_called(call, rounds, log) for call in (calls or named_calls())]
        duels += [_fitted(work, rounds, log) for work in works]
        return Race(rounds, duels, {**conditions(), "load_average": load})


def _fitted(work: Work, rounds: int, log: Callable[[str], None]) -> Duel:
    work.check_agreement()
    call = Call(f"fit: {work.name}", 1, lambda side: lambda: work.fit(side))
    return _called(call, rounds, log)


def _called(call: Call, rounds: int, log: Callable[[str], None]) -> Duel:
    log(call.what)
    runs = {side: partial(_seconds, call.prepare(side), call.repeats) for side in (OURS, THEIRS)}
    for run in runs.values():
        run()
    times = interleave(runs, rounds)
    return Duel(call.what, TimeSpread.of(times[OURS]), TimeSpread.of(times[THEIRS]), call.times)


def _seconds(call: Callable[[], object], repeats: int) -> float:
    began = time.perf_counter()
    call()
    return (time.perf_counter() - began) / repeats
