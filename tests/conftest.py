"""Fixtures that tests of several rooms share: no programs of others, a clock that stands still."""

import gc
import os
import signal
import tempfile
import time
from pathlib import Path

import pytest

from samplewise.training.idle_programs import IDLE

# SciPy reads it when it is imported; without it, scikit-learn skips one of its checks.
os.environ.setdefault("SCIPY_ARRAY_API", "1")


def pytest_configure():
    """Make the suite's surroundings the same everywhere."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        # A shell ignores it for what runs in the background, and processes inherit that.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    # Paths of users hold blanks, and letters beyond ASCII.
    root = Path(tempfile.gettempdir()) / f"ü samplewise {os.getuid()}"
    root.mkdir(mode=0o700, exist_ok=True)
    # pytest's own name for where its folders are made.
    os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", str(root))
    if not os.access(os.path.expanduser("~"), os.W_OK):  # noqa: PTH111 - Path raises without a home
        # Kernels that are not kept are a warning, and warnings are errors here.
        os.environ.setdefault("SAMPLEWISE_CACHE_DIR", str(root / "cache"))
        # Matplotlib reports a folder that it cannot write on stderr, where tests count the lines.
        os.environ.setdefault("MPLCONFIGDIR", str(root / "matplotlib"))


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    """Look for no garbage while tests are collected: nearly everything stays, as modules do."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.enable()


def pytest_collection_finish():
    """Leave modules and collected tests out of garbage collection.

    Every timed run of the benchmarks begins with a whole one, which thousands of tests make slow.
    """
    gc.collect()
    gc.freeze()


@pytest.fixture(autouse=True)
def no_idle_programs():
    """Let no test train with a program that another one left."""
    IDLE.clear()


class Clock:
    """Wall and processor time, in seconds; it moves when it is told to, and by nothing else.

    Seconds that are sums of powers of two make exact milliseconds, so that tests compare with ==.
    """

    def __init__(self):
        self.now = 4096.0

    def __call__(self):
        return self.now

    def move(self, seconds):
        self.now += seconds


@pytest.fixture
def clock(monkeypatch):
    """Take the place of every clock that modules look up in `time`."""
    found = Clock()
    for name in ("perf_counter", "monotonic", "process_time"):
        monkeypatch.setattr(time, name, found)
    monkeypatch.setattr(time, "perf_counter_ns", lambda: int(found.now * 1e9))
    return found
