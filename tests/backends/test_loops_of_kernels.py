"""Loops over ranges in kernels run as Python's do, whatever the bounds and the step."""

import numpy as np
import pytest

from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.fields import fields_of
from samplewise_backends.numba_cpu.compile.jit import routine
from samplewise_backends.numba_cpu.compile.record import INTEGER, NUMBER, record, writes
from samplewise_backends.numba_cpu.compile.views import integers_at

BOUNDS = record(
    "bounds", tiny=NUMBER, start=INTEGER, stop=INTEGER, step=INTEGER, seen=writes(INTEGER)
)
LOOPS = 7


@routine(BOUNDS)
def run_loops(bounds):
    """Write the number of turns, the sum of the indices and the last one of each kind of loop."""
    seen = integers_at(bounds.seen, 3 * LOOPS)
    start, stop, step = bounds.start, bounds.stop, bounds.step
    turns, total, last = 0, 0, -99
    for i in range(stop):
        turns, total, last = turns + 1, total + i, i
    seen[0], seen[1], seen[2] = turns, total, last
    for i in range(start, stop):
        turns, total, last = turns + 1, total + i, i
    seen[3], seen[4], seen[5] = turns, total, last
    for i in range(start, stop, 3):
        turns, total, last = turns + 1, total + i, i
    seen[6], seen[7], seen[8] = turns, total, last
    for i in range(stop, start, -1):
        turns, total, last = turns + 1, total + i, i
    seen[9], seen[10], seen[11] = turns, total, last
    for i in range(stop - 1, -1, -2):
        turns, total, last = turns + 1, total + i, i
    seen[12], seen[13], seen[14] = turns, total, last
    for i in range(start, stop, step):
        turns, total, last = turns + 1, total + i, i
    seen[15], seen[16], seen[17] = turns, total, last
    for i in range(start, stop):
        if i == 5:
            continue
        for k in range(i):
            if k == 4:
                break
            turns, total, last = turns + 1, total + i * k, k
    seen[18], seen[19], seen[20] = turns, total, last


@pytest.mark.parametrize("step", [1, 2, 7])
@pytest.mark.parametrize(
    ("start", "stop"), [(0, 0), (0, 1), (0, 9), (3, 9), (9, 3), (-4, 8), (-9, -2), (2, -3)]
)
def test_a_loop_over_a_range_runs_as_in_python(start, stop, step):
    found, expected = np.zeros((2, 3 * LOOPS), np.int64)
    run = Call(run_loops, "float64")
    run.set(start=start, stop=stop, step=step, seen=found)
    run()
    run.set(seen=expected)
    run_loops(fields_of(BOUNDS, run.memory[0]))
    assert found.tolist() == expected.tolist()
    assert expected[3] - expected[0] == len(range(start, stop))
