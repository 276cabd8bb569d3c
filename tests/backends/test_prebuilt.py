"""Kernels built ahead: all of them, taken where the processor and the sources are those, or not."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import numba
import pytest

from samplewise import registry
from samplewise.training.environment import environment
from samplewise_backends.numba_cpu import build, kernels
from samplewise_backends.numba_cpu.compile import jit, key, library
from samplewise_backends.numba_cpu.compile.library import Origin

BACKEND = Path(key.__file__).parents[1]
LEVEL = "x86-64-v3"
# A stand-in for the kernels that compiles in a fraction of a second.
SMALL = """
from samplewise_backends.numba_cpu.compile.jit import routine
from samplewise_backends.numba_cpu.compile.record import NUMBER, record

@routine(record("given", x=NUMBER, y=NUMBER))
def use(given):
    given.y = given.x * 10
"""
USE = """
import sys
from samplewise_backends.numba_cpu.compile import library
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.kernels.small import use

call = Call(use, sys.argv[1])
call.set(x=1.0)
call()
origin = library.origin_of(use, sys.argv[1])
print(call.memory["y"][0], origin.value, *{"numba"} & sys.modules.keys())
"""

FOLDER = """
import sys
from samplewise_backends.numba_cpu.compile import key, library

print(library.built_ahead(library.PREBUILT, sys.argv[1], key.kernels_hash()).is_dir())
"""

needs_level = pytest.mark.skipif(LEVEL not in key.levels(), reason=f"processor below {LEVEL}")


def python(site, cache, *words, **changes):
    environment = os.environ | {"PYTHONPATH": str(site), "NUMBA_CACHE_DIR": str(cache)} | changes
    done = subprocess.run(
        [sys.executable, *words],
        env=environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def built(tmp_path_factory):
    """A package of one kernel and the real compiling, and the objects that it made of itself."""
    site = tmp_path_factory.mktemp("built")
    backend = site / "samplewise_backends" / "numba_cpu"
    shutil.copytree(BACKEND / "compile", backend / "compile")
    shutil.copy(BACKEND / "build.py", backend)
    (backend / "kernels").mkdir()
    for folder in (backend.parent, backend, backend / "kernels"):
        (folder / "__init__.py").write_text("")
    (backend / "kernels" / "small.py").write_text(SMALL)
    cache = site / "cache"
    done = python(site, cache, "-m", build.__name__, "--level", LEVEL)
    assert done.stdout.startswith(f"2 kernels for {LEVEL}, 0.00 MB")
    assert not cache.exists()
    return site


def test_every_routine_of_the_package_is_built():
    """By the numbers that all get; a routine below another name would be passed over."""
    found = build.all_routines()
    numbered = [
        each for each in jit._numbered if each.py_func.__module__.startswith(kernels.__name__)
    ]
    assert sorted(numbered, key=lambda each: each.name) == found
    assert len({each.name for each in found}) == len(found) > 15


@needs_level
def test_without_a_place_for_a_cache_nothing_is_said_of_it(built, tmp_path):
    (tmp_path / "file").write_text("")
    asked = "from samplewise_backends.numba_cpu.compile import kernel_cache as k; k.keeps_kernels()"
    done = python(built, tmp_path / "file" / "below", "-c", f"{asked}\n{USE}", "float64")
    assert (done.stdout, done.stderr) == ("10.0 prebuilt\n", "")


@needs_level
@pytest.mark.parametrize("dtype", build.DTYPES)
def test_a_kernel_that_was_built_ahead_is_not_compiled(built, tmp_path, dtype):
    done = python(built, tmp_path, "-c", USE, dtype)
    assert (done.stdout, done.stderr) == ("10.0 prebuilt\n", "")
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == []


def test_edited_sources_find_nothing_built_ahead(built, tmp_path):
    edited = shutil.copytree(built, tmp_path / "edited")
    with (edited / "samplewise_backends" / "numba_cpu" / "kernels" / "small.py").open("a") as file:
        file.write("\n")
    assert python(built, tmp_path, "-c", FOLDER, LEVEL).stdout == "True\n"
    assert python(edited, tmp_path, "-c", FOLDER, LEVEL).stdout == "False\n"


@pytest.fixture
def some_prebuilt(monkeypatch, tmp_path):
    monkeypatch.setattr(library, "PREBUILT", tmp_path)
    for name in ("CPU_NAME", "CPU_FEATURES"):
        monkeypatch.setattr(numba.config, name, None)
        monkeypatch.delenv(f"NUMBA_{name}", raising=False)


@pytest.mark.parametrize(
    ("lacking", "levels"),
    [
        ("", list(key.LEVELS)),
        ("sse4a", ["x86-64-v4", LEVEL]),
        ("avx512f", [LEVEL]),
        ("avx2", []),
    ],
)
def test_levels_that_the_processor_lacks_are_passed_over(
    monkeypatch, some_prebuilt, lacking, levels
):
    every = key.LEVELS["znver4"].split(",")
    features = {name: name != lacking for name in every}
    monkeypatch.setattr(key, "_host", lambda: ("some", features))
    assert library._levels_built_ahead() == levels


def test_settings_that_change_code_pass_over_what_was_built_ahead(monkeypatch, some_prebuilt):
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    assert library._levels_built_ahead() == []


@pytest.mark.parametrize(
    ("origins", "said"),
    [
        ([Origin.PREBUILT] * 2, "prebuilt"),
        ([Origin.PREBUILT, Origin.KEPT], "compiled here"),
        ([Origin.COMPILED], "compiled here"),
    ],
)
def test_history_and_listing_say_where_kernels_come_from(monkeypatch, origins, said):
    # Loading a backend runs a kernel.
    backend = registry.load("numba_cpu")
    monkeypatch.setattr(library, "_origins", dict(enumerate(origins)))
    assert (backend.kernels, environment(backend)["kernels"]) == (said, said)
    (row,) = (row for row in registry.listings() if row.name == "numba_cpu")
    assert row.kernels == said


def test_a_build_for_another_processor_is_refused(tmp_path):
    with pytest.raises(RuntimeError, match="settings must be its own defaults for x86-64-v3"):
        build.build([], LEVEL, tmp_path)


@pytest.mark.parametrize(
    ("words", "levels"), [([], ["best"]), (["--level", LEVEL, "--level", LEVEL], [LEVEL])]
)
def test_without_levels_the_best_one_of_the_processor_is_built(
    monkeypatch, tmp_path, words, levels
):
    asked = []
    monkeypatch.setattr(key, "levels", lambda: ["best", LEVEL])
    monkeypatch.setattr(build, "build_all", lambda *given: asked.append(given))
    build.main([*words, "--into", str(tmp_path)])
    assert asked == [(levels, tmp_path)]


def test_a_processor_of_no_level_must_name_one(monkeypatch, capsys):
    monkeypatch.setattr(key, "levels", list)
    with pytest.raises(SystemExit, match="2"):
        build.main([])
    assert "none of znver4, x86-64-v4, x86-64-v3; name one by --level" in capsys.readouterr().err


def test_a_level_that_fails_is_an_error_once_the_others_are_built(monkeypatch, tmp_path):
    done = []

    def run(command, env, check):
        assert env["NUMBA_CPU_NAME"] == command[command.index("--level") + 1]
        if env["NUMBA_CPU_NAME"] != LEVEL:
            raise subprocess.CalledProcessError(1, command)
        done.append(env["NUMBA_CPU_NAME"])

    monkeypatch.setattr(build.subprocess, "run", run)
    with pytest.raises(subprocess.CalledProcessError):
        build.build_all(list(key.LEVELS), tmp_path / "into")
    assert done == [LEVEL]
