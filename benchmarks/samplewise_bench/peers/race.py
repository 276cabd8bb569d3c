"""One piece of work: which peers can do it and agree, and the time of each, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from math import isfinite
from statistics import median
from typing import Any

from samplewise_bench import agreement
from samplewise_bench.peers.host import AbsentPeerError, FailedPeerError, RemotePeer, Turn
from samplewise_bench.peers.results import FAILED, REFUSED, TIMED, UNFIT, PeerEntry, PeerInfo
from samplewise_bench.peers.task import NotApplicableError, Task, peer_named
from samplewise_bench.timing import TimeSpread

# As many rounds as fit, but one; the first run alone where it took longer.
PATIENCE_S = 10.0
# Short runs are repeated until a turn has timed this much, and their median counts once.
TURN_S = 0.05


class Peers:
    """The peers' processes, started when first needed and ended with `stack`.

    Attributes:
        infos: the version or absence of each peer asked for so far, by name.
    """

    def __init__(self, cores: Sequence[int], stack: ExitStack) -> None:
        self._cores, self._stack = cores, stack
        self._remotes: dict[tuple[str, int], RemotePeer] = {}
        self.infos: dict[str, PeerInfo] = {}

    def remote(self, name: str, cores: int) -> RemotePeer | None:
        """Return the process of a peer on so many cores, None where it is absent or broken."""
        if name in self.infos and self.infos[name].absent:
            return None
        if (name, cores) not in self._remotes:
            remote = RemotePeer(name, self._cores[-cores:])
            self._stack.callback(remote.close)
            info = PeerInfo(name, peer_named(name).install)
            try:
                version, import_s = remote.load()
            except (AbsentPeerError, FailedPeerError) as error:
                self.infos[name] = replace(info, absent=str(error))
                return None
            self.infos.setdefault(name, replace(info, version=version, import_s=import_s))
            self._remotes[name, cores] = remote
        return self._remotes[name, cores]

    def forget(self, name: str, cores: int) -> None:
        """Start a peer anew the next time it is needed, as after it crashed."""
        self._remotes.pop((name, cores), None)


@dataclass
class Racer:
    """A way of a peer, checked; it is timed where its entry says so.

    Args:
        entry: without a time.
        remote, number: its process and its runner there; None where there is none.
        rounds: so many turns at most, those of `turns` included.
        turns, calls_s: times so far, of the steps and of the user's call.
    """

    entry: PeerEntry
    remote: Any = None
    number: int = 0
    rounds: int = 0
    turns: list[Turn] = field(default_factory=list)
    calls_s: list[float] = field(default_factory=list)

    def take_turn(self, *, calls: bool) -> None:
        """Run once more; a failure ends the race for this one alone."""
        try:
            self.turns.append(self.remote.turn(self.number, TURN_S))
            if calls:
                self.calls_s.append(self.remote.call(self.number, TURN_S))
        except FailedPeerError as error:
            self.entry, self.rounds = replace(self.entry, state=FAILED, note=str(error)), 0

    def result(self, calls: int) -> PeerEntry:
        """Return the entry with its times, those of one prediction where there are `calls`."""
        if self.entry.state != TIMED:
            return self.entry
        return replace(
            self.entry,
            call=TimeSpread.of(self.calls_s) if self.calls_s else None,
            spread=TimeSpread.of([turn.seconds / max(calls, 1) for turn in self.turns]),
            rounds=len(self.turns),
            core_share=median(turn.core_share for turn in self.turns),
        )


def run_race(
    task: Task,
    names: Sequence[str],
    peers: Peers,
    wants: Callable[[str, str], bool],
    rounds: int,
    log: Callable[[str], None],
) -> list[PeerEntry]:
    """Return an entry for each way of each peer: check all, then time those that agree."""
    standard = agreement.standard(task)
    racers: list[Racer] = []
    for name in names:
        remote = peers.remote(name, task.cores)
        if remote is None:
            continue
        for racer in _entered(task, remote, standard, wants, rounds):
            log(f"  {racer.entry.label}: {racer.entry.note or 'agrees'}")
            racers.append(racer)
        if not remote.alive:
            peers.forget(name, task.cores)
    racers.sort(key=lambda racer: racer.entry.state != TIMED)
    timed = [racer for racer in racers if racer.entry.state == TIMED]
    _take_turns(timed, calls=not task.calls)
    for racer in timed:
        entry = racer.result(task.calls)
        # Logged at once, so that a run which is stopped has not measured for nothing.
        log(f"  {entry.label}: {entry.note if entry.spread is None else f'{entry.spread} ms'}")
    return [racer.result(task.calls) for racer in racers]


def _take_turns(racers: Sequence[Racer], *, calls: bool) -> None:
    """Time racers in turns, A B C, A B C, ...: a slow minute of the machine then hits all alike."""
    for number in range(max((racer.rounds for racer in racers), default=0)):
        for racer in racers:
            if number < racer.rounds:
                racer.take_turn(calls=calls)


def _entered(
    task: Task,
    remote: RemotePeer,
    standard: agreement.Standard,
    wants: Callable[[str, str], bool],
    rounds: int,
) -> Iterator[Racer]:
    """Yield each way, those that do not agree with the reason."""
    try:
        ways = [way for way in remote.ways(task) if wants(remote.name, way)]
    except (NotApplicableError, FailedPeerError) as error:
        state = UNFIT if isinstance(error, NotApplicableError) else FAILED
        yield Racer(PeerEntry(remote.name, "", state, str(error)))
        return
    for way in ways:
        try:
            yield _checked(task, remote, way, standard, rounds)
        except FailedPeerError as error:
            yield Racer(PeerEntry(remote.name, way, FAILED, str(error)))
            if not remote.alive:
                return


def _checked(
    task: Task, remote: RemotePeer, way: str, standard: agreement.Standard, rounds: int
) -> Racer:
    number = remote.prepare(way)
    first_run = remote.first_run(number)
    want = standard.outcome if first_run.expected is None else first_run.expected
    measure = agreement.worst(agreement.compare(task, first_run.outcome, want, standard.allowed))
    entry = PeerEntry(
        remote.name,
        way,
        TIMED if measure.passed else REFUSED,
        first_run.differs if measure.passed else f"{measure}; not timed",
        compile_s=first_run.compile_s,
        # JSON has no NaN; the note tells it.
        difference=measure.difference if isfinite(measure.difference) else None,
        allowed=measure.allowed,
    )
    if first_run.turn.seconds > PATIENCE_S:
        # It ran beyond the limit once, and is not run again.
        return Racer(entry, turns=[first_run.turn])
    fitting = min(rounds, max(int(PATIENCE_S / first_run.turn.seconds), 1))
    return Racer(entry, remote, number, fitting)
