"""The time of a whole Python process."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from samplewise.errors import SamplewiseError

# Folders of caches; without them everything is kept below the home.
CACHES = ("SAMPLEWISE_CACHE_DIR", "NUMBA_CACHE_DIR", "XDG_CACHE_HOME", "MPLCONFIGDIR")


class FailedProcessError(SamplewiseError):
    """A process that was to be timed failed."""


@dataclass(frozen=True)
class ProcessTimes:
    """Seconds of wall time from a process's start to its end and to its first line; its output."""

    seconds: float
    first_line_s: float
    output: str


def timed_process(words: Sequence[str], home: Path | None = None) -> ProcessTimes:
    """Run Python in a new process and time it; `words` follow the interpreter.

    It keeps its caches in the folder `home`; None leaves all as it is here.

    Raises:
        FailedProcessError: it ended with an error, whose last line is in the message.
    """
    environment = dict(os.environ)
    if home is not None:
        environment["HOME"] = str(home)
        for name in CACHES:
            environment.pop(name, None)
    with tempfile.TemporaryFile("w+") as messages:
        began = time.perf_counter()
        with subprocess.Popen(  # noqa: S603 - this interpreter, on scripts of this package
            # Without the script's folder in the path, whose modules have names of libraries.
            [sys.executable, "-P", *words],
            stdout=subprocess.PIPE,
            stderr=messages,
            text=True,
            env=environment,
        ) as process:
            assert process.stdout is not None
            first = process.stdout.readline()
            first_line_s = time.perf_counter() - began
            rest = process.stdout.read()
        seconds = time.perf_counter() - began
        if process.returncode:
            messages.seek(0)
            last = (messages.read().strip() or "no message").splitlines()[-1]
            raise FailedProcessError(f"{' '.join(words)}: {last}")
    return ProcessTimes(seconds, first_line_s, first + rest)
