"""Sweeps whose workers are killed, again and again, while they train.

`python tests/sweep/kills.py 100` kills so many workers of processes, and as many of a dask cluster.
"""

import os
import random
import signal
import sys
import tempfile
import threading
import time
from collections import Counter
from contextlib import contextmanager, nullcontext
from pathlib import Path

import numpy as np
import psutil

from samplewise import Sweep, run_sweep
from samplewise.data.dataset import Dataset
from samplewise.sweep import groups
from samplewise.sweep.journal import FILE, read

RNG = np.random.default_rng(0)
ROWS = Dataset("noise", RNG.standard_normal((40, 3)), np.arange(40) % 2, ("left", "right"))
SETTINGS = {"backend": "reference", "hidden": (4,), "shuffle": True, "order_seed": 1}
MARKS = {"processes": "loky", "dask": "spawn_main"}


def workers(mark):
    """Return the workers below this process: nannies have a worker, a worker has none."""
    found = []
    for child in psutil.Process().children(recursive=True):
        try:
            if mark in " ".join(child.cmdline()) and not child.children():
                found.append(child)
        except psutil.Error:
            continue
    return [one for one in found if "tracker" not in " ".join(one.cmdline())]


def kill_one(mark):
    """Kill a worker that has run for a while; return whether there was one."""
    busy = [one for one in workers(mark) if one.cpu_times().user > 0.8]
    if busy:
        os.kill(random.choice(busy).pid, signal.SIGKILL)
    return bool(busy)


@contextmanager
def killer(mark, kills, every_s):
    """Kill workers until the block ends, at most so many; give the list of the moments."""
    moments, ended = [], threading.Event()

    def work():
        while len(moments) < kills and not ended.wait(every_s):
            if kill_one(mark):
                moments.append(time.perf_counter())

    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield moments
    finally:
        ended.set()
        thread.join()


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


def main(kills):
    """Kill so many workers of either kind; exit with 1 where a trial was lost or doubled."""
    from distributed import LocalCluster
    from joblib import parallel_config

    whole = True
    for kind, mark in MARKS.items():
        cluster = nullcontext()
        if kind == "dask":
            cluster = LocalCluster(n_workers=2, threads_per_worker=1, dashboard_address=None)
        done, total = 0, Counter()
        with cluster:
            context = nullcontext()
            if kind == "dask":
                context = parallel_config("dask", client=cluster.get_client())
            with context:
                while done < kills:
                    with (
                        tempfile.TemporaryDirectory() as folder,
                        killer(mark, kills - done, 1.5) as moments,
                    ):
                        sweep, entries = swept(folder, 60, 400)
                    done += len(moments)
                    total.update(faults_of(sweep, entries))
                    sys.stderr.write(f"{kind}: {done} kills, {dict(total)}\n")
        whole = whole and not total["lost"] and not total["doubled"]
    return 0 if whole else 1


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
