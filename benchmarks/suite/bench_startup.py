"""The waits of a user before the first step."""

from __future__ import annotations

import subprocess
import sys

LOAD_AND_WARM_UP = """
import numpy as np
from samplewise import registry
from samplewise.network import SGD, loss_named, multilayer_perceptron
network = multilayer_perceptron(784, (10,), 1)
loss = loss_named("binary_cross_entropy")
registry.load("numba_cpu").compile(network, loss, SGD(), np.dtype("float64")).warm_up()
"""
# Kept in a variable until the process ends, which removes the folder.
FRESH_CACHE = """
import os, tempfile
folder = tempfile.TemporaryDirectory()
os.environ["NUMBA_CACHE_DIR"] = folder.name
"""


class Startup:
    """Each sample is a new process; the interpreter's own start is not counted."""

    version = "1"
    rounds = 1
    repeat = 5
    timeout = 120

    def timeraw_import_samplewise(self):
        return "import samplewise"

    def timeraw_import_train(self):
        return "from samplewise import train"

    def timeraw_load_numba_cpu_from_cache(self):
        return LOAD_AND_WARM_UP


class FirstCompile:
    """Compiling all kernels of one dtype into an empty cache; slow, so sampled twice."""

    version = "1"
    rounds = 1
    repeat = 2
    timeout = 240

    def timeraw_first_compile(self):
        return LOAD_AND_WARM_UP, FRESH_CACHE


class CommandLine:
    """The command line from start to end, interpreter included."""

    version = "1"
    rounds = 1
    number = 1
    repeat = 5
    timeout = 60

    def time_help(self):
        code = "import sys; from samplewise.cli.app import main; sys.exit(main())"
        subprocess.run([sys.executable, "-c", code, "--help"], check=True, capture_output=True)
