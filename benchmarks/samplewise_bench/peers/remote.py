"""The parent's side of a peer's process."""

from __future__ import annotations

import multiprocessing
import os
import signal
import tempfile
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

from samplewise_bench.conditions import thread_variables
from samplewise_bench.peers import host
from samplewise_bench.peers.host import FailedPeerError, PreparedRunner, Trial, Turn
from samplewise_bench.peers.task import OWN, Task


class RemotePeer:
    """A peer in a process of its own, which `close` ends.

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
        self._pool = ProcessPoolExecutor(
            max_workers=1,
            # A fresh interpreter: libraries read these variables when they are loaded.
            mp_context=multiprocessing.get_context("spawn"),
            initializer=host.start,
            initargs=(name, tuple(cores), self._messages),
        )
        before = multiprocessing.active_children()
        with thread_variables(1 if name == OWN else len(cores)):
            self._pool.submit(os.getpid)
        (self.process,) = set(multiprocessing.active_children()) - set(before)

    def load(self) -> tuple[str, float]:
        """Return the version and the seconds that its import took.

        Raises:
            AbsentPeerError: it is not installed.
            FailedPeerError: as all requests.
        """
        version, seconds = self._ask("load")
        return version, seconds

    def ways(self, task: Task) -> list[str]:
        """Return the peer's ways to do a task, dropping the task before.

        Raises:
            NotApplicableError: it has none.
        """
        return list(self._ask("ways", task))

    def prepare(self, way: str) -> PreparedRunner:
        """Make the task ready in this way."""
        prepared: PreparedRunner = self._ask("prepare", way)
        return prepared

    def trial(self, number: int) -> Trial:
        """Run once and return the outcome."""
        trial: Trial = self._ask("trial", number)
        return trial

    def turn(self, number: int, least_s: float) -> Turn:
        """Run at least once, and until `least_s` seconds are timed."""
        turn: Turn = self._ask("turn", number, least_s)
        return turn

    def call(self, number: int, least_s: float) -> float:
        """Return the seconds of a user's call."""
        return float(self._ask("call", number, least_s))

    @property
    def alive(self) -> bool:
        """True if the process still runs."""
        return self.process.is_alive()

    def close(self) -> None:
        """End the process, also in the middle of a run."""
        self.process.kill()
        self._pool.shutdown(cancel_futures=True)
        self._folder.cleanup()

    def _ask(self, method: str, *arguments: Any) -> Any:
        try:
            return self._pool.submit(host.ask, method, *arguments).result()
        except FailedPeerError as error:
            raise FailedPeerError(f"{self.name} failed: {error}") from None
        except BrokenProcessPool as error:
            raise FailedPeerError(f"{self.name} ended: {self._last_words()}") from error

    def _last_words(self) -> str:
        # Waits until the pool has collected the exit code.
        self._pool.shutdown()
        code = self.process.exitcode or 0
        lines = self._messages.read_text(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        end = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"{end}, {last}"
