"""The environment of a run: versions, processor, libraries, threads."""

from __future__ import annotations

import math
import os
import platform
from contextlib import suppress
from functools import cache
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from samplewise.contract import Backend
from samplewise.threads import loaded_libraries
from samplewise.training.blame import blamed_on

PACKAGES = ("samplewise", "numpy", "scipy", "numba")
CGROUPS, PROCESS_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


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
    """Return the number of cores that this process may use, by its affinity and its cgroup."""
    has_affinity = hasattr(os, "sched_getaffinity")
    cores = len(os.sched_getaffinity(0)) if has_affinity else os.cpu_count() or 1
    quota = _quota()
    return cores if quota is None else min(cores, max(1, math.ceil(quota)))


@cache
def _quota() -> float | None:
    """Return the processors' worth of time that the cgroup allows; None where it has no limit."""
    quotas = []
    with suppress(OSError, ValueError):
        for line in PROCESS_CGROUPS.read_text().splitlines():
            _, controllers, path = line.split(":", 2)
            # Of version 2, one hierarchy has all controllers, and no name.
            if controllers and "cpu" not in controllers.split(","):
                continue
            root = CGROUPS / "cpu" if controllers else CGROUPS
            own = root / path.lstrip("/")
            quotas += [
                _quota_of(each) for each in (own, *own.parents) if root in (each, *each.parents)
            ]
    return min((quota for quota in quotas if quota is not None), default=None)


def _quota_of(group: Path) -> float | None:
    with suppress(OSError, ValueError):
        quota, period = (group / "cpu.max").read_text().split()
        return None if quota == "max" else int(quota) / int(period)
    with suppress(OSError, ValueError):
        quota, period = ((group / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
        return int(quota) / int(period) if int(quota) > 0 else None
    return None


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
