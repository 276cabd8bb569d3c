"""Install exactly a lock, and at most one project, into the environment of the Python running this.

    python requirements/install.py LOCK [PROJECT | --editable PROJECT]

Every environment of the project is filled by this file. pip resolves nothing here: it takes the
versions that the lock names, as wheels with the lock's hashes, or it fails. So the result is the
same on any day, whatever the index offers.
"""

from __future__ import annotations

import codecs
import locale
import re
import subprocess
import sys
import sysconfig
from pathlib import Path

# A package without a wheel would be built, with the build tools that are newest that day.
FROM_LOCK = ("--no-deps", "--require-hashes", "--only-binary=:all:", "--requirement")
FROM_SOURCE = ("--no-deps", "--no-build-isolation")


def check_python() -> None:
    """Stop where this Python is not one of those that pyproject.toml names, or has no GIL."""
    text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
    bounds = re.search(r'^requires-python = ">=3\.(\d+),<3\.(\d+)"', text, flags=re.MULTILINE)
    assert bounds is not None
    first, end = (int(minor) for minor in bounds.groups())
    # pip cannot refuse it: metadata has no word for a free-threaded build.
    kind = "a free-threaded " if sysconfig.get_config_var("Py_GIL_DISABLED") else ""
    if kind or not (3, first) <= sys.version_info[:2] < (3, end):
        current = ".".join(map(str, sys.version_info[:3]))
        sys.exit(
            f"install: samplewise needs Python 3.{first} to 3.{end - 1}, got {kind}{current}; "
            f"name another one, for example `make test PYTHON=python3.{end - 1}`"
        )


def check_path(project: list[str]) -> None:
    """Stop where an editable install would note down a path with which Python no longer starts.

    Before 3.13, Python reads that note in the encoding of the locale, even in its UTF-8 mode.

    Args:
        project: as `install`.
    """
    if "--editable" not in project or sys.version_info >= (3, 13):
        return
    path, encoding = str(Path(project[-1]).absolute()), locale.getencoding()
    if not path.isascii() and codecs.lookup(encoding).name != "utf-8":
        sys.exit(
            f"install: Python cannot import from '{path}' where texts are {encoding}; set the "
            "locale to one of UTF-8, as in `export LC_ALL=C.UTF-8`, or rename the folder"
        )


def pip(*words: str) -> None:
    """Run this environment's pip; stop with its exit status where it fails."""
    done = subprocess.run([sys.executable, "-m", "pip", *words], check=False)  # noqa: S603
    if done.returncode:
        sys.exit(done.returncode)


def install(lock: str, project: list[str]) -> None:
    """Install the lock, then the project, and check that they fit together.

    Args:
        lock: a file of pinned versions with hashes.
        project: pip's arguments for a wheel or a source folder; empty installs the lock alone.
    """
    sys.stdout.write(f"install: {lock}, which may take minutes, without further output\n")
    sys.stdout.flush()
    pip("install", "--quiet", *FROM_LOCK, lock)
    if project:
        pip("install", "--quiet", *FROM_SOURCE, *project)
    pip("check")


if __name__ == "__main__":
    check_python()
    check_path(sys.argv[2:])
    install(sys.argv[1], sys.argv[2:])
