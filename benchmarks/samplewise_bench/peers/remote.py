"""The parent's side of a worker."""

from __future__ import annotations

import contextlib
import os
import pickle
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from typing import Any

from samplewise.errors import SamplewiseError
from samplewise_bench.conditions import THREAD_VARIABLES
from samplewise_bench.peers import host, worker
from samplewise_bench.peers.task import OWN, NotApplicableError, Task


class AbsentPeerError(SamplewiseError):
    """The peer is not installed."""


class FailedPeerError(SamplewiseError):
    """The peer raised, or its process ended."""


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
        threads = 1 if name == OWN else len(cores)
        self._messages = tempfile.TemporaryFile()  # noqa: SIM115 - closed by `close`
        self._process = subprocess.Popen(  # noqa: S603 - our own module
            [sys.executable, "-m", worker.__name__, name, ",".join(map(str, cores))],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._messages,
            env={**os.environ, **dict.fromkeys(THREAD_VARIABLES, str(threads))},
        )

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

    def prepare(self, way: str) -> host.Prepared:
        """Make the task ready in this way."""
        prepared: host.Prepared = self._ask("prepare", way)
        return prepared

    def trial(self, number: int) -> host.Trial:
        """Run once and return what it came to."""
        trial: host.Trial = self._ask("trial", number)
        return trial

    def turn(self, number: int, least_s: float) -> host.Turn:
        """Run at least once, and until `least_s` seconds are timed."""
        turn: host.Turn = self._ask("turn", number, least_s)
        return turn

    @property
    def alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def close(self) -> None:
        """End the process."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout, self._messages):
            with contextlib.suppress(OSError):
                assert pipe is not None
                pipe.close()

    def _ask(self, method: str, *arguments: Any) -> Any:
        requests, replies = self._process.stdin, self._process.stdout
        assert requests is not None
        assert replies is not None
        try:
            pickle.dump((method, arguments), requests)
            requests.flush()
            kind, value = pickle.load(replies)  # noqa: S301 - from our own process
        except (OSError, EOFError, pickle.UnpicklingError) as error:
            raise FailedPeerError(f"{self.name} ended: {self._last_words()}") from error
        if kind == host.DONE:
            return value
        if kind == host.NOT_APPLICABLE:
            raise NotApplicableError(value)
        if kind == host.ABSENT and method == "load":
            raise AbsentPeerError(value)
        raise FailedPeerError(f"{self.name} failed: {value}")

    def _last_words(self) -> str:
        code = self._process.wait()
        self._messages.seek(0)
        lines = self._messages.read().decode(errors="replace").split("\n")
        last = next((line for line in reversed(lines) if line.strip()), "it said nothing")
        end = signal.Signals(-code).name if code < 0 else f"exit code {code}"
        return f"{end}, {last}"
