"""A timed training takes one thread, whatever compiling has loaded."""

import dataclasses

import pytest
from threadpoolctl import threadpool_info, threadpool_limits

from faults.faulty_reference import FaultyBackend, FaultyReference
from samplewise import registry
from samplewise.registry import Choice
from samplewise_bench import rows
from samplewise_bench.calibration import SQUARE, Calibration
from samplewise_bench.scaling import measure
from samplewise_bench.scaling.curves import AXES, BASE, Method


def counts():
    return {lib["num_threads"] for lib in threadpool_info() if lib["user_api"] == "blas"}


@pytest.fixture
def timed(monkeypatch):
    """The thread counts that programs find while they are timed; two threads elsewhere."""
    found, interleave = [], rows.interleave
    looking = []

    class Looks(FaultyReference):
        def warm_up(self):
            # As a library has that compiling has only now loaded.
            threadpool_limits(limits=2)

        def run_epoch(self, *given):
            found.extend(counts() if looking else ())
            super().run_epoch(*given)

    def interleaved(*given):
        looking.append(True)
        return interleave(*given)

    choice = Choice(FaultyBackend("looks", Looks), "chosen by the test")
    monkeypatch.setattr(registry, "resolve", lambda *_: choice)
    for module in (rows, measure):
        monkeypatch.setattr(module, "interleave", interleaved)
    with threadpool_limits(limits=2):
        if counts() != {2}:
            pytest.skip("this machine's BLAS has one thread")
        yield found
        assert counts() == {2}


def test_backends_are_compared_on_one_thread(timed, small_rows, small_data, monkeypatch):
    rates = Calibration("float64", {SQUARE: 1.0}, 1.0)
    monkeypatch.setattr(rows, "calibrate", lambda *_: rates)
    rows.compare_rows(small_rows[:1], ["looks"], rounds=1, data=small_data)
    assert set(timed) == {1}


def test_sizes_are_timed_on_one_thread(timed, monkeypatch):
    monkeypatch.setattr(measure, "BASE", {**BASE, "rows": 20, "epochs": 1, "inputs": 12})
    axis = dataclasses.replace(AXES["rows"], sizes=(1, 2))
    measure.measure([Method("looks")], [axis], rounds=1)
    assert set(timed) == {1}
