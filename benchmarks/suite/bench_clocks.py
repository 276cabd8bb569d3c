"""One training by three clocks: the whole process, the public call, and the steps inside it.

These find regressions (`make regressions`): of the start, of a call, and of the kernels. Public
names alone are used, so that commits far apart can be compared.
"""

from __future__ import annotations

import subprocess
import sys
import tempfile
from functools import cache
from pathlib import Path

from suite import works


class Clock:
    """Warm; asv tells two commits apart from seven samples of each on."""

    params = ("784-10-1", "adam", "cnn", "iris")
    param_names = ("work",)
    version = "1"
    # Taken A B, B A, so that a machine that becomes slower in time does so for both.
    rounds = 2
    number = 1
    repeat = (5, 10, 1.0)
    warmup_time = 0.0
    # The first setup compiles.
    timeout = 600


class Process(Clock):
    """From the start of a Python process to its end: the interpreter, imports, training."""

    params = ("784-10-1", "command")
    repeat = 4

    def setup(self, work):
        once(self.time_process, work)

    def time_process(self, work):
        if work == "command":
            run_command()
        else:
            run(works.__file__, work)


class Call(Clock):
    """The public call `train`."""

    def setup(self, work):
        once(works.WORKS[work])

    def time_train(self, work):
        works.WORKS[work]()


class Inside(Call):
    """The steps alone, as the history of the training says: its `train_ms`."""

    inside_s = 0.0

    def time_train(self, work):
        Inside.inside_s += works.WORKS[work]().history.train_ms / 1e3

    # asv times by the difference of two readings.
    time_train.timer = lambda: Inside.inside_s


@cache
def once(call, *arguments):
    """Call, but no more before later samples: asv sets up before each."""
    call(*arguments)


def run_command():
    """Train by the command line, pictures included."""
    code = "import sys; from samplewise.cli.app import main; sys.exit(main())"
    with tempfile.TemporaryDirectory() as folder:
        run("-c", code, "train", "--classes", "4,9", "--out", str(Path(folder) / "run"))


def run(*words):
    """Run Python in a new process, which must succeed."""
    subprocess.run([sys.executable, *words], check=True, capture_output=True)
