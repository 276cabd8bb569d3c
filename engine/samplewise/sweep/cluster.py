"""Groups on the workers of a dask cluster."""

from __future__ import annotations

import pickle
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from contextlib import contextmanager, suppress
from importlib.metadata import PackageNotFoundError, version
from typing import TYPE_CHECKING, Any

from samplewise._version import __version__
from samplewise.checks import printable
from samplewise.errors import SamplewiseError, WorkerError
from samplewise.sweep.executors import REPEATS, Death, Executor
from samplewise.sweep.results import check_installed
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.training import TrainedGroup, train_group
from samplewise.sweep.trials import Trial

if TYPE_CHECKING:
    from distributed import Client

CONNECT_S = 10
"""Seconds in which a scheduler must answer."""
EMPTY_S = 60.0
"""Seconds for which a cluster may be without a worker."""
_DIED = "reported by the scheduler of dask"
_SLOTS_S = 2.0
"""Seconds for which the number of workers is not asked for again."""


def connected(address: str) -> Client:
    """Return a client of a scheduler.

    Args:
        address: of the scheduler, such as "tcp://10.0.0.1:8786".

    Raises:
        ParameterError: distributed is not installed.
        WorkerError: no scheduler answers in `CONNECT_S` seconds.
    """
    how = "it by pip install 'samplewise[dask]'"
    check_installed("distributed", "dask: distributed is", how, "use --jobs")
    from distributed import Client
    from distributed.comm import get_address_host_port

    try:
        # A client of an address that means nothing would wait for it when it is deleted.
        get_address_host_port(address)
        return Client(address, timeout=CONNECT_S, set_as_default=False)
    except (OSError, ValueError, TypeError, RuntimeError) as error:
        raise WorkerError(
            f"dask: no scheduler answers at '{printable(address)}' ({printable(error)}); start "
            "dask scheduler there, or name another address, such as tcp://127.0.0.1:8786"
        ) from error


class Cluster(Executor):
    """Trains groups as tasks of a dask cluster; the scheduler repeats those of dead workers.

    How often at most is a setting of the scheduler, which others share. So a worker asks it how
    often a group has started, and refuses one that ended too many workers.

    The rows are a task too. Unlike scattered data, a task is computed again where all workers that
    hold its result died; its bytes go to the scheduler once, and from worker to worker.

    Args:
        rows: of the sweep.
        client: connected.
        n_jobs: groups at once at most; None or a negative number for each thread of the cluster.

    Raises:
        WorkerError: the scheduler or a worker lacks samplewise, or has another version.
    """

    def __init__(self, rows: SweepRows, client: Client, n_jobs: int | None = None) -> None:
        import dask

        super().__init__()
        self._client, self._most = client, n_jobs if n_jobs and n_jobs > 0 else None
        _check_versions(client)
        self._executor = client.get_executor(pure=False)
        self._slots, self._asked_s = 0, -_SLOTS_S
        self._empty_since_s: float | None = None
        # dask warns of large tasks, since most of them should be scattered.
        with dask.config.set({"distributed.admin.large-graph-warning-threshold": "1TB"}):
            self._rows = client.submit(pickle.loads, pickle.dumps(rows), pure=False)

    @property
    def slots(self) -> int:
        """The threads of all workers; one while there is none, so that a cluster can grow."""
        if time.monotonic() - self._asked_s > _SLOTS_S:
            threads = self._threads()
            self._slots = max(min(threads, self._most or threads), 1)
            self._asked_s = time.monotonic()
        return self._slots

    def check_workers(self) -> None:
        """Refuse to wait for a cluster that has been without a worker for `EMPTY_S` seconds.

        Raises:
            WorkerError: it has, or the scheduler is lost.
        """
        if self._threads():
            self._empty_since_s = None
            return
        now = time.monotonic()
        if self._empty_since_s is None:
            self._empty_since_s = now
        if now - self._empty_since_s >= EMPTY_S:
            raise WorkerError(
                f"dask: the cluster has had no worker for {EMPTY_S:.0f} s; finished trials are "
                "kept: start workers, then the same sweep again, and it goes on"
            )

    def _threads(self) -> int:
        with _reaching(self._client):
            return sum(self._client.nthreads().values())

    def _start(self, trials: Sequence[Trial], died: int) -> Future[TrainedGroup]:
        with _reaching(self._client):
            future: Future[TrainedGroup] = self._executor.submit(
                _train, __version__, died, trials, self._rows
            )
        return future

    def death(self, future: Future[TrainedGroup]) -> Death | None:
        """Return how the workers of an ended group died, None where the group was trained.

        Raises:
            WorkerError: the scheduler is lost, or a worker cannot run the sweep.
            Exception: of the training itself.
        """
        from distributed import KilledWorker

        if future.cancelled():
            raise _lost(self._client)
        error = future.exception()
        if isinstance(error, _RefusedError):
            return Death(_DIED, *error.args)
        if isinstance(error, KilledWorker):
            return Death(_DIED, error.allowed_failures + 1)
        if error is not None and not isinstance(error, SamplewiseError):
            raise WorkerError(
                f"dask: a worker cannot run the sweep ({type(error).__name__}: "
                f"{printable(error)}); install samplewise {__version__} on the scheduler and all "
                "workers"
            ) from error
        return super().death(future)

    def close(self) -> None:
        """Cancel the groups that are out, and let go of the rows; the cluster stays."""
        self._executor.shutdown(wait=False)
        self._rows.release()


class _RefusedError(Exception):
    """A worker refuses a group; the argument is how many workers died of it."""


def _train(wanted: str, died: int, trials: Sequence[Trial], rows: SweepRows) -> TrainedGroup:
    """Train a group on a worker, which may have joined after the sweep began."""
    from distributed import get_client, get_worker

    if wanted != __version__:
        raise WorkerError(_other_version("a worker", __version__, wanted))
    now = get_client().run_on_scheduler(_earlier_starts, get_worker().get_current_task())
    if died + now > REPEATS:
        raise _RefusedError(now)
    return train_group(trials, rows)


def _earlier_starts(key: str, dask_scheduler: Any) -> int:
    """Return how often a task has started before; the scheduler keeps it as long as the task."""
    place = [key, "starts"]
    starts: int = dask_scheduler.get_metadata(place, default=0)
    dask_scheduler.set_metadata(place, starts + 1)
    return starts


def _check_versions(client: Client) -> None:
    """Ask the scheduler and all workers for their samplewise."""
    # A function of Python's own: where samplewise is missing, one of ours could not be loaded.
    with _reaching(client):
        found = client.run(version, "samplewise", on_error="return")
        with suppress(PackageNotFoundError):
            found["the scheduler"] = None
            found["the scheduler"] = client.run_on_scheduler(version, "samplewise")
    for place, has in found.items():
        # A worker that died before it answered is not asked again: those that come later are.
        if has != __version__ and not isinstance(has, OSError):
            raise WorkerError(_other_version(place, has, __version__))


def _other_version(place: str, found: Any, wanted: str) -> str:
    has = f"samplewise {printable(found)}" if isinstance(found, str) else "no samplewise"
    return (
        f"dask: {place} has {has}, this is {wanted}; install samplewise {wanted} on the "
        "scheduler and all workers"
    )


@contextmanager
def _reaching(client: Client) -> Iterator[None]:
    """Turn the loss of the scheduler into an error of ours."""
    try:
        yield
    except (OSError, RuntimeError) as error:
        if isinstance(error, SamplewiseError):
            raise
        raise _lost(client) from error


def _lost(client: Client) -> WorkerError:
    return WorkerError(
        f"dask: the scheduler of {printable(client)} is lost; finished trials are kept: start the "
        "same sweep again once it is back, and it goes on"
    )
