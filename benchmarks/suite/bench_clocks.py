"""One training by three clocks: the whole process, the public call, and the steps inside it.

These find regressions (`make regressions`): of the start, of a call, and of the kernels. Public
names alone are used, so that commits far apart can be compared.

Processes and calls are timed by the processor's clock, which leaves out other work of the machine.
The steps have wall time alone: short trainings are repeated, as nothing interrupts the quickest.
"""

from __future__ import annotations

import os
import resource
import runpy
import subprocess
import sys
import tempfile
import time
from functools import cache
from pathlib import Path

# Of this checkout for both commits, whatever is installed.
SCRIPT = Path(__file__).parents[1] / "samplewise_bench/process/own_script.py"
# A sample is the least of all calls in so much time, and of at least so many.
SAMPLE_S, LEAST_OF = 0.3, 5
# Both the first epoch, in which a plan may fill its caches, and a later one.
EPOCHS = 2
# `make bench-quick` runs each once, and compiles little.
QUICK = os.environ.get("SAMPLEWISE_BENCH_ROUNDS") == "1"


def children_s():
    """Return the seconds of the processor that all ended processes of this one took."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


class Clock:
    """Warm; asv tells two commits apart from seven samples of each on."""

    params = ("iris",) if QUICK else ("report", "adam", "cnn", "iris")
    param_names = ("work",)
    # 1 took wall time, and steps of whole trainings.
    version = "2"
    # Taken A B, B A: a machine that becomes slower in time does so for both.
    rounds = 2
    number = 1
    repeat = 5
    warmup_time = 0.0
    # The first setup compiles.
    timeout = 600


class Process(Clock):
    """From the start of a Python process to its end: the interpreter, imports, training."""

    params = ("iris",) if QUICK else ("report", "command")
    repeat = 4

    def setup(self, work):
        once(self.time_process, work)

    def time_process(self, work):
        if work == "command":
            run_command()
        else:
            run(str(SCRIPT), work)

    time_process.timer = children_s


class Call(Clock):
    """The public call `train`."""

    total_s = 0.0

    def setup(self, work):
        once(self.time_train, work)

    def time_train(self, work):
        times, end = [], time.perf_counter() + SAMPLE_S
        while len(times) < LEAST_OF or time.perf_counter() < end:
            times.append(self.milliseconds(work))
        Call.total_s += min(times) / 1e3

    # asv times by the difference of two readings.
    time_train.timer = lambda: Call.total_s

    def milliseconds(self, work):
        """Return the processor time of one call."""
        return works()[work](clock=time.process_time)[0]


class Inside(Call):
    """The steps alone, as the history of the training says."""

    def milliseconds(self, work):
        return works()[work](epochs=EPOCHS)[1]


@cache
def once(call, *arguments):
    """Call, but no more before later samples: asv sets up before each."""
    call(*arguments)


@cache
def works():
    """Return the trainings by name, each a function that gives milliseconds, around and inside."""
    return runpy.run_path(str(SCRIPT))["WORKS"]


def run_command():
    """Train by the command line, pictures included."""
    code = "import sys; from samplewise.cli.app import main; sys.exit(main())"
    with tempfile.TemporaryDirectory() as folder:
        run("-c", code, "train", "--classes", "4,9", "--out", str(Path(folder) / "run"))


def run(*words):
    """Run Python in a new process, which must succeed."""
    subprocess.run([sys.executable, "-P", *words], check=True, capture_output=True)
