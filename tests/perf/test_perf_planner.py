"""The planner's choice beside every fixed one, on a few of the suite's works.

All of them: `python -m samplewise_bench.planner_check`. Here the choice goes by rates of this
machine, measured for the test: built-in ones are of another.
"""

import numpy as np
import pytest

from samplewise_backends.numba_cpu.planner import choice
from samplewise_backends.numba_cpu.planner.calibration import Calibration
from samplewise_backends.numba_cpu.planner.measuring import measure
from samplewise_bench.planner_check import BAD, ROUNDS, judge
from samplewise_bench.shapes import JUDGED

SOME = JUDGED[::9]


@pytest.fixture(scope="module")
def calibrated():
    """Let the planner know this machine, and keep nothing of that."""
    found = {name: Calibration(measure(np.dtype(name))) for name in ("float32", "float64")}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(choice, "known_rates", found.__getitem__)
        yield


@pytest.mark.usefixtures("calibrated")
@pytest.mark.parametrize("work", SOME, ids=str)
def test_the_choice_is_never_much_slower_than_the_best_fixed_one(benchmark, work):
    benchmark.group = "planner"
    verdict, _ = benchmark.pedantic(judge, args=(work, ROUNDS), rounds=1)
    benchmark.extra_info["chosen"], benchmark.extra_info["best"] = verdict.chosen, verdict.best
    assert verdict.ratio <= BAD
    assert verdict.predicted_ms > 0
