"""Ctrl-C and terminations of a real `samplewise sweep` whose groups train on other processes."""

import json
import signal
from collections import Counter
from contextlib import contextmanager
from pathlib import Path

import psutil
import pytest
from cli_process import SAMPLEWISE
from test_cli_signals import Running

from samplewise.sweep.journal import FILE, read
from samplewise.text import counted

# On images, as a table that scikit-learn brings would take a second to import.
TEXT = """
seeds = 3
[settings]
data = "{images}"
backend = "reference"
epochs = 30
shuffle = true
[space]
learning_rate = [0.01, 0.02, 0.03, 0.04]
"""
ONE_A_GROUP = "from samplewise.sweep import groups; groups.FIRST = groups.MOST = 1; "
COMMAND = [*SAMPLEWISE[:2], ONE_A_GROUP + SAMPLEWISE[2]]


@contextmanager
def cluster():
    """Give the arguments for a dask cluster of one worker with two threads."""
    distributed = pytest.importorskip("distributed")
    with distributed.LocalCluster(
        n_workers=1, threads_per_worker=2, processes=True, dashboard_address="127.0.0.1:0"
    ) as found:
        yield ("--dask", found.scheduler_address)


@contextmanager
def jobs():
    """Give the arguments for two processes."""
    yield ("--jobs", 2)


@pytest.mark.parametrize(
    ("where", "number", "code", "seen"),
    # The second of two processes may take long to start; until then the signal ends it, too.
    [(jobs, signal.SIGTERM, 143, 6), (cluster, signal.SIGINT, 130, 2)],
)
def test_a_signal_ends_the_workers_and_loses_no_trial(cli, images, where, number, code, seen):
    Path("sweep.toml").write_text(TEXT.format(images=images))
    with where() as arguments:
        running = Running("sweep", "sweep.toml", *arguments, command=COMMAND)
        running.wait_for(f"trial {seen}/12")
        workers = psutil.Process(running.process.pid).children(recursive=True)
        running.signal(number)
        ended, out, err, _ = running.end()
    assert ended == code, err
    said = [line for line in err.splitlines() if line and not line.startswith("trial ")]
    assert said == ["stopping after the current group of trials; once more to exit at once"]
    assert psutil.wait_procs(workers, timeout=20)[1] == []
    finished = read(Path("sweep") / FILE)[1]
    assert seen <= len(finished) < 12
    missing = counted(12 - len(finished), "trial is", "trials are")
    assert f"{missing} missing; the same sweep goes on with" in out
    shown = json.loads(cli("sweep", "sweep.toml", "--json").out)
    assert [row["status"] for row in shown["trials"]] == ["done"] * 12
    entries = read(Path("sweep") / FILE)[1]
    assert entries[: len(finished)] == finished
    assert set(Counter(entry["key"] for entry in entries).values()) == {1}
