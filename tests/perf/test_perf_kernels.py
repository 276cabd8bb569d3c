"""Single calls of a program on 784-10-1: a prediction, a gradient, an epoch."""

import numpy as np
import pytest

from samplewise.bench.problems import Problem
from samplewise.contract import Steps
from samplewise.report.published import published_rows

FINAL = next(row for row in published_rows() if row.id == "final-1")


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture(params=["reference", "vectorized", "numba_cpu"])
def problem(request, dtype):
    return Problem(FINAL, request.param, dtype)


def tolerance(problem):
    return 1e-9 if problem.dtype == np.float64 else 1e-4


@pytest.mark.parametrize("rows", [1, 200])
def test_predict(benchmark, problem, rows):
    benchmark.group = f"predict {rows} rows, {problem.dtype}"
    X = problem.test_X[:rows]
    weights = problem.fresh_state().parameters

    logits = benchmark(problem.program.predict, weights, X)

    expected = Problem(FINAL, "reference", problem.dtype.name).program.predict(weights, X)
    np.testing.assert_allclose(logits, expected, rtol=tolerance(problem), atol=tolerance(problem))


@pytest.mark.parametrize("rows", [1, 32])
def test_gradients(benchmark, problem, rows):
    benchmark.group = f"gradient of {rows} rows, {problem.dtype}"
    X, Y = problem.X[:rows], problem.Y[:rows]
    weights = problem.fresh_state().parameters

    loss, gradient = benchmark(problem.program.gradients, weights, X, Y)

    reference = Problem(FINAL, "reference", problem.dtype.name).program
    expected_loss, expected = reference.gradients(weights, X, Y)
    assert loss == pytest.approx(expected_loss, rel=tolerance(problem))
    np.testing.assert_allclose(
        gradient, expected, rtol=0, atol=tolerance(problem) * np.abs(expected).max()
    )


@pytest.mark.parametrize("batch_size", [1, 32])
def test_epoch(benchmark, problem, batch_size):
    benchmark.group = f"epoch of 800 rows, batch {batch_size}, {problem.dtype}"
    steps = Steps(problem.order, 0, len(problem.X), batch_size, FINAL.learning_rate)
    losses = np.ones(len(problem.X), dtype=problem.dtype)

    def fresh():
        return (problem.fresh_state(), problem.X, problem.Y, steps, losses), {}

    benchmark.pedantic(problem.program.run_epoch, setup=fresh, rounds=5, warmup_rounds=1)

    assert np.isfinite(losses).all()
    assert losses[-200:].mean() < losses[:200].mean()
