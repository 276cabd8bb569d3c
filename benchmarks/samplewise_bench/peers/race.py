"""One piece of work: which peers can do it and agree, and the time of each, in turns."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, replace
from statistics import median

from samplewise_bench import agreement
from samplewise_bench.peers.host import AbsentPeerError, FailedPeerError, Turn
from samplewise_bench.peers.remote import RemotePeer
from samplewise_bench.peers.results import FAILED, REFUSED, TIMED, UNFIT, PeerEntry, PeerInfo
from samplewise_bench.peers.task import NotApplicableError, Task, peer_named
from samplewise_bench.timing import TimeSpread

# As many rounds as fit, but one; the first run alone where it took longer.
PATIENCE_S = 10.0
# Short runs are repeated until a turn has timed this much, and their median counts once.
TURN_S = 0.05


class Peers:
    """The peers' processes, started when first needed and ended with `stack`.

    Args:
        cores: numbers of the processor cores that may be used.
        stack: closes the processes.
    """

    def __init__(self, cores: Sequence[int], stack: ExitStack) -> None:
        self._cores, self._stack = cores, stack
        self._remotes: dict[tuple[str, int], RemotePeer] = {}
        self._infos: dict[str, PeerInfo] = {}

    @property
    def infos(self) -> tuple[PeerInfo, ...]:
        """The version or absence of each peer asked for so far."""
        return tuple(self._infos.values())

    def remote(self, name: str, cores: int) -> RemotePeer | None:
        """Return the process of a peer on so many cores, None where it is absent or broken."""
        if name in self._infos and self._infos[name].absent:
            return None
        if (name, cores) not in self._remotes:
            remote = RemotePeer(name, self._cores[-cores:])
            self._stack.callback(remote.close)
            info = PeerInfo(name, peer_named(name).install)
            try:
                version, import_s = remote.load()
            except (AbsentPeerError, FailedPeerError) as error:
                self._infos[name] = replace(info, absent=str(error))
                return None
            self._infos.setdefault(name, replace(info, version=version, import_s=import_s))
            self._remotes[name, cores] = remote
        return self._remotes[name, cores]

    def forget(self, name: str, cores: int) -> None:
        """Start a peer anew the next time it is needed, as after it crashed."""
        self._remotes.pop((name, cores), None)


@dataclass(frozen=True)
class Racer:
    """An entry that agreed, and how to run it once more."""

    entry: PeerEntry
    turn: Callable[[], Turn]
    call: Callable[[], float]
    first: Turn
    rounds: int


def run_race(
    task: Task,
    names: Sequence[str],
    peers: Peers,
    wants: Callable[[str, str], bool],
    rounds: int,
    log: Callable[[str], None],
) -> list[PeerEntry]:
    """Return an entry for each way of each peer: check all, then time those that agree.

    Args:
        task: the work.
        names: of the peers.
        peers: their processes.
        wants: whether a way of a peer takes part.
        rounds: turns of each.
        log: gets a line for each entry that was checked, and one for its time.
    """
    standard = agreement.standard(task)
    entries: list[PeerEntry] = []
    racers: list[Racer] = []
    for name in names:
        remote = peers.remote(name, task.cores)
        if remote is None:
            continue
        for entered in _entered(task, remote, standard, wants, rounds):
            entry = entered.entry if isinstance(entered, Racer) else entered
            log(f"  {entry.label}: {entry.note or 'agrees'}")
            if isinstance(entered, Racer):
                racers.append(entered)
            else:
                entries.append(entered)
        if not remote.alive:
            peers.forget(name, task.cores)
    timed = _timed(racers, task.calls)
    for entry in timed:
        # Logged at once, so that a run which is stopped has not measured for nothing.
        log(f"  {entry.label}: {entry.note if entry.spread is None else f'{entry.spread} ms'}")
    return [*timed, *entries]


def _entered(
    task: Task,
    remote: RemotePeer,
    standard: agreement.Standard,
    wants: Callable[[str, str], bool],
    rounds: int,
) -> Iterator[Racer | PeerEntry]:
    """Yield a racer for each way that agrees, and an entry with the reason for the others."""
    try:
        ways = [way for way in remote.ways(task) if wants(remote.name, way)]
    except (NotApplicableError, FailedPeerError) as error:
        state = UNFIT if isinstance(error, NotApplicableError) else FAILED
        yield PeerEntry(remote.name, "", state, str(error))
        return
    for way in ways:
        try:
            yield _checked(task, remote, way, standard, rounds)
        except FailedPeerError as error:
            yield PeerEntry(remote.name, way, FAILED, str(error))
            if not remote.alive:
                return


def _checked(
    task: Task, remote: RemotePeer, way: str, standard: agreement.Standard, rounds: int
) -> Racer | PeerEntry:
    prepared = remote.prepare(way)
    trial = remote.trial(prepared.number)
    want = standard.outcome if trial.expected is None else trial.expected
    measure = agreement.worst(agreement.compare(task, trial.outcome, want, standard.allowed))
    entry = PeerEntry(
        remote.name,
        way,
        TIMED if measure.passed else REFUSED,
        prepared.differs if measure.passed else f"{measure}; not timed",
        compile_s=trial.compile_s,
        difference=measure.difference,
        allowed=measure.allowed,
    )
    if not measure.passed:
        return entry
    fitting = min(rounds, max(int(PATIENCE_S / trial.turn.seconds), 1))
    number = prepared.number
    return Racer(
        entry,
        lambda: remote.turn(number, TURN_S),
        lambda: remote.call(number, TURN_S),
        trial.turn,
        fitting,
    )


def _timed(racers: Sequence[Racer], calls: int) -> list[PeerEntry]:
    """Run A B C, A B C, ...: a slow minute of the machine then hits all alike."""
    turns: list[list[Turn]] = [[] for _ in racers]
    calls_s: list[list[float]] = [[] for _ in racers]
    failed: dict[int, PeerEntry] = {}
    for number in range(max((racer.rounds for racer in racers), default=0)):
        for index, racer in enumerate(racers):
            # A run that took all the patience once is not run again.
            if number >= racer.rounds or racer.first.seconds > PATIENCE_S or index in failed:
                continue
            try:
                turns[index].append(racer.turn())
                if not calls:
                    calls_s[index].append(racer.call())
            except FailedPeerError as error:
                failed[index] = replace(racer.entry, state=FAILED, note=str(error))
    return [
        failed.get(index)
        or _with_times(racer.entry, turns[index] or [racer.first], calls_s[index], calls)
        for index, racer in enumerate(racers)
    ]


def _with_times(
    entry: PeerEntry, turns: Sequence[Turn], calls_s: Sequence[float], calls: int
) -> PeerEntry:
    return replace(
        entry,
        call=TimeSpread.of(calls_s) if calls_s else None,
        spread=TimeSpread.of([turn.seconds / max(calls, 1) for turn in turns]),
        rounds=len(turns),
        core_share=median(turn.core_share for turn in turns),
    )
