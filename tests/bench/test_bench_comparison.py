"""The comparison: ratios, calibration, conditions, table and JSON."""

import json
import os
import sys
from types import SimpleNamespace

import numpy as np
import pytest
from threadpoolctl import threadpool_info

from samplewise.threads import VARIABLES
from samplewise_bench.agreement import Key
from samplewise_bench.calibration import SQUARE, Calibration, Product, calibrate
from samplewise_bench.conditions import conditions, one_core
from samplewise_bench.rows import HEADERS, available_backends, compare_rows, summarize
from samplewise_bench.training import TimedRun


class FakeTraining:
    def __init__(self, flops):
        self.problem = SimpleNamespace(flops=flops)


@pytest.fixture
def results(small_rows):
    """Row "narrow", published at 100 ms: reference 20 ms, numba_cpu 4 ms, at batch 1 and 32."""
    training = FakeTraining(flops=2_000_000)
    milliseconds = {"reference": (20, 19, 80), "numba_cpu": (4, 3, 5)}
    runs = {
        Key("narrow", batch_size, backend): [TimedRun(ms / 1e3, 0.7, 0.1, 0.9) for ms in times]
        for batch_size in (1, 32)
        for backend, times in milliseconds.items()
    }
    calibration = Calibration("float64", {SQUARE: 1.0}, 1.0)
    return {
        (result.key.backend, result.key.batch_size): result
        for result in summarize(dict.fromkeys(runs, training), small_rows, runs, calibration)
    }


def test_ratios_are_of_medians_at_the_same_batch_size(results):
    assert results["numba_cpu", 1].over_reference == pytest.approx(5)
    assert results["numba_cpu", 32].over_reference == pytest.approx(5)
    assert results["reference", 1].over_reference == pytest.approx(1)


def test_only_batch_size_1_is_held_against_the_report(results):
    assert results["numba_cpu", 1].over_report == pytest.approx(25)
    assert results["numba_cpu", 32].over_report is None


def test_the_floor_is_operations_by_rate(results):
    # 2e6 operations at 1 GFLOP/s take 2 ms, half of the 4 ms measured.
    assert results["numba_cpu", 1].of_floor == pytest.approx(0.5)


def test_without_the_reference_there_is_no_ratio(small_rows):
    key = Key("narrow", 1, "numba_cpu")
    calibration = Calibration("float64", {SQUARE: 1.0}, 1.0)
    (result,) = summarize(
        {key: FakeTraining(1)}, small_rows, {key: [TimedRun(1e-3, 0.7, 0.1, 0.9)]}, calibration
    )
    assert result.over_reference is None
    assert result.cells()[4] == "-"


@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_the_calibration_is_plausible(dtype):
    product = Product(32, 784, 10)
    with one_core():
        calibration = calibrate(dtype, [product, SQUARE])
    assert list(calibration.gflops) == [SQUARE, product]
    for rate in calibration.gflops.values():
        assert 0.1 < rate < 10_000
    assert 1 < calibration.exp_per_us < 100_000
    assert str(product) == "32x784x10"
    assert product.flops == 2 * 32 * 784 * 10


def cores():
    return os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else set()


def blas_threads():
    np.ones((2, 2)) @ np.ones((2, 2))
    return [library["num_threads"] for library in threadpool_info()]


def fail_on_one_core():
    with one_core():
        assert {os.environ[name] for name in VARIABLES} == {"1"}
        assert set(blas_threads()) == {1}
        assert len(cores()) <= 1
        assert conditions()["pinned_to"] in (sorted(cores()), None)
        raise KeyError


def test_one_core_and_one_thread_and_all_is_restored(monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    monkeypatch.delenv("NUMBA_NUM_THREADS", raising=False)
    before = blas_threads(), cores(), dict(os.environ)
    with pytest.raises(KeyError):
        fail_on_one_core()
    assert (blas_threads(), cores(), dict(os.environ)) == before


@pytest.fixture(scope="module")
def backends():
    return available_backends()


def test_a_whole_comparison(small_rows, small_data, backends):
    comparison = compare_rows(small_rows, backends, batch_sizes=(1, 8), rounds=2, data=small_data)
    assert backends[0] == "reference"
    assert len(comparison.results) == 2 * 2 * len(backends)
    assert comparison.data == "dots, 40 training rows"
    # Kernels that are found compiled need no numba.
    assert comparison.conditions["numba_threads"] == (1 if "numba" in sys.modules else None)
    assert all("1 threads" in library for library in comparison.conditions["libraries"])
    losses = {(r.key.row, r.key.batch_size): r.final_loss for r in comparison.results}
    for result in comparison.results:
        assert result.final_loss == pytest.approx(losses[result.key.row, result.key.batch_size])
        assert len(result.cells()) == len(HEADERS)

    document = json.loads(json.dumps(comparison.to_json(), allow_nan=False))
    assert document["rounds"] == 2
    assert document["calibration"]["gflops"].keys() >= {"512x512x512", "1x16x4", "8x16x1"}
    first = document["results"][0]
    assert (first["row"], first["backend"], first["batch_size"]) == ("narrow", "reference", 1)
    assert first["min_ms"] <= first["median_ms"] <= first["max_ms"]
    assert "hosted notebook on an unknown CPU" in comparison.caption()
