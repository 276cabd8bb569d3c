"""Groups on processes of this machine.

Each worker is an executor of one process of loky, which joblib brings: where one executor has
several processes, the death of one ends all, and nothing says whose group it was.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections.abc import Sequence
from concurrent.futures import BrokenExecutor, Future
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from samplewise.checks import printable
from samplewise.errors import OutputError, SamplewiseError
from samplewise.sweep.executors import Death, Executor, trained_here
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.training import TrainedGroup, not_trained, train_group
from samplewise.sweep.trials import Trial
from samplewise.threads import VARIABLES

_OF_A_STOP = ("SIGINT", "SIGTERM", "SIGHUP")
_PARENT_S = 1.0
"""Seconds between two looks of a worker at whether its sweep is still there."""


class Processes(Executor):
    """Trains groups on worker processes.

    The first group trains in this process: it compiles, loads and measures what the workers then
    find in the cache. They start when needed, with the rows memory-mapped from one file.

    Args:
        rows: of the sweep.
        count: of the workers, at least 2.

    Raises:
        OutputError: the rows do not fit into the folder of temporary files.
    """

    def __init__(self, rows: SweepRows, count: int) -> None:
        import joblib

        super().__init__()
        self._rows, self._count = rows, count
        self._is_warm = False
        self._folder = TemporaryDirectory(prefix="samplewise-sweep-")
        self._file = Path(self._folder.name) / "rows"
        try:
            joblib.dump(rows, self._file)
        except OSError as error:
            self._folder.cleanup()
            raise OutputError(
                f"cannot write the rows for worker processes to {printable(self._file)}: "
                f"{error.strerror or error}; make room, or name another folder by TMPDIR"
            ) from error
        self._workers: set[Any] = set()
        self._idle: list[Any] = []

    @property
    def slots(self) -> int:
        """The number of workers; one until kernels are warm."""
        return self._count if self._is_warm else 1

    def _start(self, trials: Sequence[Trial], died: int) -> Future[TrainedGroup]:
        if not self._is_warm:
            self._is_warm = True
            return trained_here(trials, self._rows)
        worker, future = self._submitted(trials)
        future.add_done_callback(partial(self._free, worker))
        return future

    def _submitted(self, trials: Sequence[Trial]) -> tuple[Any, Future[TrainedGroup]]:
        """Submit a group to an idle worker, or to a new one; idle workers may have died."""
        from joblib.externals.loky.backend.reduction import dumps

        # Packed, since an error while loky itself unpacks them would end the worker.
        packed = bytes(dumps(trials))
        while self._idle:
            worker = self._idle.pop()
            try:
                return worker, worker.submit(_train, packed, len(trials))
            except BrokenExecutor:
                self._workers.discard(worker)
        worker = self._new_worker()
        return worker, worker.submit(_train, packed, len(trials))

    def _new_worker(self) -> Any:
        from joblib.externals.loky.process_executor import ProcessPoolExecutor

        worker = ProcessPoolExecutor(
            max_workers=1,
            initializer=_begin,
            initargs=(str(self._file), os.getpid()),
            env=dict.fromkeys(VARIABLES, "1"),
        )
        self._workers.add(worker)
        return worker

    def _free(self, worker: Any, future: Future[TrainedGroup]) -> None:
        if isinstance(future.exception(), BrokenExecutor):
            self._workers.discard(worker)
        else:
            self._idle.append(worker)

    def death(self, future: Future[TrainedGroup]) -> Death | None:
        """Return how the worker of an ended group died, None where the group was trained."""
        error = future.exception()
        if isinstance(error, BrokenExecutor):
            return Death(str(error).splitlines()[0])
        return super().death(future)

    def close(self) -> None:
        """End the workers at once, and remove the file of the rows."""
        for worker in self._workers:
            worker.shutdown(wait=True, kill_workers=True)
        self._folder.cleanup()


class _Worker:
    """State of a worker process."""

    rows: SweepRows


def _begin(file: str, parent: int) -> None:
    """Begin as a worker: take the rows, and leave signals of a stop to the sweep's process.

    A terminal and a batch system send them to both, and the sweep's waits for the running groups.
    """
    import joblib

    for name in _OF_A_STOP:
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with, args=(parent,), daemon=True).start()
    _Worker.rows = joblib.load(file, mmap_mode="r")


def _end_with(parent: int) -> None:
    """End this process when another process, which is its parent now, is gone."""
    while os.getppid() == parent:
        time.sleep(_PARENT_S)
    os._exit(1)


def _train(packed: bytes, count: int) -> TrainedGroup:
    try:
        trials = pickle.loads(packed)  # noqa: S301 - from the process of the sweep
    except SamplewiseError as error:  # such as a custom loss, which is not registered here
        return not_trained(f"cannot be trained: {error}", count)
    return train_group(trials, _Worker.rows)
