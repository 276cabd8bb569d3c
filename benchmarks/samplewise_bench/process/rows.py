"""Promises about waiting: which processes and calls are timed, beside which, and by which limit."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import partial
from pathlib import Path
from typing import Any

from samplewise.text import three_digits
from samplewise_bench.conditions import conditions, load_average, one_core, race_in_words
from samplewise_bench.process.clock import ProcessTimes, timed_process
from samplewise_bench.timing import TimeSpread, interleave

FORMAT = 1
# A call is timed so many times in its process, after one that is not counted.
CALLS = "8"
OWN, OTHER = (
    str(Path(__file__).with_name(f"{name}_script.py")) for name in ("own", "scikit_learn")
)
COMMAND = "import sys; from samplewise.cli.app import main; sys.exit(main())"
HEADERS = ("what", "ms (min..max)", "beside", "ms (min..max)", "ratio", "limit", "")
LEGEND = """\
Wall time, medians; a process from its start to its end, the interpreter and all imports included.
warm: the home has the caches of an earlier run. empty home: a new folder each time.
call: the median of seven calls of train() or fit() in one process, after a first."""


@dataclass(frozen=True)
class Contestant:
    """A process that is timed.

    Args:
        words: after the interpreter; "OUT" becomes a new folder's name.
        empty: start in an empty home, else in that of an earlier run.
    """

    name: str
    words: tuple[str, ...]
    empty: bool = False


CONTESTANTS = {
    "own": Contestant("samplewise, warm", (OWN, "report")),
    "own empty": Contestant("samplewise, empty home", (OWN, "report"), empty=True),
    "adam": Contestant("samplewise, warm", (OWN, "adam")),
    "adam empty": Contestant("samplewise, empty home", (OWN, "adam"), empty=True),
    "cnn": Contestant("samplewise, warm", (OWN, "cnn")),
    "cnn empty": Contestant("samplewise, empty home", (OWN, "cnn"), empty=True),
    "command": Contestant(
        "samplewise train, warm", ("-c", COMMAND, "train", "--classes", "4,9", "--out", "OUT")
    ),
    "other": Contestant("scikit-learn", (OTHER, "report")),
    "calls": Contestant("samplewise, call", (OWN, "report", CALLS)),
    "calls float32": Contestant("samplewise, call", (OWN, "report-float32", CALLS)),
    "iris": Contestant("samplewise, call", (OWN, "iris", CALLS)),
    "other iris": Contestant("scikit-learn, call", (OTHER, "iris", CALLS)),
}

# Milliseconds of a process, by the name of the clock.
CLOCKS: dict[str, Callable[[ProcessTimes], float]] = {
    "process": lambda times: times.seconds * 1e3,
    "result": lambda times: times.first_line_s * 1e3,
    "call": lambda times: float(json.loads(times.output)["call"]),
    "inside": lambda times: float(json.loads(times.output)["inside"]),
}


@dataclass(frozen=True)
class Promise:
    """One clock of a contestant is at most so many times another one, and some milliseconds.

    `ours` and `beside` are of `CONTESTANTS`, each with a clock of `CLOCKS`.
    """

    what: str
    ours: tuple[str, str]
    beside: tuple[str, str]
    times: float
    plus_ms: float = 0.0

    def limit(self) -> str:
        """Return the limit in words."""
        return f"{self.times:g} x" + (f" + {self.plus_ms:g} ms" if self.plus_ms else "")


OTHER_PROCESS = ("other", "process")
REPORT = "784-10-1, 800 rows, 10 epochs, batch 1"
PROMISES = (
    Promise(REPORT, ("own", "process"), OTHER_PROCESS, 0.5),
    Promise(REPORT, ("own empty", "process"), OTHER_PROCESS, 0.6),
    Promise("Adam, batch 32, float32", ("adam empty", "process"), ("adam", "process"), 1.2),
    Promise("small CNN, float32", ("cnn empty", "process"), ("cnn", "process"), 1.2),
    Promise("samplewise train --classes 4,9", ("command", "process"), OTHER_PROCESS, 0.8),
    Promise("the same, until its result", ("command", "result"), OTHER_PROCESS, 0.55),
    Promise("around the steps, float64", ("calls", "call"), ("calls", "inside"), 1.2, 1.0),
    Promise(
        "around the steps, float32",
        ("calls float32", "call"),
        ("calls float32", "inside"),
        1.2,
        1.0,
    ),
    Promise("iris, 100 units, 5 epochs", ("iris", "call"), ("other iris", "call"), 0.6),
)


@dataclass(frozen=True)
class Finding:
    """A promise with its times."""

    promise: Promise
    names: tuple[str, str]
    ours: TimeSpread
    beside: TimeSpread

    @property
    def kept(self) -> bool:
        """True if the medians keep the promise."""
        limit_ms = self.promise.times * self.beside.median_ms + self.promise.plus_ms
        return self.ours.median_ms <= limit_ms

    def cells(self) -> tuple[str, ...]:
        """Return one line of the table, a text for each of `HEADERS`."""
        own_name, name = self.names
        ratio = three_digits(self.ours.median_ms / self.beside.median_ms)
        what = f"{self.promise.what}: {own_name}"
        kept = "kept" if self.kept else "missed"
        return what, str(self.ours), name, str(self.beside), ratio, self.promise.limit(), kept


@dataclass(frozen=True)
class Waits:
    """All findings, and the conditions they were taken in."""

    rounds: int
    findings: list[Finding]
    conditions: dict[str, Any]

    def caption(self) -> str:
        """Return the meaning of the figures and the machine, as lines below the table."""
        return f"{LEGEND}\n{race_in_words(self.conditions, self.rounds)}"

    def to_json(self) -> dict[str, Any]:
        """Return all figures as JSON values."""
        findings = [{**asdict(each), "kept": each.kept} for each in self.findings]
        return {"format": FORMAT, **vars(self), "findings": findings}


def measure_waits(
    rounds: int,
    log: Callable[[str], None],
    contestants: Mapping[str, Contestant] = CONTESTANTS,
    promises: tuple[Promise, ...] = PROMISES,
) -> Waits:
    """Time each process in turns, on one core: A B C, A B C, ...

    Raises:
        FailedProcessError: a process failed.
    """
    load = load_average()
    with one_core(), tempfile.TemporaryDirectory() as scratch:
        runs_of = {name: partial(_run, each, Path(scratch)) for name, each in contestants.items()}
        log("filling caches")
        for name, run in runs_of.items():
            if not contestants[name].empty:
                run()
        runs = interleave(runs_of, rounds, log=log)
        found = {**conditions(), "load_average": load}

    def finding(promise: Promise) -> Finding:
        sides = promise.ours, promise.beside
        names = ["its steps" if clock == "inside" else contestants[n].name for n, clock in sides]
        times = [[CLOCKS[clock](run) / 1e3 for run in runs[name]] for name, clock in sides]
        return Finding(promise, (names[0], names[1]), *map(TimeSpread.of, times))

    return Waits(rounds, [finding(promise) for promise in promises], found)


def _run(contestant: Contestant, scratch: Path) -> ProcessTimes:
    with tempfile.TemporaryDirectory(dir=scratch) as folder:
        new, warm = Path(folder), scratch / "warm"
        warm.mkdir(exist_ok=True)
        words = [str(new / "out") if word == "OUT" else word for word in contestant.words]
        return timed_process(words, new if contestant.empty else warm)
