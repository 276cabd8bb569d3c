"""Limits of time for what a test waits for, so that it fails where it would wait for ever."""

import os
import signal
import threading
import time
import warnings
from contextlib import contextmanager, suppress

LIMIT_S = 120
"""Seconds; far more than any of these takes, also on a machine with other work."""


@contextmanager
def killed_late(process, seconds=LIMIT_S):
    """Kill a process that lives longer: its pipes end then, for whoever reads them.

    With it all others of its group, where it has one of its own: they may hold its pipes.
    """

    def kill():
        own_group = os.getpgid(process.pid) == process.pid
        os.killpg(process.pid, signal.SIGKILL) if own_group else process.kill()

    def late():
        with suppress(ProcessLookupError):
            kill()

    timer = threading.Timer(seconds, late)
    timer.daemon = True
    timer.start()
    try:
        yield process
    finally:
        timer.cancel()


def forked(work):
    """Fork; the child ends with what a function returns as its exit code, and runs no test.

    Returns:
        The number of the child.
    """
    with warnings.catch_warnings():
        # From 3.12 on, Python warns of any fork beside threads, such as those that BLAS starts.
        warnings.filterwarnings("ignore", ".*multi-threaded", DeprecationWarning)
        child = os.fork()
    if child:
        return child
    code = 255
    try:
        code = int(work())
    finally:
        os._exit(code)


def exit_code(child, seconds=LIMIT_S):
    """Wait for a forked process, and return its exit code; one that lives longer is killed."""
    end = time.monotonic() + seconds
    while True:
        found, status = os.waitpid(child, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > end:
            os.kill(child, signal.SIGKILL)
        time.sleep(0.002)


def joined(*threads, seconds=LIMIT_S):
    """Wait for threads.

    Raises:
        AssertionError: one has not ended.
    """
    for thread in threads:
        thread.join(seconds)
        assert not thread.is_alive(), thread
