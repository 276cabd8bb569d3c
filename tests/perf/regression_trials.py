"""Does `make regressions` find a slow-down that is there, and none where there is not one?

    python tests/perf/regression_trials.py FOLDER [TRIALS [PLANT ...]]

It clones HEAD into FOLDER, plants a slow-down of 1.5 times in a commit of its own (`kernel`, `call`
or `start` of a process; or of `nothing`; all four by default), lets `make regressions` compare that
commit with HEAD, and prints a line for each trial. It ends with 1 where a trial was wrong.
"""

from __future__ import annotations

import os
import re
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).parents[2]
# The same commits in each trial, so that asv installs wheels that it has built before.
DATES = dict.fromkeys(("GIT_AUTHOR_DATE", "GIT_COMMITTER_DATE"), "2026-01-01T00:00:00Z")
SLOWED = """

def _slowed(call):
    import time

    def slow(*arguments, **options):
        began = time.perf_counter()
        result = call(*arguments, **options)
        end = began + 1.5 * (time.perf_counter() - began)
        while time.perf_counter() < end:
            pass
        return result

    return slow


"""
AT_EXIT = """
import atexit
import time


def _wait(began=time.perf_counter()):
    took = time.perf_counter() - began
    # Longer is the building of the wheel.
    while took < 20 and time.perf_counter() < began + 1.5 * took:
        pass


atexit.register(_wait)
"""
KERNELS = "backends/samplewise_backends/numba_cpu/program.py"
# The clock that must show it; the file that is changed, and the lines that are added to it.
PLANTS = {
    "nothing": (None, "README.md", "\n"),
    "kernel": (
        "Inside",
        KERNELS,
        f"{SLOWED}NumbaProgram.run_epoch = _slowed(NumbaProgram.run_epoch)\n",
    ),
    "call": ("Call", "engine/samplewise/training/train.py", f"{SLOWED}train = _slowed(train)\n"),
    "start": ("Process", "engine/samplewise/__init__.py", AT_EXIT),
}


def git(clone: Path, *words: str) -> None:
    """Run git in a clone, as someone with a name."""
    person = "-c", "user.name=trial", "-c", "user.email=trial@localhost"
    subprocess.run(
        ["git", "-C", str(clone), *person, *words],
        check=True,
        capture_output=True,
        env={**os.environ, **DATES},
    )


def planted(clone: Path, plant: str) -> None:
    """Make HEAD of a clone a commit with this slow-down, on top of the commit that was cloned."""
    _, file, lines = PLANTS[plant]
    git(clone, "checkout", "--detach", "base")
    with (clone / file).open("a", encoding="utf-8") as stream:
        stream.write(lines)
    git(clone, "commit", "--all", "--message", f"Slow down {plant}")


def slower(clone: Path) -> tuple[int, list[str]]:
    """Return the exit status of the comparison, and the benchmarks that became slower."""
    ready = Path(sys.prefix) / ".ready"
    words = f"VENV={sys.prefix}", "BASE=base"
    done = subprocess.run(
        # The environment that runs this one is ready, whatever the clone's files are dated.
        ["make", "-C", str(clone), "-o", str(ready), "regressions", *words],
        check=False,
        stdout=subprocess.PIPE,
        text=True,
    )
    return done.returncode, re.findall(r"^\| \+ .*\| (\S.*?) +\|$", done.stdout, re.M)


def main(folder: str, trials: str = "3", *plants: str) -> int:
    """Run every trial; return 0 where all were right."""
    clone, wrong = Path(folder), 0
    if not clone.exists():
        subprocess.run(["git", "clone", "--quiet", str(ROOT), str(clone)], check=True)
        git(clone, "branch", "base")
    for number in range(1, int(trials) + 1):
        for plant in plants or PLANTS:
            clock, *_ = PLANTS[plant]
            planted(clone, plant)
            began = time.monotonic()
            status, found = slower(clone)
            (clone / ".asv/regressions.log").rename(clone / f".asv/{plant}-{number}.log")
            caught = status != 0 and any(f".{clock}." in name for name in found)
            right = caught if clock else status == 0 and not found
            wrong += not right
            took = f"{time.monotonic() - began:.0f} s"
            names = ", ".join(found) or "nothing slower"
            verdict = "right" if right else "WRONG"
            sys.stdout.write(f"{plant} {number}: {verdict} in {took}: {names}\n")
            sys.stdout.flush()
    return int(wrong > 0)


if __name__ == "__main__":
    raise SystemExit(main(*sys.argv[1:]))
