"""Sweeps with rungs that are killed at seeded moments, and started again until they end."""

import os
import random
import signal
import tempfile
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from samplewise import Sweep, read_results, run_sweep
from samplewise.data.dataset import Dataset
from samplewise.sweep import groups
from samplewise.sweep.journal import FILE, read

RNG = np.random.default_rng(0)
ROWS = Dataset("noise", RNG.standard_normal((20, 3)), np.arange(20) % 2, ("left", "right"))
SWEEP = Sweep(
    {"learning_rate": [0.01, 0.03, 0.1, 0.3]},
    {"backend": "reference", "hidden": (3,), "epochs": 4, "momentum": 0.9},
    seeds=2,
    rungs={"first": 1, "factor": 2},
)
CALLS = ("write", "fsync", "replace", "rename", "unlink", "mkdir", "rmdir", "open")
"""Calls of the system at which a sweep is killed: before it, or half-way through a write."""


def counted(moment):
    """Count the calls of this process from now on, and kill it at one of them; return the count."""
    calls = Counter()

    def wrapped(name, call):
        def counting(*arguments, **named):
            calls["all"] += 1
            if calls["all"] == moment:
                if name == "write":
                    call(arguments[0], arguments[1][: len(arguments[1]) // 2])
                os.kill(os.getpid(), signal.SIGKILL)
            return call(*arguments, **named)

        return counting

    for name in CALLS:
        setattr(os, name, wrapped(name, getattr(os, name)))
    return calls


def swept(folder, moment):
    """Run the sweep in a process of its own; return how it ended, and its calls where it did."""
    begin, end = os.pipe()
    child = os.fork()
    if child == 0:
        os.close(begin)
        write = os.write
        try:
            groups.FIRST = groups.MOST = 2
            warnings.filterwarnings("ignore", message=".*last line was not finished")
            warnings.filterwarnings("error", message=".*missing or damaged")
            calls = counted(moment)
            run_sweep(SWEEP, folder, data=ROWS)
            write(end, str(calls["all"]).encode())
            os._exit(0)
        finally:
            os._exit(1)
    os.close(end)
    with os.fdopen(begin) as pipe:
        calls = pipe.read()
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]), calls


def rows_of(folder):
    """Return the rows of the sweep's table, without times."""
    return [{**row, "train_ms": None} for row in read_results(folder).rows]


def killed(kills, seed=0):
    """Kill sweeps so often; return the faults that were found, and a kill of each kind of moment.

    Each ends at last, with the trials and figures of one that was never killed, none of them twice.
    """
    rng, done, faults = random.Random(seed), 0, Counter()
    with tempfile.TemporaryDirectory() as folder:
        code, calls = swept(folder, None)
        assert code == 0
        whole = rows_of(folder)
    while done < kills:
        with tempfile.TemporaryDirectory() as folder:
            # The last part of a sweep has fewer calls: it ends sooner or later.
            while (code := swept(folder, rng.randint(1, int(calls)))[0]) == -signal.SIGKILL:
                done += 1
            faults["ended by an error"] += code != 0
            if code == 0:
                faults["other rows"] += rows_of(folder) != whole
            entries = read(Path(folder) / FILE)[1]
            lines = Counter((entry["key"], entry["until"]) for entry in entries)
            faults["doubled"] += sum(count - 1 for count in lines.values())
    return done, int(calls), dict(faults)
