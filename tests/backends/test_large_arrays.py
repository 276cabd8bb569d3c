"""Kernels beside an array that is larger than the reach of an instruction, 2 GiB."""

import subprocess
import sys

import pytest

PROGRAM = """
import numpy as np
from samplewise import Dense, Network, TrainingSettings, train
EARLY
large = np.zeros((900_000, 784), np.float32)
network = Network((784,), (Dense(16, "relu"), Dense(1)))
settings = TrainingSettings(epochs=1, batch_size=64, dtype="float32", backend="numba_cpu")
found = train(network, large[:300], np.arange(300) % 2, settings)
print(found.history.losses)
"""


# Where code and constants are put depends on what the process holds: the abort came in each of
# some of these places, not in each of them every time.
@pytest.mark.parametrize("early", ["", "import numba", "import sklearn.linear_model, numba"])
def test_kernels_are_linked_beside_a_large_array(early):
    command = [sys.executable, "-c", PROGRAM.replace("EARLY", early)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
