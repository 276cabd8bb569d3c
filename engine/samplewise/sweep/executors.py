"""Executors of a sweep: where its groups train, and what the end of a worker means there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from samplewise.sweep.rows import SweepRows
from samplewise.sweep.training import TrainedGroup, train_group
from samplewise.sweep.trials import Trial
from samplewise.threads import many_split_over

if TYPE_CHECKING:
    from typing import Self

CHECK_S = 5.0
"""Seconds of waiting for a group after which the workers are looked at."""
REPEATS = 2
"""Times that a group is trained again after its worker died."""


@dataclass(frozen=True)
class Death:
    """The end of the workers that a group was trained on."""

    reason: str
    workers: int = 1


class Executor(ABC):
    """Trains groups; each is a future, and futures come back in the order in which they end."""

    def __init__(self) -> None:
        self._ended: SimpleQueue[Future[TrainedGroup]] = SimpleQueue()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @property
    @abstractmethod
    def slots(self) -> int:
        """Groups that may be out at once."""

    @abstractmethod
    def _start(self, trials: Sequence[Trial], died: int) -> Future[TrainedGroup]:
        """Begin to train a group."""

    def submit(self, trials: Sequence[Trial], died: int = 0) -> Future[TrainedGroup]:
        """Begin to train a group; `next_ended` gives its future once it ended.

        Args:
            trials: of the group.
            died: workers that it was submitted to before, and that died.
        """
        future = self._start(trials, died)
        future.add_done_callback(self._ended.put)
        return future

    def next_ended(self) -> Future[TrainedGroup]:
        """Wait for one of the groups that are out, and return its future.

        Raises:
            WorkerError: as `check_workers`.
        """
        while True:
            with suppress(Empty):
                return self._ended.get(timeout=CHECK_S)
            self.check_workers()

    def check_workers(self) -> None:
        """Refuse to wait for workers that do not come back.

        Raises:
            WorkerError: there has been none for too long.
        """
        return

    def death(self, future: Future[TrainedGroup]) -> Death | None:
        """Return how the worker of an ended group died, None where the group was trained.

        Raises:
            WorkerError: no worker can go on with the sweep.
            Exception: of the training itself.
        """
        future.result()
        return None

    def close(self) -> None:
        """End the workers; groups that are out are lost."""
        return


class InProcess(Executor):
    """Trains one group after the other in this process."""

    def __init__(self, rows: SweepRows, threads: int = 1) -> None:
        super().__init__()
        self._rows, self._threads = rows, threads

    @property
    def slots(self) -> int:
        """One."""
        return 1

    def _start(self, trials: Sequence[Trial], died: int) -> Future[TrainedGroup]:
        with many_split_over(self._threads):
            return trained_here(trials, self._rows)


def trained_here(trials: Sequence[Trial], rows: SweepRows) -> Future[TrainedGroup]:
    """Train a group in this process; return its future, which has ended."""
    future: Future[TrainedGroup] = Future()
    future.set_result(train_group(trials, rows))
    return future
