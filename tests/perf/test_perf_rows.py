"""Whole trainings of rows of the report; a group compares backends on one row and batch size."""

import math

import pytest

from samplewise.report.published import published_rows
from samplewise_bench.rows import row_problem
from samplewise_bench.training import Training

ROWS = {row.id: row for row in published_rows()}
# One unit, a middle width, the widest, and the report's choice.
CHOSEN = ("epochs-10", "neurons-20", "neurons-60", "final-1")


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("batch_size", [1, 32])
@pytest.mark.parametrize("row", CHOSEN)
def test_training(benchmark, row, batch_size, backend):
    benchmark.group = f"train {row}, batch {batch_size}"
    training = Training(row_problem(ROWS[row], "float64", batch_size), backend)
    benchmark.extra_info["row"] = row

    _, losses = benchmark.pedantic(
        training.train,
        setup=lambda: ((training.fresh_states(),), {}),
        rounds=5,
        warmup_rounds=1,
    )

    first_loss, final_loss = losses[0, [0, -1]]
    assert math.isfinite(final_loss)
    assert final_loss < first_loss
    assert final_loss == pytest.approx(training.run_once().final_loss, rel=1e-12)
