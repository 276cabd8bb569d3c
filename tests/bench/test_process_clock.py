"""Whole processes: their times, their homes, and what is promised about them."""

import json
import time

import pytest

from samplewise.errors import ParameterError
from samplewise_bench.commands.bench import bench
from samplewise_bench.process import rows
from samplewise_bench.process.clock import FailedProcessError, ProcessTimes, timed_process
from samplewise_bench.process.rows import CONTESTANTS, PROMISES, Contestant, Promise, measure_waits

# Says its last line only once a file is there, and fails after a minute.
TALKS = """
import os, sys, time
print("first", flush=True)
tries = iter(range(6000))
while not os.path.exists(sys.argv[1]):
    next(tries)
    time.sleep(0.01)
print("last")
"""


def test_a_process_is_timed_to_its_first_line_and_to_its_end(tmp_path, monkeypatch):
    may_end, readings = tmp_path / "may end", []

    def clock():
        """Be read at the start, after the first line, which lets the process end, and then."""
        readings.append(len(readings) + 4.0)
        if len(readings) == 2:
            may_end.touch()
        return readings[-1] ** 2

    monkeypatch.setattr(time, "perf_counter", clock)
    times = timed_process(["-S", "-c", TALKS, str(may_end)])
    assert times.output == "first\nlast\n"
    assert (times.first_line_s, times.seconds) == (5**2 - 4**2, 6**2 - 4**2)


def test_a_process_that_fails_says_why():
    with pytest.raises(FailedProcessError, match="ValueError: no"):
        timed_process(["-S", "-c", "raise ValueError('no')"])


def test_a_home_holds_all_caches(tmp_path, monkeypatch):
    monkeypatch.setenv("SAMPLEWISE_CACHE_DIR", "elsewhere")
    shows = "import os; print(os.environ['HOME'], os.environ.get('SAMPLEWISE_CACHE_DIR'))"
    assert timed_process(["-S", "-c", shows], tmp_path).output == f"{tmp_path} None\n"
    assert timed_process(["-S", "-c", shows]).output.endswith(" elsewhere\n")


@pytest.fixture
def scripted(monkeypatch):
    """Processes that take what a test wrote down; returns whether the home of each was empty."""
    empty = []

    def start(words, home):
        name, seconds = words
        empty.append((name, not any(home.iterdir())))
        (home / "cache").touch()
        line = json.dumps({"call": 24.0, "inside": 20.0})
        return ProcessTimes(float(seconds), float(seconds) / 2, f"{line}\n")

    monkeypatch.setattr(rows, "timed_process", start)
    return empty


def test_promises_are_of_medians_in_turns(scripted):
    contestants = {
        "own": Contestant("ours", ("own", "1")),
        "empty": Contestant("ours", ("empty", "3"), empty=True),
        "other": Contestant("theirs", ("other", "2")),
    }
    promises = (
        Promise("warm", ("own", "process"), ("other", "process"), 0.5),
        Promise("empty", ("empty", "process"), ("other", "process"), 0.6),
        Promise("result", ("own", "result"), ("other", "process"), 0.25),
        Promise("call", ("own", "call"), ("own", "inside"), 1.1, 2.0),
    )
    waits = measure_waits(2, lambda line: None, contestants, promises)
    assert [finding.kept for finding in waits.findings] == [True, False, True, True]
    assert waits.findings[0].cells()[1:] == (
        "1,000 (1,000..1,000)",
        "theirs",
        "2,000 (2,000..2,000)",
        "0.500",
        "0.5 x",
        "kept",
    )
    assert waits.findings[3].cells()[2:] == (
        "its steps",
        "20.0 (20.0..20.0)",
        "1.20",
        "1.1 x + 2 ms",
        "kept",
    )
    # The first of all fills the caches; an empty home is empty each time, a warm one never again.
    assert scripted[:2] == [("own", True), ("other", False)]
    assert scripted[2:5] == [("own", False), ("empty", True), ("other", False)]
    assert scripted[2:5] == scripted[5:]


def test_every_promise_is_about_a_known_process_and_clock():
    for promise in PROMISES:
        for name, clock in (promise.ours, promise.beside):
            assert name in CONTESTANTS
            assert clock in rows.CLOCKS


def test_every_script_exists_and_knows_its_work():
    from samplewise_bench.process import own_script, scikit_learn_script

    works = {rows.OWN: own_script.WORKS, rows.OTHER: scikit_learn_script.WORKS}
    for contestant in CONTESTANTS.values():
        script, work, *_ = contestant.words
        assert script == "-c" or work in works[script]


@pytest.mark.parametrize("name", ["own_script", "scikit_learn_script"])
def test_a_script_writes_its_clocks(name, capsys):
    module = __import__(f"samplewise_bench.process.{name}", fromlist=["main"])
    module.main("iris", "2")
    times = json.loads(capsys.readouterr().out)
    assert 0 < times.get("inside", 1e-9) < times["call"]


def test_the_command_prints_a_table_or_json(scripted, monkeypatch, capsys):
    few = {"own": Contestant("ours", ("own", "1")), "other": Contestant("theirs", ("other", "4"))}
    promises = (Promise("work", ("own", "process"), ("other", "process"), 0.5),)
    whole = measure_waits
    monkeypatch.setattr(rows, "measure_waits", lambda n, log: whole(n, log, few, promises))
    bench(process=True)
    out = capsys.readouterr().out
    assert "work: ours" in out
    assert "Processor: " in out
    bench(process=True, as_json=True)
    (finding,) = json.loads(capsys.readouterr().out)["findings"]
    assert (finding["ours"]["median_ms"], finding["kept"]) == (1000.0, True)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"peers": True}, "bench: --peers cannot be used with --process, got --peers;"),
        ({"rows": "all"}, "bench: --rows cannot be used with --process"),
        ({"backend": "reference"}, "bench: --backend cannot be used with --process"),
        ({"workload": "wide"}, "bench: --workload cannot be used with --process"),
    ],
)
def test_options_of_others_are_refused(options, message):
    with pytest.raises(ParameterError, match=message):
        bench(process=True, **options)
