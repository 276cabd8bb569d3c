"""A peer in a process of its own: requests to one library, answered in turn.

Libraries share a process badly: each brings its own BLAS and OpenMP, reads its thread settings
once, and slows the imports of the next.
"""

from __future__ import annotations

import gc
import multiprocessing
import os
import signal
import statistics
import tempfile
import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from samplewise.errors import SamplewiseError
from samplewise_bench.conditions import thread_variables
from samplewise_bench.peers.task import OWN, NotApplicableError, Outcome, Peer, Task, peer_named


class AbsentPeerError(SamplewiseError):
    """The peer is not installed."""


class FailedPeerError(SamplewiseError):
    """The peer raised, or its process ended."""


@dataclass(frozen=True)
class Turn:
    """Runs of one turn: the median of their wall times, and processor time over wall time."""

    seconds: float
    core_share: float


@dataclass(frozen=True, eq=False)
class FirstRun:
    """A first run.

    Args:
        compile_s: of the runner, with the excess of the first run over a second one where
            something is compiled; None where nothing is.
        expected: the correct outcome, where the steps differ from the task's.
        differs: how they differ, in words.
    """

    turn: Turn
    compile_s: float | None
    outcome: Outcome
    expected: Outcome | None
    differs: str = ""


class Host:
    """The requests that a peer's process answers."""

    def __init__(self, peer: Peer, cores: int) -> None:
        self._peer, self._cores = peer, cores

    def load(self) -> tuple[str, float]:
        """Import the library; return its version and the seconds that took, NumPy's apart."""
        began = time.perf_counter()
        version = self._peer.load(self._cores)
        return version, time.perf_counter() - began

    def ways(self, task: Task) -> list[str]:
        """Take up a task, drop the one before, and return the peer's ways to do it."""
        self._task, self._runners = task, list[Any]()
        gc.collect()
        return list(self._peer.ways(task))

    def prepare(self, way: str) -> int:
        """Make the task ready to run in this way; return the number of its runner."""
        self._runners.append(self._peer.prepare(self._task, way))
        return len(self._runners) - 1

    def first_run(self, number: int) -> FirstRun:
        """Run once and return the outcome."""
        runner = self._runners[number]
        turn, compile_s = self.turn(number, 0.0), runner.compile_s
        if compile_s is not None:
            first, turn = turn, self.turn(number, 0.0)
            compile_s += max(first.seconds - turn.seconds, 0.0)
        return FirstRun(turn, compile_s, runner.outcome(), runner.expected(), runner.differs)

    def turn(self, number: int, least_s: float) -> Turn:
        """Run at least once, and until `least_s` seconds are timed."""
        runner, times, processor_s = self._runners[number], list[float](), 0.0
        while not times or sum(times) < least_s:
            runner.reset()
            began, processor_began = time.perf_counter(), time.process_time()
            runner.run()
            times.append(time.perf_counter() - began)
            processor_s += time.process_time() - processor_began
        return Turn(statistics.median(times), processor_s / sum(times))

    def call(self, number: int, least_s: float) -> float:
        """Return the median seconds of a user's call, repeated until `least_s` are timed."""
        times: list[float] = []
        while not times or sum(times) < least_s:
            began = time.perf_counter()
            self._runners[number].call()
            times.append(time.perf_counter() - began)
        return statistics.median(times)


_LOOK_S = 10.0
"""Seconds between two looks at whether a process that is asked still lives."""

# The host of a peer's process, which `start` makes and `ask` asks.
_here: list[Host] = []


def start(name: str, cores: Sequence[int], messages: Path) -> None:
    """Make this process that of a peer, on these cores of the processor.

    What the library says goes to the file `messages`: it must not land among results.
    """
    # The parent gets the interrupt too, and ends this process.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, cores)
    with messages.open("ab") as file:
        for stream in (1, 2):
            os.dup2(file.fileno(), stream)
    _here.append(Host(peer_named(name), len(cores)))


def ask(request: str, *arguments: Any) -> Any:
    """Call a method of this process's host; errors of a library become ours, with its text.

    The parent need not be able to load theirs.
    """
    try:
        return getattr(_here[0], request)(*arguments)
    except NotApplicableError:
        raise
    except Exception as error:  # noqa: BLE001 - a library may raise anything
        absent = request == "load" and isinstance(error, ImportError | OSError)
        kind = AbsentPeerError if absent else FailedPeerError
        raise kind(f"{type(error).__name__}: {error}") from None


class RemotePeer:
    """A peer in a process of its own, which `close` ends; its methods are those of `Host`.

    These raise NotApplicableError where the peer cannot do the task, AbsentPeerError where its
    library is not here, and FailedPeerError where it raised anything else or the process ended.

    Args:
        name: of `task.PEERS`.
        cores: numbers of the processor cores that it is kept on. A library's products take as
            many threads, but for samplewise's: it splits networks over threads by itself, and in
            training the engine sees to it that no product splits once more.
    """

    def __init__(self, name: str, cores: Sequence[int]) -> None:
        self.name = name
        self._folder = tempfile.TemporaryDirectory()
        self._messages = Path(self._folder.name) / "messages"
        # A process that dies before it opens the file leaves one to read too.
        self._messages.touch()
        self._pool = ProcessPoolExecutor(
            max_workers=1,
            # A fresh interpreter: libraries read these variables when they are loaded.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=start,
            initargs=(name, tuple(cores), self._messages),
        )
        before = multiprocessing.active_children()
        with thread_variables(1 if name == OWN else len(cores)):
            self._pool.submit(os.getpid)
        (self.process,) = set(multiprocessing.active_children()) - set(before)

    def __getattr__(self, request: str) -> Callable[..., Any]:
        if not hasattr(Host, request):
            raise AttributeError(request)
        return partial(self._ask, request)

    @property
    def alive(self) -> bool:
        """True if the process still runs."""
        return self.process.is_alive()

    def close(self) -> None:
        """End the process, also in the middle of a run."""
        self.process.kill()
        self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def _ask(self, request: str, *arguments: Any) -> Any:
        try:
            return self._answer(self._pool.submit(ask, request, *arguments))
        except FailedPeerError as error:
            raise FailedPeerError(f"{self.name} failed: {error}") from None
        except BrokenProcessPool as error:
            raise FailedPeerError(f"{self.name} ended: {self._last_words()}") from error

    def _answer(self, future: Future[Any]) -> Any:
        while True:
            alive = self.alive
            try:
                return future.result(_LOOK_S)
            except TimeoutError:
                # The pool may not fail what is asked while it finds that its process has ended.
                if not alive:
                    raise BrokenProcessPool from None

    def _last_words(self) -> str:
        # Waits until the pool has collected the exit code.
        self._pool.shutdown()
        code = self.process.exitcode or 0
        lines = self._messages.read_text(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        end = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"{end}, {last}"
