"""The rates of a machine: measured once, kept whole, never trusted when damaged."""

import dataclasses
import json
import os
import subprocess
import sys
import time

import numpy as np
import pytest
import threadpoolctl

from limits import killed_late
from samplewise_backends.numba_cpu.compile import key
from samplewise_backends.numba_cpu.planner import calibration, measuring
from samplewise_backends.numba_cpu.planner.calibration import (
    BUILT_IN,
    V3,
    V4,
    ZEN_5,
    ZEN_5_AVX2_BLAS,
    nearest_machine,
)
from samplewise_backends.numba_cpu.planner.rates import interpolated

RATES = calibration.built_in_rates("float32")


@pytest.fixture
def folder(tmp_path, monkeypatch):
    """An empty cache folder, in a process that knows no rates yet."""
    monkeypatch.setattr(calibration, "cache_folder", lambda: tmp_path)
    monkeypatch.setattr(calibration, "keeps_kernels", lambda: True)
    monkeypatch.setattr(calibration, "_known", {})
    return tmp_path


@pytest.fixture
def measured(monkeypatch):
    """Replace measuring, and return what was asked of it."""
    asked = []

    def measure(dtype):
        asked.append(dtype.name)
        return dataclasses.replace(RATES, step=RATES.step + len(asked))

    monkeypatch.setattr(measuring, "measure", measure)
    return asked


def test_rates_are_measured_once_for_each_dtype_and_kept(folder, measured):
    first = calibration.calibrate("float32")
    assert first.built_in == ""
    calibration.calibrate("float64")
    assert calibration.known_rates("float32") == first
    calibration._known.clear()
    assert calibration.known_rates("float32") == calibration.calibrate("float32") == first
    assert measured == ["float32", "float64"]
    assert sorted(path.name for path in folder.iterdir()) == [
        "rates-float32.json",
        "rates-float64.json",
    ]


def test_rates_are_not_measured_until_somebody_asks(folder, measured):
    found = calibration.known_rates("float32")
    assert (found.rates, found.built_in) == (RATES, "this machine was not measured")
    assert measured == []
    assert list(folder.iterdir()) == []


def test_a_process_keeps_to_the_rates_that_it_began_with(folder):
    first = calibration.known_rates("float32")
    calibration.write(folder / "rates-float32.json", dataclasses.replace(RATES, step=77.0))
    assert calibration.known_rates("float32") == first
    assert calibration.calibrate("float32").rates.step == 77.0


@pytest.mark.parametrize("machine", BUILT_IN)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_built_in_rates_are_such_as_a_file_could_have(tmp_path, machine, dtype):
    path, rates = tmp_path / "rates.json", calibration.built_in_rates(dtype, machine)
    calibration.write(path, rates)
    assert calibration.read(path) == rates


@pytest.mark.parametrize(
    ("processor", "levels", "avx2_blas", "nearest"),
    [
        ("nehalem", [], False, V3),
        ("znver3", [V3], True, V3),
        ("znver4", [V4, V3], False, V4),
        ("sapphirerapids", [V4, V3], False, V4),
        ("znver5", [V4, V3], False, ZEN_5),
        ("znver5", [V4, V3], True, ZEN_5_AVX2_BLAS),
        ("znver6", [V4, V3], True, ZEN_5_AVX2_BLAS),
    ],
)
def test_built_in_rates_are_those_of_the_nearest_machine(
    monkeypatch, processor, levels, avx2_blas, nearest
):
    monkeypatch.setattr(key, "processor", lambda: key.Processor(processor, ""))
    monkeypatch.setattr(key, "levels", lambda: levels)
    monkeypatch.setattr(calibration, "has_avx2_kernels", lambda: avx2_blas)
    assert nearest_machine() == nearest


@pytest.mark.parametrize(
    ("core", "narrow"),
    [
        ("Haswell", True),
        pytest.param(
            *("SkylakeX", False),
            marks=pytest.mark.skipif(V4 not in key.levels(), reason="needs AVX-512"),
        ),
    ],
)
def test_blas_says_which_products_it_takes(core, narrow):
    asks = "from samplewise_backends.numba_cpu.compile.blas import has_avx2_kernels as ask; "
    environment = os.environ | {"OPENBLAS_CORETYPE": core}
    found = subprocess.run(
        [sys.executable, "-c", asks + "print(ask())"],
        check=True,
        env=environment,
        capture_output=True,
        timeout=120,
    )
    assert found.stdout.decode().strip() == str(narrow)


def test_what_is_written_is_what_is_read(tmp_path):
    path = tmp_path / "rates.json"
    for rates in map(calibration.built_in_rates, ("float32", "float64")):
        calibration.write(path, rates)
        assert calibration.read(path) == rates


def damaged(change):
    """Return a file's bytes after a change of its content."""
    content = {
        "format": calibration.FORMAT,
        "machine": calibration.machine(),
        "rates": dataclasses.asdict(RATES),
    }
    content = json.loads(json.dumps(content))  # Tuples become lists.
    change(content)
    return json.dumps(content).encode()


DAMAGES = {
    "empty": b"",
    "cut": damaged(lambda content: None)[:-20],
    "no text": b"\xff\xfe\x00",
    "another value": b"[1, 2]",
    "deeply nested": b"[" * 50_000,
    "too long": b" " * (calibration.MAX_BYTES + 1),
    "another format": damaged(lambda content: content.update(format=0)),
    "another machine": damaged(lambda content: content["machine"].update(processor="8086")),
    "a name too many": damaged(lambda content: content.update(more=1)),
    "no rates": damaged(lambda content: content.pop("rates")),
    "rates of another kind": damaged(lambda content: content.update(rates=[1.0])),
    "a rate missing": damaged(lambda content: content["rates"].pop("step")),
    "a rate too many": damaged(lambda content: content["rates"].update(more=1.0)),
    "text": damaged(lambda content: content["rates"].update(step="fast")),
    "true": damaged(lambda content: content["rates"].update(step=True)),
    "zero": damaged(lambda content: content["rates"].update(step=0.0)),
    "not a number": damaged(lambda content: content["rates"].update(step=float("nan"))),
    "infinite": damaged(lambda content: content["rates"].update(step=float("inf"))),
    "negative": damaged(lambda content: content["rates"]["gram"].__setitem__(0, -1.0)),
    "a short table": damaged(lambda content: content["rates"]["gram"].pop()),
    "a number for a table": damaged(lambda content: content["rates"].update(gram=1.0)),
    "a table for a number": damaged(lambda content: content["rates"].update(step=[1.0])),
    "a short inner table": damaged(lambda content: content["rates"]["values"][0][1][2].pop()),
}


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_file_is_measured_anew_and_replaced(folder, measured, damage):
    path = folder / "rates-float32.json"
    path.write_bytes(DAMAGES[damage])
    assert calibration.read(path) is None
    assert calibration.calibrate("float32").rates.step == RATES.step + 1
    assert calibration.read(path).step == RATES.step + 1


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_is_no_file_is_neither_read_nor_measured_for(folder, measured, make):
    make(folder / "rates-float32.json")
    found = calibration.calibrate("float32")
    assert found.rates == RATES
    assert "is not a file" in found.built_in
    assert measured == []


def test_kernels_of_another_processor_are_another_machine(tmp_path, monkeypatch):
    path = tmp_path / "rates.json"
    monkeypatch.delenv("OPENBLAS_CORETYPE", raising=False)
    calibration.write(path, RATES)
    monkeypatch.setenv("OPENBLAS_CORETYPE", "Haswell")
    assert calibration.read(path) is None


def test_rates_that_another_process_kept_meanwhile_are_taken(folder, monkeypatch):
    theirs = dataclasses.replace(RATES, step=77.0)

    def measure(dtype):
        calibration.write(folder / "rates-float32.json", theirs)
        return RATES

    monkeypatch.setattr(measuring, "measure", measure)
    assert calibration.calibrate("float32").rates == theirs


IN_TURN = """
import dataclasses, sys
from pathlib import Path
from samplewise_backends.numba_cpu.planner import calibration, measuring
def measure(dtype):
    print("measures", flush=True)
    sys.stdin.readline()
    return dataclasses.replace(calibration.built_in_rates("float32"), step=float(sys.argv[2]))
measuring.measure = measure
calibration.cache_folder = lambda: Path(sys.argv[1])
print(calibration.calibrate("float32").rates.step)
"""


def test_processes_that_measure_at_once_leave_one_whole_file(tmp_path):
    both = [
        subprocess.Popen(
            [sys.executable, "-c", IN_TURN, tmp_path, step],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        for step in ("50", "60")
    ]
    with killed_late(both[0]), killed_late(both[1]):
        # Both measure before either has written.
        assert [process.stdout.readline() for process in both] == ["measures\n"] * 2
        found = [process.communicate("\n")[0] for process in both]
    kept = calibration.read(tmp_path / "rates-float32.json")
    # The second takes what the first has kept.
    assert found == ["50.0\n"] * 2
    assert kept.step == 50.0
    assert len(list(tmp_path.iterdir())) == 1


def test_without_a_folder_nothing_is_measured(folder, monkeypatch, measured):
    monkeypatch.setattr(calibration, "cache_folder", lambda: None)
    found = calibration.calibrate("float32")
    assert found.rates == RATES
    assert found.built_in == "no folder to keep measured ones in"
    assert measured == []


def test_rates_in_a_folder_that_can_only_be_read_are_taken(folder, measured, monkeypatch):
    monkeypatch.setattr(calibration, "keeps_kernels", lambda: False)
    calibration.write(folder / "rates-float32.json", RATES)
    assert calibration.calibrate("float32") == calibration.Calibration(RATES)
    assert calibration.calibrate("float64").built_in == f"{folder} cannot be written"
    assert measured == []


def test_a_full_disk_leaves_nothing_and_built_in_rates(folder, measured, monkeypatch):
    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    found = calibration.calibrate("float32")
    assert found.rates == RATES
    assert "No space left on device" in found.built_in
    assert list(folder.iterdir()) == []


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_measuring_finds_can_be_kept(dtype, tmp_path):
    rates = measuring.measure(np.dtype(dtype))
    calibration.write(tmp_path / "rates.json", rates)
    assert calibration.read(tmp_path / "rates.json") == rates


# Coverage's tracer takes as long as what it traces.
@pytest.mark.no_cover
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_measuring_takes_less_than_two_seconds(dtype):
    def seconds():
        began = time.thread_time()
        measuring.measure(np.dtype(dtype))
        return time.thread_time() - began

    # The first may compile; other work of the machine can only add to any of them.
    assert any(seconds() < 2.0 for _ in range(4))


def test_between_two_points_the_logarithms_are_interpolated():
    assert interpolated((1, 100), (1.0, 9.0), 10) == pytest.approx(3.0)
    assert interpolated((1, 100), (0.0, 4.0), 10) == pytest.approx(2.0)
    assert [interpolated((1, 100), (1.0, 9.0), x) for x in (0.1, 1, 100, 1e6)] == [1, 1, 9, 9]


def test_the_rates_are_those_of_one_thread_whatever_the_caller_has(monkeypatch):
    seen = []

    def rates(self):
        blas = threadpoolctl.ThreadpoolController().select(user_api="blas").lib_controllers
        seen.extend(library.num_threads for library in blas)
        return RATES

    monkeypatch.setattr(measuring._Bench, "rates", rates)
    with threadpoolctl.threadpool_limits(2, user_api="blas"):
        measuring.measure(np.dtype("float32"))
    assert set(seen) == {1}
