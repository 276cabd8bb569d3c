"""Whole trainings of deeper networks; a group compares backends on one of the peers' workloads."""

import dataclasses

import pytest

from samplewise.testing.tolerances import after_steps
from samplewise_bench.peers.workloads import WORKLOADS
from samplewise_bench.training import Training

ROWS = 64


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
@pytest.mark.parametrize("workload", ["784-128-32-10-adam", "cnn"])
def test_training(benchmark, workload, backend):
    benchmark.group = f"train {workload}, {ROWS} rows, 1 epoch"
    whole = WORKLOADS[workload].build().problem
    problem = dataclasses.replace(whole, X=whole.X[:ROWS], Y=whole.Y[:ROWS], epochs=1)
    training = Training(problem, backend)

    _, losses = benchmark.pedantic(
        training.train,
        setup=lambda: ((training.fresh_states(),), {}),
        rounds=5,
        warmup_rounds=1,
    )

    expected = Training(problem, "vectorized").run_once().final_loss
    assert losses[0, -1] == pytest.approx(expected, rel=after_steps(100, "float32").relative)
