"""Sweeps whose workers are killed, again and again, while they train.

`python tests/sweep/kills.py 100` kills so many sweeps with rungs, workers of processes, and workers
of a dask cluster; a second argument, "rungs", "processes" or "dask", names one of these.
"""

import random
import re
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, suppress
from pathlib import Path

import numpy as np
import psutil
import rung_kills

from samplewise import Sweep, run_sweep
from samplewise.data.dataset import Dataset
from samplewise.sweep import groups
from samplewise.sweep.journal import FILE, read

RNG = np.random.default_rng(0)
ROWS = Dataset("noise", RNG.standard_normal((40, 3)), np.arange(40) % 2, ("left", "right"))
SETTINGS = {"backend": "reference", "hidden": (4,), "shuffle": True, "order_seed": 1}


def processes():
    """Return the worker processes of sweeps in this process that have begun to take groups."""
    found = []
    for child in psutil.Process().children():
        with suppress(psutil.Error, OSError):
            command = " ".join(child.cmdline())
            if "loky" in command and "tracker" not in command and ignores_interrupts(child.pid):
                found.append(child)
    return found


def ignores_interrupts(pid):
    """Return True if a process ignores Ctrl-C, as workers do once they have begun."""
    status = Path(f"/proc/{pid}/status").read_text()
    ignored = int(re.search(r"^SigIgn:\s*(\w+)", status, re.MULTILINE)[1], 16)
    return bool(ignored >> (signal.SIGINT - 1) & 1)


def workers_of(cluster):
    """Return a function that gives the worker processes of a local cluster of dask."""

    def found():
        # dask starts no other worker in the place of one that died before it had joined.
        joined = cluster.scheduler.workers
        nannies = [one for one in cluster.workers.values() if one.worker_address in joined]
        pids = [nanny.pid for nanny in nannies if nanny.pid]
        return [psutil.Process(pid) for pid in pids if psutil.pid_exists(pid)]

    return found


def kill_one(workers):
    """Kill a worker; return whether there was one."""
    with suppress(psutil.Error):
        found = workers()
        if found:
            random.choice(found).kill()
            return True
    return False


@contextmanager
def killer(workers, kills, folder):
    """Kill workers until the block ends, at most so many; give the list of the moments.

    Each kill waits until the journal in the folder has grown since the last one, so that a machine
    on which workers are slow to start gets on too.
    """
    moments, ended = [], threading.Event()
    journal = Path(folder) / FILE

    def work():
        size = 0
        while len(moments) < kills and not ended.wait(0.02):
            now = journal.stat().st_size if journal.exists() else 0
            if now > size and kill_one(workers):
                moments.append(time.perf_counter())
                size = now

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield moments
    finally:
        ended.set()
        thread.join(60)


def swept(folder, trials, epochs):
    """Run a sweep of groups of one trial; return its journal's entries."""
    groups.FIRST, groups.GROUP_S = 1, 0.0
    sweep = Sweep(
        {"learning_rate": list(np.linspace(0.01, 0.1, trials))}, {**SETTINGS, "epochs": epochs}
    )
    run_sweep(sweep, folder, data=ROWS, n_jobs=2)
    return sweep, read(Path(folder) / FILE)[1]


def faults_of(sweep, entries):
    """Return what is lost, doubled or failed of a sweep that ended."""
    found = Counter(entry["key"] for entry in entries)
    return {
        "lost": sum(trial.key not in found for trial in sweep.trials),
        "doubled": sum(count - 1 for count in found.values()),
        "failed": sum(entry["status"] != "done" for entry in entries),
    }


def killed(kind, workers, kills):
    """Run sweeps until so many workers were killed; return whether each trial is there once."""
    done, total = 0, Counter()
    while done < kills:
        with (
            tempfile.TemporaryDirectory() as folder,
            killer(workers, kills - done, folder) as moments,
        ):
            found = faults_of(*swept(folder, 40, 100))
        done += len(moments)
        total.update(found)
        sys.stdout.write(f"{kind}: {done} kills, {dict(total)}\n")
        sys.stdout.flush()
    return not total["lost"] and not total["doubled"]


@contextmanager
def local_cluster():
    """Give a cluster of two worker processes with a thread each.

    dask would give up a worker that is away 15 s after an earlier death, as one killed again is.
    """
    import dask
    from distributed import LocalCluster

    with (
        dask.config.set({"distributed.deploy.lost-worker-timeout": "1 day"}),
        LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address="127.0.0.1:0") as cluster,
    ):
        yield cluster


def killed_on_a_cluster(kills):
    """Do as `killed` on a local cluster of dask."""
    from joblib import parallel_config

    with (
        local_cluster() as cluster,
        cluster.get_client() as client,
        parallel_config("dask", client=client),
    ):
        return killed("dask", workers_of(cluster), kills)


def killed_in_rungs(kills):
    """Kill sweeps with rungs; return whether each ended with the rows of one never killed."""
    done, moments, faults = rung_kills.killed(kills)
    sys.stdout.write(f"rungs: {done} kills at {moments} moments, {faults}\n")
    sys.stdout.flush()
    return not any(faults.values())


KINDS = {
    # First, while this process has no threads: it forks.
    "rungs": killed_in_rungs,
    "processes": lambda kills: killed("processes", processes, kills),
    "dask": killed_on_a_cluster,
}


def main(kills, *kinds):
    """Kill so many workers of each kind; exit with 1 where a trial was lost or doubled."""
    whole = [KINDS[kind](int(kills)) for kind in kinds or KINDS]
    return 0 if all(whole) else 1


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
