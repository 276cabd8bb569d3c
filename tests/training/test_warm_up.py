"""`warm_up` does ahead what later processes then need not do, for every backend that can."""

import os
import subprocess
import sys
from types import SimpleNamespace

import pytest

import samplewise
from samplewise import registry
from samplewise.errors import ContractError, ParameterError
from samplewise_backends.numba_cpu import build, preparation
from samplewise_backends.numba_cpu.compile.library import Origin
from samplewise_backends.numba_cpu.kernels.trial import trial_product
from samplewise_backends.numba_cpu.planner.calibration import Calibration

# With one kernel instead of all; the test of `build` holds that it knows all.
FEW = """
import sys
from samplewise.cli.app import main
from samplewise_backends.numba_cpu import availability, preparation
from samplewise_backends.numba_cpu.compile import library
from samplewise_backends.numba_cpu.kernels.trial import trial_product

library.PREBUILT = library.PREBUILT / "none"
availability._error_of_trial = lambda: 0.0
preparation.all_routines = lambda: [trial_product]
sys.exit(main(["warm-up", "--dtype", "float64", "--no-measure"]))
"""


def start(cache):
    """Run a process; return what it says, and the files of the cache with their times."""
    environment = {**os.environ, "SAMPLEWISE_CACHE_DIR": str(cache)}
    done = subprocess.run(
        [sys.executable, "-c", FEW],
        env=environment,
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    files = {path: path.stat().st_mtime_ns for path in cache.rglob("*") if path.is_file()}
    return done.stdout, files


def test_a_second_start_compiles_nothing(tmp_path):
    said, kept = start(tmp_path)
    assert said.startswith("numba_cpu: float64 kernels: 1 compiled by this process, in ")
    assert len(kept) == 1
    said, after = start(tmp_path)
    assert said.startswith("numba_cpu: float64 kernels: 1 compiled by an earlier process, in ")
    assert after == kept


@pytest.fixture
def of_one_kernel(monkeypatch):
    """The compiled backend, with one kernel and a measuring that takes no time."""
    rates = {"float32": Calibration(None), "float64": Calibration(None, "nothing can be kept")}
    monkeypatch.setattr(preparation, "all_routines", lambda: [trial_product])
    monkeypatch.setattr(preparation, "origin_of", lambda *_: Origin.PREBUILT)
    monkeypatch.setattr(preparation, "calibrate", rates.get)


def test_each_thing_that_is_done_has_a_line(of_one_kernel):
    lines = [line.rpartition(", in ")[0] for line in samplewise.warm_up(["float32", "float64"])]
    assert lines == [
        "numba_cpu: float32 kernels: 1 prebuilt",
        "numba_cpu: float32 rates: measured on this machine",
        "numba_cpu: float64 kernels: 1 prebuilt",
        "numba_cpu: float64 rates: built in, as nothing can be kept",
    ]


def test_measuring_can_be_left_out(of_one_kernel):
    (line,) = samplewise.warm_up(["float64"], measure=False)
    assert "kernels" in line


def test_what_cannot_be_prepared_is_said_or_passed_over(monkeypatch):
    listings = [
        registry.Listing("broken", "plugin", "1", False, "no device", None),
        registry.Listing("simple", "plugin", "1", True, "", None),
    ]
    monkeypatch.setattr(registry, "listings", lambda: listings)
    monkeypatch.setattr(registry, "load", lambda name: SimpleNamespace(name=name))
    assert samplewise.warm_up() == ["broken is unavailable: no device"]


def test_an_error_of_a_backend_names_it(monkeypatch):
    def prepare(dtypes, *, measure):
        raise ZeroDivisionError("x")
        yield

    own = SimpleNamespace(name="broken", prepare=prepare)
    listings = [registry.Listing("broken", "plugin", "1", True, "", None)]
    monkeypatch.setattr(registry, "listings", lambda: listings)
    monkeypatch.setattr(registry, "load", lambda name: own)
    with pytest.raises(ContractError, match="backend 'broken' raised ZeroDivisionError: x"):
        samplewise.warm_up()


@pytest.mark.parametrize("wrong", ["float64", ["float16"], None])
def test_other_dtypes_are_refused(wrong):
    with pytest.raises(ParameterError, match="dtype"):
        samplewise.warm_up(wrong)


def test_the_backend_is_prepared_with_what_is_built_ahead():
    assert preparation.all_routines is build.all_routines
