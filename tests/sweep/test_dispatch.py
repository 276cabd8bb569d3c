"""The loop of a sweep on simulated workers: all busy, no trial lost or doubled."""

import threading
from collections import Counter

import pytest
import simulation

from samplewise.sweep import groups
from samplewise.sweep.dispatch import dispatched
from samplewise.sweep.executors import Death


def test_simulated_workers_are_busy_and_each_trial_is_noted_once(tmp_path):
    workers = simulation.SimulatedWorkers(20, trial_s=0.125, deaths=0.02)
    journal = simulation.simulated(workers, 8000, tmp_path)
    assert set(Counter(entry["key"] for entry in journal.entries).values()) == {1}
    assert len(journal.entries) == 8000
    assert workers.died > 1
    assert workers.busy_s / 20 <= workers.clock_s <= workers.busy_s / 20 + 2 * groups.GROUP_S
    full = 8000 / (groups.GROUP_S / 0.125)
    assert workers.submitted == pytest.approx(full + workers.died, abs=3 * 20)


def test_groups_that_die_each_time_are_failed_after_two_repeats(tmp_path):
    workers = simulation.SimulatedWorkers(2, trial_s=1.0, deaths=1.0)
    journal = simulation.simulated(workers, 9, tmp_path)
    assert [entry["status"] for entry in journal.entries] == ["failed"] * 9
    assert journal.entries[0]["reason"] == "its worker died, and 2 more after it: killed"
    assert workers.submitted == 3 * 2


def test_workers_that_an_executor_lost_by_itself_count_as_repeats(tmp_path, monkeypatch):
    monkeypatch.setattr(simulation.SimulatedWorkers, "death", lambda *_: Death("killed", 3))
    workers = simulation.SimulatedWorkers(2, trial_s=1.0, deaths=1.0)
    journal = simulation.simulated(workers, 9, tmp_path)
    assert journal.entries[0]["reason"] == "its worker died, and 2 more after it: killed"
    assert workers.submitted == 2


def test_a_group_that_dies_after_a_stop_is_not_trained_again(tmp_path, monkeypatch):
    stop = threading.Event()
    workers = simulation.SimulatedWorkers(
        1, trial_s=1.0, deaths=1.0, loop_s=lambda: stop.set() or 0
    )
    monkeypatch.setattr(simulation, "dispatched", lambda *args: dispatched(*args, stop))
    journal = simulation.simulated(workers, 9, tmp_path)
    assert (journal.entries, workers.submitted) == ([], 1)


def test_the_loop_waits_where_it_cannot_keep_up(tmp_path):
    workers = simulation.SimulatedWorkers(100, trial_s=0.01, loop_s=lambda: 1.0)
    simulation.simulated(workers, 800, tmp_path)
    assert workers.clock_s >= workers.submitted
