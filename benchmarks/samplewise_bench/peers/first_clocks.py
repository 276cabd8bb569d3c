"""The clocks that a user sees first: a whole process, and the time to its first epoch."""

from __future__ import annotations

import pickle
import tempfile
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from pathlib import Path

from samplewise_bench.peers.own import public_call
from samplewise_bench.peers.results import PeerEntry
from samplewise_bench.peers.task import OWN, Task, peer_named
from samplewise_bench.process.clock import FailedProcessError, timed_process
from samplewise_bench.timing import TimeSpread

SCRIPT = str(Path(__file__).with_name("new_process.py"))
# Counted processes of each, and the longest of these that is repeated.
PROCESSES, PATIENCE_S = 3, 10.0


def with_first_clocks(task: Task, entry: PeerEntry, log: Callable[[str], None]) -> PeerEntry:
    """Return an entry with the times of new processes that do the whole task, and its first epoch.

    The interpreter, imports, conversion of data and compiling are part of them; caches on disk are
    those of earlier runs. For samplewise it is the public call; for others their module here, with
    the time of our own bookkeeping taken off. An entry without a time stays as it is, and that of a
    task that does not train on one core; a process that fails is logged.
    """
    if entry.spread is None or task.calls or task.cores > 1:
        return entry
    once = tuple(replace(each, epochs=1) for each in task.problems)
    try:
        first_epoch_s = process_seconds(replace(task, problems=once), entry)
        seconds = [process_seconds(task, entry)]
        while len(seconds) < PROCESSES and seconds[0] < PATIENCE_S:
            seconds.append(process_seconds(task, entry))
    except FailedProcessError as error:
        log(f"  {entry.label}: no whole process, {error}")
        return entry
    return replace(entry, process=TimeSpread.of(seconds), first_epoch_s=first_epoch_s)


def run_peer(task: Task, peer: str, way: str) -> None:
    """Load a library and do a task once."""
    module = peer_named(peer)
    module.load(task.cores)
    module.prepare(task, way).call()


def process_seconds(task: Task, entry: PeerEntry) -> float:
    """Return the seconds of a new process that does a task in the way of an entry.

    Raises:
        FailedProcessError: it failed.
    """
    own = entry.peer == OWN
    work = public_call(task, entry.way) if own else partial(run_peer, task, entry.peer, entry.way)
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "work"
        file.write_bytes(pickle.dumps(work))
        times = timed_process([SCRIPT, str(file)])
    # A library may talk before the last line.
    read_s = float(times.output.splitlines()[-1])
    return times.seconds if own else times.seconds - read_s
