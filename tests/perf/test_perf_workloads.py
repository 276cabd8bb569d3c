"""Whole trainings of deeper networks; a group compares backends on one of the peers' workloads."""

import dataclasses

import pytest

from samplewise.testing.tolerances import after_steps
from samplewise_bench.contestants import Contestant
from samplewise_bench.peers.workloads import WORKLOADS

ROWS = 64


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("workload", ["784-128-32-10-adam", "cnn"])
def test_training(benchmark, workload, backend):
    benchmark.group = f"train {workload}, {ROWS} rows, 1 epoch"
    whole = WORKLOADS[workload].build().problem
    problem = dataclasses.replace(whole, X=whole.X[:ROWS], Y=whole.Y[:ROWS], epochs=1)
    contestant = Contestant(problem, backend)

    _, _, loss = benchmark.pedantic(
        contestant.train,
        setup=lambda: ((contestant.fresh_state(),), {}),
        rounds=5,
        warmup_rounds=1,
    )

    expected = Contestant(problem, "vectorized").run_once().final_loss
    assert loss == pytest.approx(expected, rel=after_steps(100, "float32").relative)
