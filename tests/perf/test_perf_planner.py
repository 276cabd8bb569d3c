"""The planner's choice beside every fixed one, on a few of the suite's works.

All of them: `python -m samplewise_bench.planner_check`.
"""

import pytest

from samplewise_bench.planner_check import BAD, judge
from samplewise_bench.shapes import JUDGED

SOME = JUDGED[::9]


@pytest.mark.parametrize("work", SOME, ids=str)
def test_the_choice_is_never_much_slower_than_the_best_fixed_one(benchmark, work):
    benchmark.group = "planner"
    verdict, _ = benchmark.pedantic(judge, args=(work,), rounds=1)
    benchmark.extra_info["chosen"], benchmark.extra_info["best"] = verdict.chosen, verdict.best
    assert verdict.ratio <= BAD
    assert verdict.predicted_ms > 0
