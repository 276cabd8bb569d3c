"""Peak memory: what is counted, and that a process grows by about as much."""

import json
import os
import subprocess
import sys
import tracemalloc
from pathlib import Path

import numpy as np
import pytest

from samplewise_bench.scaling.measure import peak_bytes

MIB = 2**20

# Grows by one training in a process that has trained a smaller one; VmHWM is the peak since "5".
GROWTH = """
import json, re, sys
from pathlib import Path
from samplewise_bench.conditions import one_core
from samplewise_bench.scaling.measure import peak_bytes
from samplewise_bench.problems import drawn_problem
from samplewise.network import multilayer_perceptron
from samplewise_bench.training import Training

def drawn(rows, inputs, hidden, batch_size):
    network = multilayer_perceptron(inputs, (hidden,), 1)
    problem = drawn_problem(network, rows, epochs=2, batch_size=batch_size)
    assert problem.parameters.any()
    return problem

def resident(name):
    return int(re.search(name + r":\\s+(\\d+)", Path("/proc/self/status").read_text())[1]) * 1024

backend, plan, *sizes = sys.argv[1:]
with one_core():
    Training(drawn(50, 100, 10, int(sys.argv[-1])), backend, plan).run_once()
    problem = drawn(*map(int, sizes))
    Path("/proc/self/clear_refs").write_text("5")
    before = resident("VmRSS")
    Training(problem, backend, plan).run_once()
    grown = resident("VmHWM") - before
    traced = peak_bytes(lambda: Training(problem, backend, plan).run_once())
print(json.dumps([grown, traced]))
"""


def test_the_peak_counts_what_was_held_at_once():
    kept = []

    def call():
        np.zeros(3 * MIB, np.uint8)
        kept.append(np.zeros(2 * MIB, np.uint8))
        np.zeros(4 * MIB, np.uint8)

    assert peak_bytes(call) == pytest.approx(6 * MIB, rel=0.01)


def test_what_was_there_before_does_not_count():
    before = np.zeros(8 * MIB, np.uint8)
    assert peak_bytes(before.sum) < MIB


def test_a_trace_that_runs_already_goes_on_and_does_not_count():
    tracemalloc.start()
    try:
        np.zeros(9 * MIB, np.uint8)
        held = np.zeros(5 * MIB, np.uint8)
        assert peak_bytes(lambda: np.zeros(2 * MIB, np.uint8)) == pytest.approx(2 * MIB, rel=0.01)
        assert tracemalloc.is_tracing()
        assert held.nbytes == 5 * MIB
    finally:
        tracemalloc.stop()


def test_tracing_ends_where_the_call_fails():
    with pytest.raises(ZeroDivisionError):
        peak_bytes(lambda: 1 / 0)
    assert not tracemalloc.is_tracing()


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="needs Linux's peak reset")
@pytest.mark.parametrize(
    ("plan", "sizes"),
    [
        ("direct", (500, 784, 2000, 16)),
        ("blocked", (500, 784, 2000, 1)),
        ("dual", (2000, 4000, 50, 1)),
    ],
)
def test_a_process_grows_by_no_more_than_was_traced(plan, sizes):
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", GROWTH, "numba_cpu", plan, *map(str, sizes)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
        # Else memory that drawing the rows took and gave back serves again, and nothing grows.
        env={**os.environ, "MALLOC_MMAP_THRESHOLD_": "65536"},
    )
    grown, traced = json.loads(done.stdout)
    assert traced > 11 * MIB
    assert grown < 1.1 * traced + 3 * MIB
    # What is asked for and never touched takes no memory: most of all the direct plan's gradient,
    # 12.5 of 20 MB, of which plain SGD has but the biases'. Grown were 6.2 to 6.6 MB.
    assert traced < 4 * grown
