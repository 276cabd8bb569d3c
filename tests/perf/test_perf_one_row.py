"""One row of 784-10-1 at a time: the prepared call of a program, and what a user calls.

Beside pytest-benchmark's figures stand the best, p50 and p99 of single calls, in microseconds with
the reading of the clock (some 0.07 us) in them: a service waits for single calls.
"""

import time

import numpy as np
import pytest

from samplewise.model.model import Model
from samplewise.report.published import CLASSES, published_rows
from samplewise_bench.problems import report_data
from samplewise_bench.rows import row_problem

FINAL = next(row for row in published_rows() if row.id == "final-1")
SINGLE_CALLS = 20_000


@pytest.fixture(params=["float64", "float32"])
def dtype(request):
    return request.param


@pytest.fixture(params=["reference", "vectorized", "numba_cpu"])
def model(request, dtype):
    problem = row_problem(FINAL, dtype)
    preprocessing = report_data().preprocessing
    described = problem.network, problem.loss, problem.parameters, CLASSES, preprocessing
    return Model(*described, None, "synthetic", request.param)


@pytest.fixture
def raw():
    return report_data().test.X[0]


def timed(benchmark, model, what, call, *given):
    """Benchmark a call, add the distribution of single calls, and return its result."""
    benchmark.group = f"one row, {what}, {model.parameters.dtype}"
    if benchmark.enabled:
        calls = np.sort([nanoseconds(call, *given) for _ in range(SINGLE_CALLS)]) / 1e3
        best, p50, p99 = calls[[0, SINGLE_CALLS // 2, SINGLE_CALLS * 99 // 100]]
        benchmark.extra_info |= {"best_us": best, "p50_us": p50, "p99_us": p99}
    return benchmark(call, *given)


def nanoseconds(call, *given):
    began = time.perf_counter_ns()
    call(*given)
    return time.perf_counter_ns() - began


def test_a_prepared_call(benchmark, model, raw):
    X = np.zeros((1, model.network.inputs), model.parameters.dtype)
    call, logits = model._program.predictor(model.parameters, X)
    X[...] = model.preprocessing.apply(raw[np.newaxis])
    timed(benchmark, model, "a prepared call", call)
    np.testing.assert_array_equal(logits, model.logits(raw[np.newaxis]))


@pytest.mark.parametrize("preprocessed", [False, True], ids=["raw", "preprocessed"])
def test_a_predictor(benchmark, model, raw, preprocessed):
    x, what = raw, "a predictor, raw bytes"
    if preprocessed:
        x = model.preprocessing.apply(raw[np.newaxis])[0].astype(model.parameters.dtype)
        what = "a predictor, preprocessed"
    probabilities = timed(benchmark, model, what, model.predictor(preprocessed=preprocessed), x)
    np.testing.assert_array_equal(probabilities, model.probabilities(raw[np.newaxis])[0])


def test_the_model(benchmark, model, raw):
    X = raw[np.newaxis]
    probabilities = timed(benchmark, model, "Model.probabilities", model.probabilities, X)
    assert probabilities.sum() == pytest.approx(1)
