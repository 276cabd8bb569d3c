"""The clocks of new processes: which are started, and whose bookkeeping is taken off."""

import pickle
from pathlib import Path

import pytest
from peers_task import small_task

from samplewise_bench.peers import first_clocks, scikit_learn
from samplewise_bench.peers.first_clocks import with_first_clocks
from samplewise_bench.peers.new_process import PublicCall
from samplewise_bench.peers.results import REFUSED, TIMED, PeerEntry
from samplewise_bench.process.clock import FailedProcessError, ProcessTimes
from samplewise_bench.timing import TimeSpread

OWN = PeerEntry("samplewise", "vectorized direct", TIMED, spread=TimeSpread(1.0, 1.0, 1.0))
OTHER = PeerEntry("scikit-learn", "MLPClassifier", TIMED, spread=TimeSpread(1.0, 1.0, 1.0))


@pytest.fixture
def started(monkeypatch):
    """The works of the processes that were started, of which each takes a second longer."""
    works = []

    def start(words):
        works.append(pickle.loads(Path(words[1]).read_bytes()))
        return ProcessTimes(float(len(works)), 0.5, "hello\n0.25\n")

    monkeypatch.setattr(first_clocks, "timed_process", start)
    return works


def test_one_epoch_comes_first_and_then_the_whole_task(started):
    entry = with_first_clocks(small_task(), OWN, print)
    assert [work.settings[0].epochs for work in started] == [1, 3, 3, 3]
    assert entry.first_epoch_s == 1.0
    assert entry.process == TimeSpread(3000.0, 2000.0, 4000.0)


def test_the_bookkeeping_of_another_library_is_taken_off(started):
    entry = with_first_clocks(small_task(), OTHER, print)
    assert entry.first_epoch_s == 0.75
    assert [work.func for work in started] == [first_clocks.run_peer] * 4


def test_a_process_that_takes_long_is_not_started_again(started, monkeypatch):
    monkeypatch.setattr(first_clocks, "PATIENCE_S", 1.5)
    assert with_first_clocks(small_task(), OWN, print).process == TimeSpread(2000.0, 2000.0, 2000.0)


@pytest.mark.parametrize("task", [small_task(calls=3), small_task(networks=2)])
def test_predictions_have_none_and_networks_at_once_have_them(task, started):
    way = "numba_cpu auto at once" if len(task.problems) > 1 else "numba_cpu program"
    entry = PeerEntry("samplewise", way, TIMED, spread=TimeSpread(1.0, 1.0, 1.0))
    found = with_first_clocks(task, entry, print)
    assert (found.process is None) == bool(task.calls)
    assert all(work.at_once and len(work.networks) == 2 for work in started)


def test_who_was_not_timed_is_not_started(started):
    refused = PeerEntry("jax", "jit(scan)", REFUSED, "differs")
    assert with_first_clocks(small_task(), refused, print) is refused
    assert started == []


def test_a_process_that_fails_leaves_a_line_and_the_other_times(monkeypatch):
    def fail(words):
        raise FailedProcessError("new_process.py: no memory")

    monkeypatch.setattr(first_clocks, "timed_process", fail)
    lines = []
    assert with_first_clocks(small_task(), OWN, lines.append) is OWN
    assert lines == ["  samplewise vectorized direct: no whole process, new_process.py: no memory"]


def test_the_public_call_does_the_work_of_the_task():
    task = small_task()
    call = first_clocks.public_call(task, "vectorized direct")
    assert isinstance(call, PublicCall)
    call()


def test_a_new_process_does_the_work():
    """The one test here that starts a process."""
    assert 0 < first_clocks.process_seconds(small_task(), OWN) < 120


def test_the_work_of_another_library_is_that_of_its_module(monkeypatch):
    done = []
    monkeypatch.setattr(scikit_learn.ScikitLearnTraining, "run", lambda self: done.append("run"))
    monkeypatch.setattr(
        scikit_learn.ScikitLearnTraining, "outcome", lambda self: done.append("out")
    )
    first_clocks.run_peer(small_task(), "scikit-learn", "MLPClassifier")
    assert done == ["run", "out"]
