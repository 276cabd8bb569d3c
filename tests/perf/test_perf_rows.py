"""Whole trainings of rows of the report; a group compares backends on one row and batch size."""

import math

import pytest

from samplewise.report.part_one.published import published_rows
from samplewise_bench.contestants import Contestant
from samplewise_bench.problems import row_problem

ROWS = {row.id: row for row in published_rows()}
# One unit, a middle width, the widest, and the report's choice.
CHOSEN = ("epochs-10", "neurons-20", "neurons-60", "final-1")


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("batch_size", [1, 32])
@pytest.mark.parametrize("row", CHOSEN)
def test_training(benchmark, row, batch_size, backend):
    benchmark.group = f"train {row}, batch {batch_size}"
    contestant = Contestant(row_problem(ROWS[row], "float64", batch_size), backend)
    benchmark.extra_info["row"] = row

    _, first_loss, final_loss = benchmark.pedantic(
        contestant.train,
        setup=lambda: ((contestant.fresh_state(),), {}),
        rounds=5,
        warmup_rounds=1,
    )

    assert math.isfinite(final_loss)
    assert final_loss < first_loss
    assert final_loss == pytest.approx(contestant.run_once().final_loss, rel=1e-12)
