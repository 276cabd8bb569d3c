"""One peer inside a process of its own: requests to one library, answered in turn.

Libraries share a process badly: each brings its own BLAS and OpenMP, reads its thread settings
once, and slows the imports of the next.
"""

from __future__ import annotations

import gc
import os
import signal
import statistics
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samplewise.errors import SamplewiseError
from samplewise_bench.peers.task import (
    NotApplicableError,
    Outcome,
    Peer,
    Runner,
    Task,
    peer_named,
)


class AbsentPeerError(SamplewiseError):
    """The peer is not installed."""


class FailedPeerError(SamplewiseError):
    """The peer raised, or its process ended."""


@dataclass(frozen=True)
class PreparedRunner:
    """A runner that was made ready: its number, and how its steps differ from the task's."""

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
        compile_s: of the runner, with the excess of the first run over a second one where
            something is compiled; None where nothing is.
        outcome: of the run.
        expected: the correct outcome, where the steps differ from the task's.
    """

    turn: Turn
    compile_s: float | None
    outcome: Outcome
    expected: Outcome | None


class Host:
    """The requests that a peer's process answers."""

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

    def prepare(self, way: str) -> PreparedRunner:
        """Make the task ready to run in this way."""
        assert self._task is not None
        runner = self._peer.prepare(self._task, way)
        self._runners.append(runner)
        return PreparedRunner(len(self._runners) - 1, runner.differs)

    def trial(self, number: int) -> Trial:
        """Run once and return the outcome."""
        runner = self._runners[number]
        turn, compile_s = _turn(runner, 0.0), runner.compile_s
        if compile_s is not None:
            first, turn = turn, _turn(runner, 0.0)
            compile_s += max(first.seconds - turn.seconds, 0.0)
        return Trial(turn, compile_s, runner.outcome(), runner.expected())

    def turn(self, number: int, least_s: float) -> Turn:
        """Run at least once, and until `least_s` seconds are timed."""
        return _turn(self._runners[number], least_s)

    def call(self, number: int, least_s: float) -> float:
        """Return the median seconds of a user's call, repeated until `least_s` are timed."""
        times: list[float] = []
        while not times or sum(times) < least_s:
            began = time.perf_counter()
            self._runners[number].call()
            times.append(time.perf_counter() - began)
        return statistics.median(times)


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


# The host of a peer's process, which `start` makes and `ask` asks.
_here: list[Host] = []


def start(name: str, cores: Sequence[int], messages: Path) -> None:
    """Make this process that of a peer.

    Args:
        name: of `task.PEERS`.
        cores: numbers of the processor cores to stay on.
        messages: file for the output of the library, which must not land among results.
    """
    # The parent gets the interrupt too, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    with messages.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    _here.append(Host(peer_named(name), len(cores)))


def ask(method: str, *arguments: Any) -> Any:
    """Call a method of this process's host.

    Errors of a library become ours, with its text: the parent need not be able to load theirs.

    Raises:
        NotApplicableError: the peer cannot do the task.
        AbsentPeerError: the library is not here; from `load` alone.
        FailedPeerError: it raised anything else.
    """
    try:
        return getattr(_here[0], method)(*arguments)
    except NotApplicableError:
        raise
    except Exception as error:  # noqa: BLE001 - a library may raise anything
        text = f"{type(error).__name__}: {error}"
        if method == "load" and isinstance(error, ImportError | OSError):
            raise AbsentPeerError(text) from None
        raise FailedPeerError(text) from None
