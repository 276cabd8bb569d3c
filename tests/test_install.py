"""requirements/install.py gives the lock's set, whatever an index offers, or it fails.

The index is a folder of wheels made here. `alpha` needs `beta[fast]`, as pytest-cov needs
`coverage[toml]`; of `beta` and of `gamma`, which the extra needs, newer releases are offered.
"""

import hashlib
import io
import os
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from importlib.metadata import distributions
from importlib.util import find_spec
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
WHEEL = "Wheel-Version: 1.0\nGenerator: test\nRoot-Is-Purelib: true\nTag: py3-none-any\n"


def make_wheel(folder, name, version, *headers):
    """Write a wheel of one empty module; return its path."""
    info = f"{name}-{version}.dist-info"
    metadata = ["Metadata-Version: 2.1", f"Name: {name}", f"Version: {version}", *headers, ""]
    files = {
        f"{name}.py": "",
        f"{info}/METADATA": "\n".join(metadata),
        f"{info}/WHEEL": WHEEL,
    }
    files[f"{info}/RECORD"] = "".join(f"{path},,\n" for path in (*files, f"{info}/RECORD"))
    path = folder / f"{name}-{version}-py3-none-any.whl"
    with zipfile.ZipFile(path, "w") as archive:
        for member, text in files.items():
            archive.writestr(member, text)
    return path


def make_source(folder, name, version):
    """Write a source distribution without a wheel; return its path."""
    path = folder / f"{name}-{version}.tar.gz"
    with tarfile.open(path, "w:gz") as archive:
        for member, text in {"setup.py": "raise SystemExit('built')\n", "PKG-INFO": ""}.items():
            entry = tarfile.TarInfo(f"{name}-{version}/{member}")
            entry.size = len(text)
            archive.addfile(entry, io.BytesIO(text.encode()))
    return path


@pytest.fixture
def index(tmp_path):
    """The folder that pip takes for an index, with what is newer than the lock."""
    folder = tmp_path / "index"
    folder.mkdir()
    beta = ("Provides-Extra: fast", "Requires-Dist: gamma>=1; extra == 'fast'")
    make_wheel(folder, "alpha", "1.0", "Requires-Dist: beta[fast]>=1.0")
    for version in ("1.0", "2.0"):
        make_wheel(folder, "beta", version, *beta)
        make_wheel(folder, "gamma", version)
    return folder


@pytest.fixture
def project(tmp_path):
    """A wheel of a project that needs more than its lock's packages."""
    return make_wheel(tmp_path, "project", "0.1", "Requires-Dist: alpha", "Requires-Dist: gamma")


def write_lock(path, *files):
    lines = []
    for file in files:
        name, version = file.name.removesuffix(".tar.gz").split("-")[:2]
        digest = hashlib.sha256(file.read_bytes()).hexdigest()
        lines.append(f"{name}=={version} --hash=sha256:{digest}\n")
    path.write_text("".join(lines))
    return path


def lock_of(index, *names):
    files = [index / f"{name}-1.0-py3-none-any.whl" for name in names]
    return write_lock(index.parent / "made.lock", *files)


@pytest.fixture
def install(tmp_path, index):
    """Run install.py, or a changed copy of it, in a new environment; return what came of it."""
    environment = tmp_path / "environment"
    subprocess.run(
        [sys.executable, "-m", "venv", "--without-pip", environment], check=True, timeout=240
    )
    # The pip of this process: making one anew for the environment would take seconds.
    borrowed = tmp_path / "borrowed"
    borrowed.mkdir()
    (borrowed / "pip").symlink_to(Path(find_spec("pip").origin).parent)
    variables = {key: value for key, value in os.environ.items() if not key.startswith("PIP_")}
    variables |= {
        "PYTHONPATH": str(borrowed),
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
        "PIP_FIND_LINKS": index.as_uri(),
        "PIP_DISABLE_PIP_VERSION_CHECK": "1",
    }

    def run(*words, script=ROOT / "requirements" / "install.py", **more):
        command = [environment / "bin" / "python", script, *words]
        done = subprocess.run(
            command,
            env={**variables, **more},
            capture_output=True,
            text=True,
            encoding="utf-8",
            check=False,
            timeout=60,
        )
        [packages] = environment.glob("lib/python*/site-packages")
        found = {item.name: item.version for item in distributions(path=[str(packages)])}
        return done, found

    return run


def changed_copy(folder, *changes):
    """Copy what install.py reads, with words of it replaced."""
    (folder / "requirements").mkdir()
    shutil.copy(ROOT / "pyproject.toml", folder)
    text = (ROOT / "requirements" / "install.py").read_text(encoding="utf-8")
    for old, new in changes:
        assert text.count(old) == 1
        text = text.replace(old, new)
    script = folder / "requirements" / "install.py"
    script.write_text(text)
    return script


LOCKED = {"alpha": "1.0", "beta": "1.0", "gamma": "1.0"}


def test_newer_releases_change_nothing(install, index, project):
    done, found = install(lock_of(index, *LOCKED), project)
    assert done.returncode == 0, done.stderr
    assert found == LOCKED | {"project": "0.1"}
    assert "No broken requirements found" in done.stdout


def test_a_lock_that_is_resolved_fails(install, index, tmp_path):
    script = changed_copy(tmp_path, ('FROM_LOCK = ("--no-deps", ', "FROM_LOCK = ("))
    done, found = install(lock_of(index, "alpha", "beta"), script=script)
    assert done.returncode != 0
    assert "In --require-hashes mode, all requirements must have their versions" in done.stderr
    assert not found


def test_what_a_lock_lacks_is_reported_and_not_fetched(install, index, project):
    done, found = install(lock_of(index, "alpha", "beta"), project)
    assert done.returncode != 0
    assert "project 0.1 requires gamma, which is not installed." in done.stdout
    assert found == {"alpha": "1.0", "beta": "1.0", "project": "0.1"}


def test_a_package_without_a_wheel_is_not_built(install, index, tmp_path):
    lock = write_lock(tmp_path / "made.lock", make_source(index, "delta", "1.0"))
    done, found = install(lock)
    assert done.returncode != 0
    assert "No matching distribution found for delta==1.0" in done.stderr
    assert not found


@pytest.mark.skipif(sys.version_info >= (3, 13), reason="Python reads such paths as UTF-8")
def test_a_path_that_the_locale_cannot_write_is_refused_before_it_stops_python(install, index):
    folder = index.parent / "Maß"
    done, found = install(lock_of(index, "gamma"), "--editable", folder, LC_ALL="C")
    assert done.returncode == 1
    assert f"install: Python cannot import from '{folder}' where texts are " in done.stderr
    assert "`export LC_ALL=C.UTF-8`, or rename the folder" in done.stderr
    assert not found
    done, _ = install(lock_of(index, "gamma"), "--editable", folder, LC_ALL="C.UTF-8")
    assert "cannot import from" not in done.stderr


def test_a_free_threaded_python_is_refused(install, index, tmp_path):
    # In its place, a setting that every Python has.
    script = changed_copy(tmp_path, ('"Py_GIL_DISABLED"', '"VERSION"'))
    done, found = install(lock_of(index, "gamma"), script=script)
    assert done.returncode == 1
    assert ", got a free-threaded 3." in done.stderr
    assert not found


def test_an_older_python_is_named_before_anything_is_installed(install, index, tmp_path):
    script = changed_copy(tmp_path)
    settings = tmp_path / "pyproject.toml"
    text = re.sub(r'">=3\.\d+,<3\.\d+"', '">=3.97,<3.99"', settings.read_text())
    settings.write_text(text)
    done, found = install(lock_of(index, "gamma"), script=script)
    current = ".".join(map(str, sys.version_info[:3]))
    assert done.returncode == 1
    assert done.stderr == (
        f"install: samplewise needs Python 3.97 to 3.98, got {current}; "
        "name another one, for example `make test PYTHON=python3.98`\n"
    )
    assert not found
