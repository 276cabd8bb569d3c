"""Compiled kernels on disk: never stale, never trusted where others may write."""

import ctypes
import errno
import os
import py_compile
import shutil
import stat
import subprocess
import sys
import tempfile
import time
import warnings
from pathlib import Path

import numba
import numpy as np
import pytest

from samplewise_backends.numba_cpu.compile import kernel_cache, key, library, objects, whole_file
from samplewise_backends.numba_cpu.compile.linking import link
from samplewise_backends.numba_cpu.compile.settings import CODE_SETTINGS

PACKAGE = Path(kernel_cache.__file__).parents[2]

# A stand-in for the kernels that compiles in a fraction of a second.
HELPER = """
from samplewise_backends.numba_cpu.compile.jit import kernel

@kernel
def helper(x):
    return x + 1
"""
USER = """
import sys
from samplewise_backends.numba_cpu.compile.calls import Call
from samplewise_backends.numba_cpu.compile.jit import routine
from samplewise_backends.numba_cpu.compile.record import NUMBER, record
from samplewise_backends.numba_cpu.kernels.helper import helper

@routine(record("given", x=NUMBER, y=NUMBER))
def use(given):
    given.y = helper(given.x) * 10

call = Call(use, "float64")
call.set(x=1.0)
call()
print(call.memory["y"][0], "compiled" if "numba" in sys.modules else "loaded")
"""
COMPILED, LOADED = "20.0 compiled\n", "20.0 loaded\n"


def clean_environment(cache, package, **changes):
    unwanted = ("SAMPLEWISE_CACHE_DIR", "NUMBA_")
    environment = {k: v for k, v in os.environ.items() if not k.startswith(unwanted)}
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


def made_package(sources):
    """Write the real compiling and caching, and two small kernels, one of which calls the other."""
    package = sources / "samplewise_backends"
    shutil.copytree(PACKAGE / "numba_cpu" / "compile", package / "numba_cpu" / "compile")
    (package / "numba_cpu" / "kernels").mkdir()
    for folder in (package, package / "numba_cpu", package / "numba_cpu" / "kernels"):
        (folder / "__init__.py").write_text("")
    (package / "numba_cpu" / "kernels" / "helper.py").write_text(HELPER)
    (package / "numba_cpu" / "kernels" / "user.py").write_text(USER)
    return package


@pytest.fixture
def small_package(tmp_path):
    return made_package(tmp_path / "sources")


RUN_USER = "import samplewise_backends.numba_cpu.kernels.user"
# Run before it: everything can be read, and nothing written.
READ_ONLY = """
import builtins, errno, os, tempfile
def refuse(*given, **named):
    raise OSError(errno.EROFS, os.strerror(errno.EROFS))
open_any, may = builtins.open, os.access
def open_to_read(file, mode="r", *more, **named):
    return refuse() if set(mode) & set("wax+") else open_any(file, mode, *more, **named)
builtins.open, os.makedirs, os.replace, tempfile.TemporaryFile = open_to_read, *[refuse] * 3
os.access = lambda path, mode, **named: not mode & os.W_OK and may(path, mode, **named)
"""


@pytest.fixture(scope="module")
def warm_package(tmp_path_factory):
    """A package that no test edits, and the cache that a process left of it."""
    folder = tmp_path_factory.mktemp("warm")
    package, cache = made_package(folder / "sources"), folder / "cache"
    assert run_python(RUN_USER, cache, package=package).stdout == COMPILED
    return package, cache


@pytest.fixture
def warm(warm_package, tmp_path):
    """The package, and a copy of its cache that may be damaged."""
    package, cache = warm_package
    return package, shutil.copytree(cache, tmp_path / "cache")


def entries(cache):
    return list(cache.rglob("*.kernel"))


def test_what_a_process_compiled_another_one_loads_without_the_compiler(warm):
    package, cache = warm
    done = run_python(RUN_USER, cache, package=package)
    assert (done.stdout, done.stderr) == (LOADED, "")
    assert len(entries(cache)) == 1


def test_a_lock_that_is_held_for_long_is_not_waited_for(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_file, "WAIT_S", 0.05)
    path = tmp_path / "a.kernel"
    with whole_file.locked(path), whole_file.locked(path):
        assert (tmp_path / ".a.kernel.lock").exists()
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("make", [os.mkdir, os.mkfifo])
def test_what_has_the_name_of_a_lock_is_not_waited_for(tmp_path, make):
    make(tmp_path / ".a.kernel.lock")
    began = time.monotonic()
    with whole_file.locked(tmp_path / "a.kernel"):
        assert time.monotonic() - began < whole_file.WAIT_S / 2


def test_without_locks_nobody_waits(tmp_path, monkeypatch):
    monkeypatch.setattr(whole_file, "_LOCKS", False)
    began = time.monotonic()
    with whole_file.locked(tmp_path / "a.kernel"), whole_file.locked(tmp_path / "a.kernel"):
        pass
    with whole_file.locked(tmp_path / "none" / "a.kernel"):
        pass
    assert time.monotonic() - began < whole_file.WAIT_S / 2


def test_an_edited_helper_in_another_file_is_compiled_anew(warm, tmp_path):
    package, cache = warm
    # Python takes the bytecode of a source of the same length that was written in the same second.
    no_bytecode = shutil.ignore_patterns("__pycache__")
    edited = shutil.copytree(package, tmp_path / "edited" / package.name, ignore=no_bytecode)
    helper = edited / "numba_cpu" / "kernels" / "helper.py"
    helper.write_text(helper.read_text().replace("x + 1", "x + 2"))
    assert run_python(RUN_USER, cache, package=edited).stdout == "30.0 compiled\n"
    assert len(list((cache / "kernels").iterdir())) == 2
    # The names in both objects are the same, and so are the functions' own: they never meet.
    found = sorted(value_of(objects.read(path)) for path in entries(cache))
    assert found == [20.0, 30.0]


def value_of(entry):
    header, code = entry
    given = np.array([1.0, 0.0])
    address = link(code, header["symbol"], header["needs"])
    ctypes.CFUNCTYPE(None, ctypes.c_void_p)(address)(given.ctypes.data)
    return given[1]


def edit(path, change):
    path.write_bytes(change(path.read_bytes()))


def other_header(path, **changes):
    """Write a whole object that says something else of itself."""
    header, code = objects.read(path)
    objects.write(path, header | changes, code)


DAMAGES = {
    "emptied": (lambda path: edit(path, lambda _: b""), "not an object file of this version"),
    "halved": (lambda path: edit(path, lambda old: old[: len(old) // 2]), "damaged or cut short"),
    "one bit": (lambda path: edit(path, lambda old: old[:-9] + b"?" + old[-8:]), "damaged or cut"),
    "newer": (
        lambda path: edit(path, lambda old: old.replace(b"-kernel 1 ", b"-kernel 2 ", 1)),
        "not an object file of this version",
    ),
    "foreign": (
        lambda path: other_header(path, processor=["another", ""]),
        "of another processor",
    ),
    "needs a number": (lambda path: other_header(path, needs=[5]), "without a description"),
    "has no symbol": (lambda path: other_header(path, symbol=None), "without a description"),
    "a folder": (lambda path: (path.unlink(), path.mkdir()), "Is a directory"),
    "a FIFO": (lambda path: (path.unlink(), os.mkfifo(path)), "not a regular file"),
    "a device": (
        lambda path: (path.unlink(), path.symlink_to("/dev/zero")),
        "not a regular file",
    ),
}


@pytest.mark.parametrize("damage", ["halved", "foreign", "a FIFO"])
def test_an_entry_that_cannot_be_used_is_compiled_anew(warm, damage):
    package, cache = warm
    (path,) = entries(cache)
    whole, (change, reason) = path.read_bytes(), DAMAGES[damage]
    change(path)
    done = run_python(RUN_USER, cache, package=package)
    assert done.stdout == COMPILED
    (line,) = (line for line in done.stderr.splitlines() if "RuntimeWarning" in line)
    assert reason in line
    assert path.read_bytes() == whole


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_first_entry_that_cannot_be_used_says_why(warm, damage, monkeypatch):
    monkeypatch.setattr(library, "_damaged", [])
    (path,) = entries(warm[1])
    header, _ = objects.read(path)
    wanted = {name: header[name] for name in ("routine", "source", "layout", "processor")}
    assert library._read(path, wanted) is not None
    change, reason = DAMAGES[damage]
    change(path)
    with pytest.warns(RuntimeWarning, match=f"cannot be used: .*{reason}"):
        assert library._read(path, wanted) is None
    # Warnings are errors.
    assert library._read(path, wanted) is None


@pytest.mark.parametrize("content", ["nothing", "something"])
def test_a_folder_in_the_place_of_an_entry_warns_once_and_goes_if_it_is_empty(warm, content):
    package, cache = warm
    (path,) = entries(cache)
    path.unlink()
    path.mkdir()
    if content == "something":
        (path / "file").write_text("kept")
    done = run_python(RUN_USER, cache, package=package)
    assert (done.stdout, done.stderr.count("RuntimeWarning")) == (COMPILED, 1)
    assert path.is_file() == (content == "nothing")


def test_without_a_place_for_the_cache_it_warns_once_and_computes(tmp_path, small_package):
    (tmp_path / "file").write_text("")
    done = run_python(RUN_USER, tmp_path / "file" / "below", package=small_package)
    assert done.stdout == COMPILED
    assert done.stderr.count("RuntimeWarning: compiled kernels are not kept") == 1
    assert "cannot be made: Not a directory" in done.stderr


def test_a_full_disk_warns_once_and_computes(tmp_path, small_package):
    limited = "import resource; resource.setrlimit(resource.RLIMIT_FSIZE, (100, 100)); "
    done = run_python(
        limited + RUN_USER, tmp_path / "cache", package=small_package, PYTHONDONTWRITEBYTECODE="1"
    )
    assert done.stdout == COMPILED
    assert done.stderr.count("RuntimeWarning: compiled kernels are not kept") == 1
    assert "File too large" in done.stderr


def test_a_cache_that_can_only_be_read_serves_what_is_in_it(warm):
    (package, cache), read_only = warm, READ_ONLY + RUN_USER
    environment = {"package": package, "PYTHONDONTWRITEBYTECODE": "1"}
    done = run_python(read_only, cache, **environment)
    assert (done.stdout, done.stderr) == (LOADED, "")
    for path in entries(cache):
        path.unlink()
    done = run_python(read_only, cache, **environment)
    assert done.stdout == COMPILED
    assert done.stderr.count("RuntimeWarning: compiled kernels are not kept") == 1
    assert "cannot be written: Read-only file system" in done.stderr


def fresh_cache_folder(monkeypatch, base):
    monkeypatch.setenv("NUMBA_CACHE_DIR", str(base))
    return kernel_cache.folder_to_fill.__wrapped__()


@pytest.fixture
def bytecode(tmp_path, monkeypatch):
    """Compile a module of a stand-in for the package, with or without its source beside it."""
    monkeypatch.setattr(key, "_BACKEND", tmp_path)
    source = tmp_path / "kernels" / "step.py"
    (tmp_path / "kernels" / "__pycache__").mkdir(parents=True)

    def hashes(text, place="step.pyc", keep_source=False):
        source.write_text(text)
        mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
        py_compile.compile(source, source.parent / place, invalidation_mode=mode)
        if not keep_source:
            source.unlink()
        return key.kernels_hash.__wrapped__(), key.backend_hash.__wrapped__()

    return hashes


def test_bytecode_without_sources_has_entries_of_its_own(bytecode):
    first, again, edited = map(bytecode, ["rate = 0.1", "rate = 0.1", "rate = 0.2"])
    assert first == again
    assert first[0] != edited[0]
    assert first[1] != edited[1]


def test_bytecode_beside_its_source_changes_nothing(bytecode):
    places = ["step.pyc", "__pycache__/step.cpython.pyc", "__pycache__/other.cpython.pyc"]
    assert len({bytecode("rate = 0.1", place, keep_source=True) for place in places}) == 1


@pytest.mark.parametrize(("umask", "mode"), [(0, 0o755), (0o002, 0o755), (0o077, 0o700)])
def test_only_its_owner_writes_to_the_cache_folder(tmp_path, monkeypatch, umask, mode):
    before = os.umask(umask)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")
            folder = fresh_cache_folder(monkeypatch, tmp_path)
    finally:
        os.umask(before)
    assert folder.parent.parent == tmp_path
    assert stat.S_IMODE(folder.stat().st_mode) == mode


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


def test_without_a_known_home_nothing_is_made(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("HOME", "NUMBA_CACHE_DIR", "SAMPLEWISE_CACHE_DIR", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    # As of a user without an entry in the list of users.
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.warns(RuntimeWarning, match="no home folder is known"):
        assert kernel_cache.folder_to_fill.__wrapped__() is None
    assert list(tmp_path.iterdir()) == []


def test_a_relative_folder_stays_where_it_was_named(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert fresh_cache_folder(monkeypatch, "here").parent.parent == tmp_path / "here"


def test_a_setting_of_numba_that_changes_code_has_a_folder_of_its_own(monkeypatch):
    before = kernel_cache._entries_name()
    monkeypatch.setattr(numba.config, "FULL_TRACEBACKS", 1)
    assert kernel_cache._entries_name() == before
    monkeypatch.setattr(numba.config, "BOUNDSCHECK", 1)
    assert kernel_cache._entries_name() != before


def test_numba_s_settings_are_known_without_numba():
    default = {k: v for k, v in CODE_SETTINGS.items() if f"NUMBA_{k}" not in os.environ}
    assert {name: str(getattr(numba.config, name)) for name in default} == default


def full_disk(**_):
    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


def test_kernels_are_kept_where_the_folder_can_be_written(tmp_path, monkeypatch):
    keeps, folders = kernel_cache.keeps_kernels.__wrapped__, [tmp_path, tmp_path, None]
    monkeypatch.setattr(kernel_cache, "cache_folder", folders.pop)
    assert not keeps()
    assert keeps()
    assert list(tmp_path.iterdir()) == []
    monkeypatch.setattr(tempfile, "TemporaryFile", full_disk)
    assert not keeps()


def test_of_two_processes_that_start_at_once_one_compiles(tmp_path, small_package):
    """From an empty cache; the other one waits and loads, and so does a third process."""
    environment = clean_environment(tmp_path / "cache", package=small_package)
    both = [
        subprocess.Popen(
            [sys.executable, "-c", RUN_USER], env=environment, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    answers = [process.communicate(timeout=240)[0] for process in both]
    assert [process.returncode for process in both] == [0, 0]
    assert sorted(answers) == [COMPILED, LOADED]
    (path,) = entries(tmp_path / "cache")
    kept = path.stat().st_mtime_ns
    done = run_python(RUN_USER, tmp_path / "cache", package=small_package)
    assert (done.stdout, done.stderr) == (LOADED, "")
    assert path.stat().st_mtime_ns == kept
    assert [found.name for found in path.parent.iterdir()] == [path.name]


def test_kernels_can_be_compiled_in_memory_only(warm):
    package, cache = warm
    done = run_python(RUN_USER, cache, package=package, SAMPLEWISE_KERNELS="jit")
    assert (done.stdout, done.stderr) == (COMPILED, "")
    assert len(entries(cache)) == 1
