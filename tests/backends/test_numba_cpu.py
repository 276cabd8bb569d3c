"""The compiled backend: flags, signatures, and a kernel cache that is never stale."""

import importlib
import itertools
import os
import pkgutil
import shutil
import stat
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import PLANS, Steps, Workload
from samplewise.network import SGD
from samplewise.testing import ladder, measures, tolerances
from samplewise.testing.cases import dense_case
from samplewise.testing.problems import problem
from samplewise_backends.numba_cpu import jit, kernels

PACKAGE = Path(jit.__file__).parents[1]
HIDING_FLAGS = {"fast", "nnan", "ninf"}
# Called from Python, where the caller's flags decide what numba sees.
ENTRY_POINTS = {
    "direct": ("run_direct",),
    "blocked": ("run_blocked", "fill_gram"),
    "dual": ("run_dual",),
    "": ("run_by_gradient", "forward"),
}

# A stand-in for the kernels that compiles in a fraction of a second.
HELPER = """
from samplewise_backends.numba_cpu.jit import kernel

@kernel
def helper(x):
    return x + 1
"""
USER = """
from samplewise_backends.numba_cpu.jit import entry_point
from samplewise_backends.numba_cpu.helper import helper

@entry_point
def use(x):
    return helper(x) * 10

print(use(1.0))
"""
TRAIN = """
import numpy as np
from samplewise import registry
from samplewise.testing import ladder, measures, tolerances
from samplewise.testing.cases import dense_case
case = dense_case(3, (2,), 1, rows=5)
program = ladder.compiled(registry.load("numba_cpu"), case)
parameters = ladder.trained(program, case, 1, True).parameters
from samplewise_backends.numba_cpu.kernels.direct import run_direct
print(parameters.tobytes().hex(), "compiled", sum(run_direct.stats.cache_misses.values()))
"""


def all_kernels():
    modules = [
        importlib.import_module(f"{kernels.__name__}.{found.name}")
        for found in pkgutil.iter_modules(kernels.__path__)
    ]
    return {
        name: k
        for module in modules
        for name, k in vars(module).items()
        if hasattr(k, "targetoptions")
    }


def test_no_kernel_hides_nan_or_infinity():
    flags = {name: k.targetoptions["fastmath"] for name, k in all_kernels().items()}
    assert len(flags) > len(ENTRY_POINTS)
    for name, chosen in flags.items():
        assert chosen is not True, name
        assert not HIDING_FLAGS & set(chosen or ()), name
    assert any(flags.values())
    assert not HIDING_FLAGS & jit.REORDERED


def test_no_source_names_a_flag_that_hides_nan():
    decorators = ("njit(", "jit(", "vectorize(", "fastmath")
    for path in (PACKAGE / "numba_cpu").rglob("*.py"):
        if path.name != "jit.py":
            assert not any(word in path.read_text() for word in decorators), path.name


def test_each_kernel_is_compiled_once_a_dtype_whatever_the_caller_s_flags():
    used = set()
    for dtype in ("float64", "float32"):
        for batch_size in (1, 4):
            drawn = problem(dense_case(3, (2,), 1, batch_size=batch_size, rows=10, dtype=dtype))
            for plan in PLANS:
                workload = Workload(10, batch_size, plan=plan)
                program = registry.load("numba_cpu").compile(
                    drawn.network, drawn.loss, SGD(), np.dtype(dtype), workload
                )
                program.warm_up()
                train_with_all_flags(program, drawn, batch_size)
            used.add(dtype)
    for name in itertools.chain(*ENTRY_POINTS.values()):
        first = [signature[1].dtype.name for signature in all_kernels()[name].signatures]
        assert sorted(first) == sorted(used), name


@pytest.mark.parametrize("plan", PLANS)
@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_a_weight_that_is_not_finite_reaches_the_losses(plan, dtype, batch_size, bad):
    drawn = problem(dense_case(3, (2,), 1, batch_size=batch_size, rows=10, dtype=dtype))
    workload = Workload(10, batch_size, plan=plan)
    program = registry.load("numba_cpu").compile(
        drawn.network, drawn.loss, SGD(), np.dtype(dtype), workload
    )
    state, losses = drawn.state(), np.zeros(10, dtype)
    drawn.network.layout.views(state.parameters)["1.weight"][0, 0] = bad
    steps = Steps(np.arange(10), 0, 10, batch_size, 0.1)
    program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
    assert not np.isfinite(losses).any()


def train_with_all_flags(program, drawn, batch_size):
    for writable in (True, False):
        X, Y, theta = drawn.X.copy(), drawn.Y.copy(), drawn.parameters.copy()
        order = np.arange(len(X))
        for array in (X, Y, theta, order):
            array.flags.writeable = writable
        for start, stop in ((0, 8), (8, 10)):
            losses = np.zeros(len(X), dtype=X.dtype)
            steps = Steps(order, start, stop, batch_size, 0.1)
            program.run_epoch(drawn.state(), X, Y, steps, losses)
        program.gradients(theta, X, Y)
        program.predict(theta, X)
        call, _ = program.predictor(theta, drawn.X.copy())
        call()


def clean_environment(cache, package, **changes):
    environment = {k: v for k, v in os.environ.items() if k != "SAMPLEWISE_CACHE_DIR"}
    own = {"NUMBA_CACHE_DIR": str(cache), "PYTHONPATH": str(package.parent)}
    return environment | own | changes


def run_python(code, cache, *, package, **changes):
    done = subprocess.run(
        [sys.executable, "-c", code],
        env=clean_environment(cache, package, **changes),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture
def small_package(tmp_path):
    """The real jit.py beside two small kernels, one of which calls the other."""
    package = tmp_path / "sources" / "samplewise_backends"
    (package / "numba_cpu").mkdir(parents=True)
    for name in ("__init__.py", "numba_cpu/jit.py"):
        shutil.copy(PACKAGE / name, package / name)
    (package / "numba_cpu" / "__init__.py").write_text("")
    (package / "numba_cpu" / "helper.py").write_text(HELPER)
    (package / "numba_cpu" / "user.py").write_text(USER)
    return package


RUN_USER = "import samplewise_backends.numba_cpu.user"


def test_an_edited_helper_in_another_file_is_compiled_anew(tmp_path, small_package):
    cache = tmp_path / "cache"
    assert run_python(RUN_USER, cache, package=small_package).stdout == "20.0\n"
    (folder,) = (cache / "kernels").iterdir()
    helper = small_package / "numba_cpu" / "helper.py"
    helper.write_text(helper.read_text().replace("x + 1", "x + 2"))
    assert run_python(RUN_USER, cache, package=small_package).stdout == "30.0\n"
    assert len(set((cache / "kernels").iterdir()) - {folder}) == 1


@pytest.mark.parametrize("keep", [0.0, 0.5], ids=["emptied", "halved"])
@pytest.mark.parametrize("kind", ["nbi", "nbc"])
def test_a_damaged_cache_file_is_compiled_anew(tmp_path, small_package, kind, keep):
    cache = tmp_path / "cache"
    run_python(RUN_USER, cache, package=small_package)
    files = list(cache.rglob(f"*.{kind}"))
    assert len(files) == 1
    sizes = {path: path.stat().st_size for path in files}
    for path, size in sizes.items():
        os.truncate(path, int(size * keep))
    done = run_python(RUN_USER, cache, package=small_package)
    assert (done.stdout, done.stderr) == ("20.0\n", "")
    assert {path: path.stat().st_size for path in files} == sizes


def test_without_a_place_for_the_cache_it_warns_once_and_computes(tmp_path, small_package):
    (tmp_path / "file").write_text("")
    done = run_python(RUN_USER, tmp_path / "file" / "below", package=small_package)
    assert done.stdout == "20.0\n"
    assert done.stderr.count("RuntimeWarning: compiled kernels are not kept") == 1
    assert "cannot be made: Not a directory" in done.stderr


def test_a_full_disk_warns_once_and_computes(tmp_path, small_package):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); "
    done = run_python(
        limited + RUN_USER, tmp_path / "cache", package=small_package, PYTHONDONTWRITEBYTECODE="1"
    )
    assert done.stdout == "20.0\n"
    assert done.stderr.count("RuntimeWarning: compiled kernels are not kept") <= 2
    assert "File too large" in done.stderr


def fresh_cache_folder(monkeypatch, base):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(base))
    return jit.cache_folder.__wrapped__()


def test_the_cache_folder_is_private(tmp_path, monkeypatch):
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        folder = fresh_cache_folder(monkeypatch, tmp_path)
    assert folder.parent.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


@pytest.mark.parametrize("mode", [0o777, 0o770, 0o702])
def test_a_folder_that_others_may_write_is_refused(tmp_path, monkeypatch, mode):
    folder = fresh_cache_folder(monkeypatch, tmp_path)
    folder.chmod(mode)
    with pytest.warns(RuntimeWarning, match="others may write to"):
        assert fresh_cache_folder(monkeypatch, tmp_path) is None


def test_a_place_below_a_file_is_refused(tmp_path, monkeypatch):
    (tmp_path / "file").write_text("")
    with pytest.warns(RuntimeWarning, match="cannot be made"):
        assert fresh_cache_folder(monkeypatch, tmp_path / "file") is None


def test_two_processes_that_compile_at_once_agree(tmp_path, small_package):
    """From an empty cache; a third process loads what they left, and compiles nothing."""
    environment = clean_environment(tmp_path / "cache", package=small_package)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", RUN_USER], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=60)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert answers == ["20.0\n"] * 2
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.nb?")}
    assert {path.suffix for path in kept} == {".nbi", ".nbc"}
    done = run_python(RUN_USER, tmp_path / "cache", package=small_package)
    assert (done.stdout, done.stderr) == ("20.0\n", "")
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*.nb?")} == kept


def test_a_process_computes_what_another_did_with_the_same_kernels():
    """What this process compiled or found, another one finds, and does not compile again."""
    case = dense_case(3, (2,), 1, rows=5)
    program = ladder.compiled(registry.load("numba_cpu"), case)
    parameters = ladder.trained(program, case, 1, True).parameters
    done = subprocess.run(
        [sys.executable, "-c", TRAIN], capture_output=True, text=True, check=True, timeout=120
    )
    assert done.stdout.split() == [parameters.tobytes().hex(), "compiled", "0"]


@pytest.mark.parametrize("rows", [255, 256, 257, 600])
def test_more_rows_than_are_predicted_at_once_have_their_own_logits(rows):
    case = dense_case(5, (4,), 3, rows=rows)
    drawn, allowed = problem(case), tolerances.tolerance("forward", case.dtype)
    got, want = (
        ladder.compiled(registry.load(name), case).predict(drawn.parameters, drawn.X)
        for name in ("numba_cpu", "reference")
    )
    measure = measures.entries("logits", got, want, allowed)
    assert measure.passed, str(measure)
