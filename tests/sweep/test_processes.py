"""A sweep on processes: the same journal as on one, and a worker's death costs its group only."""

import os
import resource
import signal
import tempfile
import threading
from pathlib import Path

import kills
import psutil
import pytest

from samplewise.errors import OutputError, ParameterError
from samplewise.sweep import dispatch, groups
from samplewise.sweep.definition import Sweep
from samplewise.sweep.dispatch import dispatched, executor_for
from samplewise.sweep.executors import InProcess
from samplewise.sweep.groups import PlannedTrial
from samplewise.sweep.journal import FILE, read
from samplewise.sweep.processes import Processes
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.run import run_sweep
from samplewise_backends.numba_cpu import many
from samplewise_backends.numba_cpu.planner import threads as planner_threads

SWEEP = Sweep(
    {"hidden": [2, 3], "learning_rate": [0.1, 0.2], "preprocess": ["none", "standardize"]},
    {"backend": "vectorized", "epochs": 2},
)


class Fatal:
    """A trial that ends the worker which receives it."""

    key = "fatal"

    def __reduce__(self):
        return os._exit, (3,)


class Queue:
    """A source of given groups."""

    def __init__(self, *groups):
        self.left, self.results = list(groups), []

    def take(self):
        return self.left.pop(0) if self.left else []


def entries_of(folder):
    """The journal by keys, without times."""
    entries = read(Path(folder) / FILE)[1]
    for entry in entries:
        entry["figures"].pop("train_ms")
    assert len({entry["key"] for entry in entries}) == len(entries)
    return {entry["key"]: entry for entry in entries}


def planned(sweep, clouds):
    return [[one] for one in groups.planned_trials(sweep.trials, SweepRows(sweep.trials, clouds))]


def test_two_processes_write_the_journal_of_one_bit_by_bit(clouds, tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "FIRST", 2)
    monkeypatch.setattr(groups, "MOST", 2)
    before = set(psutil.Process().children())
    progress = []
    run_sweep(SWEEP, tmp_path / "one", data=clouds)
    run_sweep(SWEEP, tmp_path / "two", data=clouds, n_jobs=2, on_group=progress.append)
    assert entries_of(tmp_path / "one") == entries_of(tmp_path / "two")
    assert [one.finished for one in progress] == [2, 4, 6, 8]
    left = [
        one for one in set(psutil.Process().children()) - before if "loky" in str(one.cmdline())
    ]
    assert [one for one in left if "tracker" not in str(one.cmdline())] == []


def test_rows_that_do_not_fit_into_the_temporary_folder_are_one_error(
    clouds, tmp_path, monkeypatch
):
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    limits = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores the signal that comes with it.
    resource.setrlimit(resource.RLIMIT_FSIZE, (1024, limits[1]))
    try:
        with pytest.raises(OutputError, match=r"to .*/rows: .*; make room, or name another folder"):
            Processes(SweepRows(SWEEP.trials, clouds), 2)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limits)
    assert list(tmp_path.iterdir()) == []


def test_a_workers_death_fails_its_group_only_after_two_repeats(clouds):
    first, second, third, *_ = planned(SWEEP, clouds)
    source = Queue(first, [PlannedTrial(Fatal(), None, 1)], second, third)
    with Processes(SweepRows(SWEEP.trials, clouds), 2) as executor:
        results = {group[0].trial.key: done.results for group, done in dispatched(source, executor)}
    [fatal] = results.pop("fatal")
    assert fatal["status"] == "failed"
    assert fatal["reason"].startswith("its worker died, and 2 more after it: ")
    assert [result["status"] for [result] in results.values()] == ["done"] * 3


def test_workers_that_are_killed_lose_and_double_no_trial(tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "FIRST", 1)
    monkeypatch.setattr(groups, "GROUP_S", 0.0)
    with kills.killer(kills.processes, 2, tmp_path / "sweep") as moments:
        sweep, entries = kills.swept(tmp_path / "sweep", 8, 30)
    assert len(moments) == 2
    assert kills.faults_of(sweep, entries) == {"lost": 0, "doubled": 0, "failed": 0}


def test_an_idle_worker_that_was_killed_is_replaced(clouds):
    first, second, third, *_ = planned(SWEEP, clouds)
    with Processes(SweepRows(SWEEP.trials, clouds), 2) as executor:
        list(dispatched(Queue(first, second), executor))
        [worker] = executor._idle
        [process] = worker._processes.values()
        os.kill(process.pid, signal.SIGKILL)
        process.join(60)
        [(_, done)] = list(dispatched(Queue(third), executor))
    assert done.results[0]["status"] == "done"


def test_ctrl_c_reaches_no_worker_and_a_stop_waits_for_the_groups_that_are_out(clouds):
    stop, source = threading.Event(), Queue(*planned(SWEEP, clouds))
    done, interrupted = [], set()
    with Processes(SweepRows(SWEEP.trials, clouds), 2) as executor:
        for group, _ in dispatched(source, executor, stop):
            done.extend(group)
            for worker in executor._workers:
                for pid in worker._processes:
                    # Before it has begun, a worker does not yet ignore it.
                    if kills.ignores_interrupts(pid):
                        os.kill(pid, signal.SIGINT)
                        interrupted.add(pid)
            if len(done) == 2:
                stop.set()
    assert len(done) + sum(map(len, source.left)) == len(SWEEP.trials)
    assert len(done) < len(SWEEP.trials)
    assert interrupted


@pytest.mark.parametrize("wrong", [0, True, 1.5, "2"])
def test_a_number_of_jobs_that_is_none_is_refused(clouds, tmp_path, wrong):
    with pytest.raises(ParameterError, match="n_jobs: must be a whole number of workers, or -1"):
        run_sweep(SWEEP, tmp_path / "sweep", data=clouds, n_jobs=wrong)
    assert not (tmp_path / "sweep").exists()


def test_joblibs_context_decides_where_the_number_of_jobs_does_not(clouds):
    from joblib import parallel_config

    rows = SweepRows(SWEEP.trials, clouds)
    with executor_for(rows, None) as here:
        assert isinstance(here, InProcess)
    with parallel_config(n_jobs=2), executor_for(rows, None) as processes:
        assert isinstance(processes, Processes)
    with parallel_config(n_jobs=2), executor_for(rows, 1) as here:
        assert isinstance(here, InProcess)


def test_networks_of_a_group_are_split_over_the_cores_unless_jobs_are_named(
    clouds, tmp_path, monkeypatch
):
    monkeypatch.setattr(planner_threads, "HAND_OVER_NS", 0.0)
    monkeypatch.setattr(dispatch, "usable_cores", lambda: 2)
    counts, split = [], many.in_threads
    monkeypatch.setattr(many, "in_threads", lambda count: counts.append(count) or split(count))
    sweep = Sweep({"hidden": [2, 3, 4, 5]}, {"backend": "numba_cpu", "epochs": 2})
    run_sweep(sweep, tmp_path / "cores", data=clouds)
    assert counts == [2]
    run_sweep(sweep, tmp_path / "one", data=clouds, n_jobs=1)
    assert counts == [2, 1]
    assert entries_of(tmp_path / "cores") == entries_of(tmp_path / "one")
