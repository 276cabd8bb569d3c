"""The executor of a sweep: how it is chosen, and how it is given groups that end in any order."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

from samplewise.checks import must_be
from samplewise.errors import ParameterError
from samplewise.sweep.executors import REPEATS, Executor, InProcess
from samplewise.sweep.groups import PlannedTrial
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.sources import Source
from samplewise.sweep.training import TrainedGroup, not_trained
from samplewise.training.environment import usable_cores
from samplewise.training.epochs import NEVER


def check_jobs(n_jobs: int | None) -> None:
    """Refuse anything but a number of workers.

    Raises:
        ParameterError: it is neither None nor a whole number other than 0.
    """
    if n_jobs is None or (isinstance(n_jobs, int) and not isinstance(n_jobs, bool) and n_jobs):
        return
    wanted = "a whole number of workers, or -1 for all processors"
    raise ParameterError(must_be("n_jobs", wanted, n_jobs))


def trains_here() -> bool:
    """Return True unless joblib's context sends groups to the workers of a cluster."""
    return _client() is None


def _client() -> Any:
    """Return the client of dask that joblib's context names, None where it names none."""
    from joblib.parallel import get_active_backend

    return getattr(get_active_backend()[0], "client", None)


def executor_for(rows: SweepRows, n_jobs: int | None) -> Executor:
    """Return the executor that joblib's context and a number of workers ask for.

    Args:
        rows: of the sweep.
        n_jobs: as `run_sweep`.

    Raises:
        WorkerError: as `Cluster`.
    """
    from joblib import effective_n_jobs

    client = _client()
    if client is not None:
        from samplewise.sweep.cluster import Cluster

        return Cluster(rows, client, n_jobs)
    count = effective_n_jobs(n_jobs)
    if count == 1:
        return InProcess(rows, usable_cores() if n_jobs is None else 1)
    from samplewise.sweep.processes import Processes

    return Processes(rows, count)


def dispatched(
    source: Source, executor: Executor, stop: threading.Event | None = None
) -> Iterator[tuple[list[PlannedTrial], TrainedGroup]]:
    """Give each group once it is trained, until the source has no more and none is out.

    A group whose worker died is trained again, and failed after `REPEATS` times.

    Args:
        source: asked for more groups after each one that was given, with no group out at the last.
        executor: of the groups.
        stop: setting it ends the iterator after the groups that are out.

    Raises:
        WorkerError, Exception: as `Executor.death`.
    """
    out = _Out(executor, stop or NEVER)
    while True:
        while out.has_room and (group := source.take()):
            if (error := group[0].error) is not None:
                yield group, not_trained(error, len(group))
            else:
                out.submit(group)
        if out.is_empty:
            return
        ended = out.next_ended()
        if ended is not None:
            yield ended


class _Out:
    """The groups that are out: submitted to an executor, and not ended yet."""

    def __init__(self, executor: Executor, stop: threading.Event) -> None:
        self._executor, self._stop = executor, stop
        # Each with the workers that died of it so far.
        self._groups: dict[Future[TrainedGroup], tuple[list[PlannedTrial], int]] = {}

    @property
    def is_empty(self) -> bool:
        """True if no group is out."""
        return not self._groups

    @property
    def has_room(self) -> bool:
        """True if one more group may be submitted."""
        return not self._stop.is_set() and len(self._groups) < self._executor.slots

    def submit(self, group: list[PlannedTrial], died: int = 0) -> None:
        """Submit a group, of which so many workers have died."""
        future = self._executor.submit([one.trial for one in group], died)
        self._groups[future] = group, died

    def next_ended(self) -> tuple[list[PlannedTrial], TrainedGroup] | None:
        """Wait for a group; return None where its worker died and it is to be trained again.

        After a stop, such a group is dropped: the next start of the sweep trains it.
        """
        future = self._executor.next_ended()
        group, died = self._groups.pop(future)
        death = self._executor.death(future)
        if death is None:
            return group, future.result()
        died += death.workers
        if died > REPEATS:
            reason = f"its worker died, and {died - 1} more after it: {death.reason}"
            return group, not_trained(reason, len(group))
        if not self._stop.is_set():
            self.submit(group, died)
        return None
