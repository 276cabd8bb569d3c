"""The guide to writing a backend, followed word by word."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
GUIDE = ROOT / "docs" / "WRITING_A_BACKEND.md"
BLOCK = re.compile(r"```(\w+)\n(.*?)```", re.DOTALL)
FILE = re.compile(r"`([\w./]+)`:\n```\w+\n(.*?)```", re.DOTALL)

# The command, which climbs a short rung only: the guide's call climbs all.
ONE_RUNG = """
import functools, sys
from samplewise import testing
from samplewise.cli.app import main
testing.certify = functools.partial(testing.certify, rungs=["repeat"])
sys.exit(main(sys.argv[1:]))
"""


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    """The folder into which pip has installed the distribution that the guide writes."""
    folder = tmp_path_factory.mktemp("toy")
    for name, content in FILE.findall(GUIDE.read_text(encoding="utf-8")):
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(content, encoding="utf-8")
    target = folder / "site"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-index"]
    command += ["--no-build-isolation", "--target", str(target), str(folder)]
    subprocess.run(command, check=True, capture_output=True, timeout=240)
    return target


def run(site, *command, cwd=None):
    environment = {**os.environ, "PYTHONPATH": str(site)}
    return subprocess.run(
        command, env=environment, cwd=cwd, capture_output=True, text=True, check=False, timeout=240
    )


def blocks(language):
    found = BLOCK.findall(GUIDE.read_text(encoding="utf-8"))
    return [content for kind, content in found if kind == language]


def test_the_files_of_the_guide_are_those_of_the_toy():
    files = dict(FILE.findall(GUIDE.read_text(encoding="utf-8")))
    assert set(files) == {"pyproject.toml", "src/toy_samplewise/__init__.py"}
    for name, content in files.items():
        assert content == (ROOT / "tests" / "plugins" / "toy" / name).read_text(encoding="utf-8")


def test_the_guide_s_backend_is_certified_by_the_guide_s_call(site):
    done = run(site, sys.executable, "-c", blocks("python")[-1])
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith("toy keeps the contract: ")
    for capability in (
        "layer dense",
        "activation tanh",
        "loss mean_squared_error",
        "optimizer sgd",
    ):
        assert re.search(rf"^{capability} +\d+ +0 ", done.stdout, re.MULTILINE), capability
    assert re.search(r"^  not offered: .*layer 'conv'", done.stdout, re.MULTILINE)


def test_the_guide_s_command_writes_the_certificate(site, tmp_path):
    (command,) = blocks("sh")
    program, *arguments = command.split()
    assert program == "samplewise"
    done = run(site, sys.executable, "-c", ONE_RUNG, *arguments, cwd=tmp_path)
    assert done.returncode == 0, done.stderr
    found = json.loads((tmp_path / arguments[-1]).read_text())
    assert (found["backend"], found["passed"]) == ("toy", True)
    assert [rung["rung"] for rung in found["rungs"]] == ["repeat"]


def test_the_guide_s_table_names_every_rung():
    from samplewise.testing import ladder

    assert re.findall(r"^\| `(\w+)` \|", GUIDE.read_text(encoding="utf-8"), re.MULTILINE) == [
        *ladder.RUNGS
    ]
