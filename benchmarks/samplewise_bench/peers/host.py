"""What happens inside a peer's process: requests to one library, answered in turn."""

from __future__ import annotations

import gc
import pickle
import statistics
import time
from dataclasses import dataclass
from typing import IO, Any

from samplewise_bench.peers.task import NotApplicableError, Outcome, Peer, Runner, Task

DONE, NOT_APPLICABLE, ABSENT, FAILED = "done", "not applicable", "absent", "failed"


@dataclass(frozen=True)
class Prepared:
    """A runner that was made ready in a worker."""

    number: int
    differs: str


@dataclass(frozen=True)
class Turn:
    """Runs of one turn.

    Args:
        seconds: wall time of a run, the median.
        core_share: processor time of all runs over their wall time.
    """

    seconds: float
    core_share: float


@dataclass(frozen=True, eq=False)
class Trial:
    """A first run.

    Args:
        turn: its times.
        compile_s: of the runner, with what the first run took longer than a second one where
            something is compiled; None where nothing is.
        outcome: what it came to.
        expected: what it must come to, where that is special.
    """

    turn: Turn
    compile_s: float | None
    outcome: Outcome
    expected: Outcome | None


class Host:
    """The requests that a worker answers."""

    def __init__(self, peer: Peer, cores: int) -> None:
        self._peer, self._cores = peer, cores
        self._task: Task | None = None
        self._runners: list[Runner] = []

    def load(self) -> tuple[str, float]:
        """Import the library; return its version and the seconds that took, NumPy's apart."""
        began = time.perf_counter()
        version = self._peer.load(self._cores)
        return version, time.perf_counter() - began

    def ways(self, task: Task) -> list[str]:
        """Take up a task, drop the one before, and return the peer's ways to do it."""
        self._task, self._runners = task, []
        gc.collect()
        return list(self._peer.ways(task))

    def prepare(self, way: str) -> Prepared:
        """Make the task ready to run in this way."""
        assert self._task is not None
        runner = self._peer.prepare(self._task, way)
        self._runners.append(runner)
        return Prepared(len(self._runners) - 1, runner.differs)

    def trial(self, number: int) -> Trial:
        """Run once and return what it came to."""
        runner = self._runners[number]
        turn, compile_s = _turn(runner, 0.0), runner.compile_s
        if compile_s is not None:
            first, turn = turn, _turn(runner, 0.0)
            compile_s += max(first.seconds - turn.seconds, 0.0)
        return Trial(turn, compile_s, runner.outcome(), runner.expected())

    def turn(self, number: int, least_s: float) -> Turn:
        """Run at least once, and until `least_s` seconds are timed."""
        return _turn(self._runners[number], least_s)


def _turn(runner: Runner, least_s: float) -> Turn:
    times: list[float] = []
    processor_s = 0.0
    while not times or sum(times) < least_s:
        runner.reset()
        began, processor_began = time.perf_counter(), time.process_time()
        runner.run()
        times.append(time.perf_counter() - began)
        processor_s += time.process_time() - processor_began
    return Turn(statistics.median(times), processor_s / sum(times))


def serve(host: Host, requests: IO[bytes], replies: IO[bytes]) -> None:
    """Answer requests until there are no more."""
    while True:
        try:
            method, arguments = pickle.load(requests)  # noqa: S301 - from the parent only
        except EOFError:
            return
        pickle.dump(_answer(host, method, arguments), replies)
        replies.flush()


def _answer(host: Host, method: str, arguments: tuple[Any, ...]) -> tuple[str, Any]:
    try:
        return DONE, getattr(host, method)(*arguments)
    except NotApplicableError as error:
        return NOT_APPLICABLE, str(error)
    except Exception as error:  # noqa: BLE001 - a library may raise anything
        told = f"{type(error).__name__}: {error}"
        return (ABSENT if isinstance(error, ImportError | OSError) else FAILED), told
