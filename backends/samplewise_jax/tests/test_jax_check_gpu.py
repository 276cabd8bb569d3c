"""The script that checks the backend on a graphics processor, run without one."""

import json
import subprocess
import sys
from pathlib import Path

import agreement
import check_gpu
import pytest
import times

from samplewise.network import SGD, multilayer_perceptron
from samplewise.testing.certificate import Certificate

SCRIPT = Path(__file__).parents[1] / "check_gpu.sh"
RIGHT = agreement.Agreement("a row", 1e-16, 0.5, "1 of 1 epochs")


def test_without_a_gpu_it_says_so_in_one_line_and_by_its_exit_code(tmp_path):
    done = subprocess.run(
        [SCRIPT, "--out", tmp_path / "out"],
        env={"PYTHON": sys.executable, "JAX_PLATFORMS": "cpu", "PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == check_gpu.NO_GPU, done.stderr
    (line,) = done.stdout.splitlines()
    assert line.startswith("nothing was checked: backend 'jax' cannot run on device 'gpu:0'")
    assert not (tmp_path / "out").exists()


@pytest.fixture
def small(monkeypatch):
    """Leave one work and no certificate: those take minutes."""
    network = multilayer_perceptron(4, 2, 3)
    monkeypatch.setattr(times, "WORKS", [times.Work("tiny", network, SGD(), 2, 6)])
    monkeypatch.setattr(times, "ROUNDS", 2)
    passed = Certificate("jax", "1", 2, (), (), ())
    monkeypatch.setattr(check_gpu, "certify", lambda backend, rungs: passed)


def run(monkeypatch, folder, found):
    monkeypatch.setattr(check_gpu, "agreements", lambda device: iter(found))
    monkeypatch.setattr(sys, "argv", ["check_gpu.sh", "--cpu-only", "--out", str(folder)])
    return check_gpu.main()


@pytest.mark.usefixtures("small")
def test_the_columns_of_the_cpu_are_written_as_json_and_markdown(monkeypatch, tmp_path):
    assert run(monkeypatch, tmp_path / "out", [RIGHT]) == 0
    found = json.loads((tmp_path / "out" / "check.json").read_text(encoding="utf-8"))
    assert (found["device"], found["right"]) == ("cpu:0", True)
    assert found["columns"] == ["jax on cpu", "numba_cpu on cpu"]
    assert [len(column) for column in found["epoch_ms"]["tiny"]] == [2, 2]
    page = (tmp_path / "out" / "check.md").read_text(encoding="utf-8")
    assert page.startswith("# jax on cpu:0: right\n")
    assert "| work | jax on cpu | numba_cpu on cpu |" in page


@pytest.mark.usefixtures("small")
@pytest.mark.parametrize("share", [2.0, float("nan")])
def test_losses_that_are_too_far_apart_are_wrong(monkeypatch, tmp_path, share):
    wrong = agreement.Agreement("a row", share, share, "1 of 1 epochs")
    assert run(monkeypatch, tmp_path / "out", [RIGHT, wrong]) == check_gpu.WRONG


def test_the_sample_is_of_the_device_asked_for():
    sampled = check_gpu.Sampled("cpu")
    assert sampled.capabilities.device == "cpu:0"
    assert sampled.capabilities.layers == {"dense"}
    assert sampled.name == "jax"
