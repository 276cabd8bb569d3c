"""The environment of a run: versions, processor, libraries, threads."""

from __future__ import annotations

import os
import platform
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from samplewise.contract import Backend
from samplewise.threads import loaded_libraries
from samplewise.training.blame import blamed_on

PACKAGES = ("samplewise", "numpy", "scipy", "numba")


@cache
def processor() -> str:
    """Return the name of the processor, as the operating system gives it."""
    cpuinfo = Path("/proc/cpuinfo")
    if cpuinfo.is_file():
        for line in cpuinfo.read_text(errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def usable_cores() -> int:
    """Return the number of cores that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@cache
def versions() -> dict[str, str]:
    """Return the versions of Python and of the packages that compute."""
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            found[package] = "not installed"
    return found


def environment(backend: Backend | None = None) -> dict[str, Any]:
    """Return versions, processor, cores and the BLAS libraries loaded so far, as JSON values.

    Args:
        backend: adds where its compiled code comes from, if it says so.
    """
    found = {
        "versions": dict(versions()),
        "platform": platform.platform(),
        "processor": processor(),
        "cores": usable_cores(),
        "libraries": loaded_libraries(),
    }
    if backend is not None:
        with blamed_on(backend.name):
            kernels = getattr(backend, "kernels", "")
        found |= {"kernels": str(kernels)} if kernels else {}
    return found
