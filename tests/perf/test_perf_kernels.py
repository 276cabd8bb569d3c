"""Single calls of a program on 784-10-1: a prediction, a gradient, an epoch."""

import numpy as np
import pytest

from samplewise.contract import Steps
from samplewise.report.published import published_rows
from samplewise_bench.rows import row_problem
from samplewise_bench.training import Training

FINAL = next(row for row in published_rows() if row.id == "final-1")


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture(params=["reference", "vectorized", "numba_cpu"])
def training(request, dtype):
    return Training(row_problem(FINAL, dtype), request.param)


def tolerance(problem):
    return 1e-9 if problem.dtype == np.float64 else 1e-4


def reference_program(problem):
    return Training(problem, "reference").program


@pytest.mark.parametrize("rows", [1, 200])
def test_predict(benchmark, training, rows):
    problem = training.problem
    benchmark.group = f"predict {rows} rows, {problem.dtype}"
    X = problem.test_inputs[:rows]
    weights = training.fresh_states()[0].parameters

    logits = benchmark(training.program.predict, weights, X)

    expected = reference_program(problem).predict(weights, X)
    np.testing.assert_allclose(logits, expected, rtol=tolerance(problem), atol=tolerance(problem))


@pytest.mark.parametrize("rows", [1, 32])
def test_gradients(benchmark, training, rows):
    problem = training.problem
    benchmark.group = f"gradient of {rows} rows, {problem.dtype}"
    X, Y = problem.X[:rows], problem.Y[:rows]
    weights = training.fresh_states()[0].parameters

    loss, gradient = benchmark(training.program.gradients, weights, X, Y)

    expected_loss, expected = reference_program(problem).gradients(weights, X, Y)
    assert loss == pytest.approx(expected_loss, rel=tolerance(problem))
    np.testing.assert_allclose(
        gradient, expected, rtol=0, atol=tolerance(problem) * np.abs(expected).max()
    )


@pytest.mark.parametrize("batch_size", [1, 32])
def test_epoch(benchmark, training, batch_size):
    problem = training.problem
    benchmark.group = f"epoch of 800 rows, batch {batch_size}, {problem.dtype}"
    order = np.arange(len(problem.X))
    steps = Steps(order, 0, len(order), batch_size, FINAL.learning_rate)
    losses = np.ones(len(problem.X), dtype=problem.dtype)

    def fresh():
        return (training.fresh_states()[0], problem.X, problem.Y, steps, losses), {}

    benchmark.pedantic(training.program.run_epoch, setup=fresh, rounds=5, warmup_rounds=1)

    assert np.isfinite(losses).all()
    assert losses[-200:].mean() < losses[:200].mean()
