"""The locks, pyproject.toml, the Makefile, asv and CI say the same, and none resolves anything."""

import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parents[1]
REQUIREMENTS = ROOT / "requirements"
LOCKS = sorted(path.name for path in REQUIREMENTS.glob("*.lock"))
# What each lock serves, by the extras of pyproject.toml.
EXTRAS = {
    "runtime.lock": (),
    "dev.lock": ("dev",),
    "docs.lock": ("docs",),
    "peers.lock": ("dev", "peers"),
    "peers-cpu.lock": ("dev", "peers"),
}
SETTINGS = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = SETTINGS["project"]


def read(name):
    return (ROOT / name).read_text(encoding="utf-8")


def entries(name):
    """Return the entries of a lock: a package's line, and the lines of its hashes."""
    return re.findall(r"^\S.*\n(?:[ ].*\n)*", read(f"requirements/{name}"), flags=re.MULTILINE)


def locked(name, python):
    """Return the versions that a lock gives on Linux with a Python such as "3.12"."""
    here = {
        "python_version": python,
        "python_full_version": f"{python}.0",
        "sys_platform": "linux",
        "platform_system": "Linux",
        "platform_machine": "x86_64",
    }
    found = {}
    for entry in entries(name):
        requirement = Requirement(entry.split("\\")[0])
        if requirement.marker is None or requirement.marker.evaluate(here):
            assert requirement.name not in found
            [specifier] = requirement.specifier
            assert specifier.operator == "=="
            found[requirement.name] = Version(specifier.version)
    return found


def supported_pythons():
    """Return the versions that requires-python admits."""
    first, end = re.fullmatch(r">=3\.(\d+),<3\.(\d+)", PROJECT["requires-python"]).groups()
    return [f"3.{minor}" for minor in range(int(first), int(end))]


def test_classifiers_ci_and_documents_name_the_pythons_that_are_admitted():
    pythons = supported_pythons()
    assert pythons == ["3.11", "3.12", "3.13", "3.14", "3.15"]
    named = "Programming Language :: Python :: 3."
    classifiers = [text for text in PROJECT["classifiers"] if text.startswith(named)]
    assert [text.rsplit(" ", 1)[-1] for text in classifiers] == pythons
    assert re.search(r"python: (\[.*\])", read(".github/workflows/ci.yml"))[1] == json.dumps(
        pythons
    )
    sentence = f"Python {pythons[0]} to {pythons[-1]} and make"
    assert sentence in read("README.md")
    assert sentence in read("Makefile")


def test_tools_check_for_the_lowest_python():
    lowest = supported_pythons()[0]
    assert SETTINGS["tool"]["mypy"]["python_version"] == lowest
    assert f"--python-version {lowest} " in read("Makefile")
    # ruff goes by requires-python.
    assert "target-version" not in SETTINGS["tool"]["ruff"]


@pytest.mark.parametrize("name", LOCKS)
def test_a_lock_has_a_hash_for_each_entry(name):
    for entry in entries(name):
        assert "--hash=sha256:" in entry
    assert not set(re.sub(r"^\S.*\n(?:[ ].*\n)*", "", read(f"requirements/{name}"), flags=re.M))


@pytest.mark.parametrize("name", EXTRAS)
@pytest.mark.parametrize("python", supported_pythons())
def test_a_lock_fits_the_bounds_of_the_project(name, python):
    versions = locked(name, python)
    extras = PROJECT["optional-dependencies"]
    wanted = [*PROJECT["dependencies"], *(text for key in EXTRAS[name] for text in extras[key])]
    for requirement in map(Requirement, wanted):
        assert requirement.specifier.contains(versions[canonicalize_name(requirement.name)])


@pytest.mark.parametrize("python", supported_pythons())
def test_a_larger_lock_runs_the_project_with_the_same_versions(python):
    runtime = locked("runtime.lock", python)
    for name in EXTRAS:
        assert runtime.items() <= locked(name, python).items()


def test_numba_has_an_upper_bound():
    [numba] = [text for text in PROJECT["dependencies"] if text.startswith("numba")]
    assert numba == "numba>=0.68,<0.69"


def test_the_lock_of_the_cpu_build_is_the_other_without_gpu_packages():
    every = [entry for entry in entries("peers.lock") if not entry.startswith("torch==")]
    common = [entry for entry in every if "sys_platform == 'linux'" not in entry]
    left_out = {Requirement(entry.split("\\")[0]).name for entry in every if entry not in common}
    assert {name.partition("-")[0] for name in left_out} == {"cuda", "nvidia", "triton"}
    cpu = read("requirements/torch-cpu.txt")
    assert read("requirements/peers-cpu.lock") == "".join(common) + cpu
    [torch] = [entry for entry in entries("peers.lock") if entry.startswith("torch==")]
    assert cpu.split("+")[0] == torch.split(" ")[0]


def recipe(*words):
    """Return what make would run, whatever the make that runs this test was given."""
    done = subprocess.run(
        ["make", "--dry-run", "--always-make", *words],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
        timeout=30,
        env={"PATH": os.environ["PATH"]},
    )
    return done.stdout.splitlines()


MADE = {
    "test": ("env", "requirements/dev.lock --editable ."),
    "report": ("env", "requirements/dev.lock --editable ."),
    "peers": ("env-peers", "requirements/peers.lock --editable ."),
    "jax": ("env-jax", "requirements/peers.lock --editable ."),
    "docs": ("env-docs", "requirements/docs.lock --editable ."),
    "wheel": ("build/wheel/env", "requirements/runtime.lock build/wheel/*.whl"),
}


@pytest.mark.parametrize("target", MADE)
@pytest.mark.parametrize("newer_pip", ["", "yes"])
def test_each_environment_is_new_and_filled_by_the_script(target, newer_pip):
    folder, filled = MADE[target]
    lines = recipe("VENV=env", "PYTHON=python", f"NEWER_PIP={newer_pip}", target)
    start = lines.index(f"python -m venv --clear {folder}")
    fill = f"{folder}/bin/python requirements/install.py"
    expected = [f"{fill} requirements/pip.lock"] * bool(newer_pip) + [f"{fill} {filled}"]
    assert lines[start + 1 : start + 1 + len(expected)] == expected


@pytest.mark.parametrize("target", ["peers", "jax"])
def test_the_backend_on_jax_is_installed_beside_the_project(target):
    lines = recipe("VENV=env", "PYTHON=python", target)
    folder, _ = MADE[target]
    install = "-m pip install --quiet --no-deps --no-build-isolation --editable"
    assert f"{folder}/bin/python {install} backends/samplewise_jax" in lines


FILES = ("Makefile", ".ci/run", "asv.conf.json", ".github/workflows/ci.yml")
FILES += (".pre-commit-config.yaml", "docs/WRITING_A_BACKEND.md")


def resolving(text):
    """Return the lines that would let pip choose a version, or build with the newest tools."""
    calls = re.findall(r"^.*\bpip3? (?:install|wheel|download)\b.*$", text, flags=re.MULTILINE)
    return [
        line
        for line in calls
        if "--no-deps" not in line
        or not ("--no-build-isolation" in line or "--only-binary=:all:" in line)
    ]


@pytest.mark.parametrize("name", FILES)
def test_no_file_lets_pip_choose_a_version(name):
    assert resolving(read(name)) == []


def test_a_line_that_lets_pip_choose_is_found():
    text = """
python -m pip install --quiet --require-hashes -r requirements/dev.lock
pip wheel --no-deps .
pip install --no-deps --no-build-isolation .
pip check
"""
    assert resolving(text) == text.splitlines()[1:3]


def test_hooks_before_a_commit_download_nothing():
    hooks = read(".pre-commit-config.yaml")
    assert re.findall(r"repo: (.*)", hooks) == ["local"]
    assert set(re.findall(r"language: (.*)", hooks)) == {"system"}


LOCKED_ENVIRONMENT = """
from types import SimpleNamespace
from asv import config, environment
from asv.plugin_manager import plugin_manager
conf = config.Config.load("asv.conf.json")
for name in conf.plugins:
    plugin_manager.import_plugin(name)
kind = environment.get_environment_class_by_name(conf.environment_type)
kind._install_requirements(SimpleNamespace(run=lambda words: print(*words)))
print(conf.matrix.get("req"))
"""


def test_the_environments_of_asv_are_filled_by_the_script():
    command = [sys.executable, "-c", LOCKED_ENVIRONMENT]
    done = subprocess.run(
        command, cwd=ROOT, capture_output=True, text=True, check=True, timeout=240
    )
    script, lock = REQUIREMENTS / "install.py", REQUIREMENTS / "dev.lock"
    assert done.stdout.splitlines() == [f"{script} {lock}", "None"]
    assert (
        "python {conf_dir}/requirements/install.py {conf_dir}/requirements/dev.lock "
        "--force-reinstall {wheel_file}" in read("asv.conf.json")
    )
