"""A sweep trains each trial once, as by itself, and loses none that is finished."""

import errno
import os
import signal
import subprocess
import sys
import threading

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.errors import (
    OutputError,
    ParameterError,
    UnavailableBackendError,
    UnknownBackendError,
)
from samplewise.experiment.run import run
from samplewise.io.lock import locked
from samplewise.sweep import executors, groups
from samplewise.sweep.definition import Sweep
from samplewise.sweep.groups import Groups, PlannedTrial, planned_trials
from samplewise.sweep.results import read_results
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.run import run_sweep
from samplewise.testing.tolerances import after_steps

BASE = {"backend": "reference", "epochs": 2, "hidden": (4,)}
SWEEP = Sweep({"learning_rate": [0.1, 0.2, 0.3], "epochs": [1, 2]}, {"backend": "reference"})
EXPLODING = Sweep({"learning_rate": [1e200, 0.1]}, {**BASE, "activation": "relu"})
KILLED = """
import os, signal, sys
from samplewise.sweep import groups
from samplewise.sweep.definition import Sweep
from samplewise.sweep.run import run_sweep
groups.FIRST = 2
sweep = Sweep({"learning_rate": [0.1, 0.2, 0.3]}, {"data": sys.argv[2], "backend": "reference"})
run_sweep(sweep, sys.argv[1], on_group=lambda _: os.kill(os.getpid(), signal.SIGKILL))
"""


@pytest.fixture
def trained(monkeypatch):
    """The seeds and values of the trials that were trained, group by group."""
    calls, train = [], executors.train_group

    def count(trials, rows):
        calls.append([trial.values for trial in trials])
        return train(trials, rows)

    monkeypatch.setattr(executors, "train_group", count)
    return calls


@pytest.mark.parametrize("backend", ["numba_cpu", "reference"])
def test_each_network_is_that_of_its_single_run(clouds, tmp_path, backend):
    space = {"hidden": [3, [4, 2]], "momentum": [0.0, 0.5]}
    sweep = Sweep(space, {"backend": backend, "epochs": 3}, seeds=2)
    result = run_sweep(sweep, tmp_path / "sweep", data=clouds)
    assert len(result.rows) == 8
    assert {row["networks_at_once"] > 1 for row in result.rows} == {backend == "numba_cpu"}
    allowed = after_steps(3 * 32, "float64").relative
    for row, trial in zip(result.rows, result.sweep.trials, strict=True):
        alone = run(trial.experiment, clouds)
        assert row["test_loss"] == pytest.approx(alone.test_loss, rel=allowed, abs=allowed)
        assert row["training_loss"] == pytest.approx(alone.history.losses[-1], abs=allowed)
        assert row["test_accuracy"] == alone.test_accuracy
        assert row["parameters"] == alone.model.network.layout.parameters


def shares(space, settings, clouds, **rest):
    trials = Sweep(space, {**BASE, **settings}, **rest).trials
    return [one.shares for one in planned_trials(trials, SweepRows(trials, clouds))]


@pytest.mark.parametrize(
    ("space", "settings", "rest", "groups_of"),
    [
        ({"learning_rate": [0.1, 0.2]}, {}, {"seeds": 2}, [0, 0, 0, 0]),
        ({"batch_size": [1, 2]}, {}, {}, [0, 1]),
        ({"learning_rate": [0.1, 0.2]}, {}, {"seeds": 2, "own_splits": True}, [0, 1, 0, 1]),
        ({"learning_rate": [0.1, 0.2]}, {"shuffle": True}, {"seeds": 2}, [0, 1, 0, 1]),
        ({"learning_rate": [0.1]}, {"shuffle": True, "order_seed": 1}, {"seeds": 2}, [0, 0]),
        ({"learning_rate": [0.1]}, {"augment": "noise 0.1"}, {"seeds": 2}, [0, 1]),
        ({"learning_rate": [0.1]}, {"validation_fraction": 0.2}, {"seeds": 2}, [0, 1]),
        ({"preprocess": ["none", "standardize"]}, {}, {}, [0, 1]),
        ({"stratify": [True, False]}, {}, {}, [0, 1]),
        ({"split": [0.2, 0.4]}, {}, {}, [0, 1]),
        ({"classes": [["left", "right"], ["right", "left"]]}, {}, {}, [0, 1]),
        ({"loss": ["binary_cross_entropy", "categorical_cross_entropy"]}, {}, {}, [0, 1]),
    ],
)
def test_trials_train_at_once_where_they_share_rows_order_and_settings(
    clouds, space, settings, rest, groups_of
):
    found = shares(space, settings, clouds, **rest)
    assert [list(dict.fromkeys(found)).index(one) for one in found] == groups_of


def test_each_trial_is_planned_with_the_rows_of_its_own_source():
    settings = {"backend": "reference", "hidden": (4,), "epochs": 1}
    trials = Sweep({"data": ["iris", "wine"]}, settings).trials
    rows = SweepRows(trials)
    # The rows that are at hand are those of the first.
    rows.of(trials[0].experiment)
    assert [one.parameters for one in planned_trials(trials, rows)] == [
        4 * 5 + 5 * 3,
        4 * 14 + 5 * 3,
    ]


def test_a_trial_with_a_clock_trains_by_itself(clouds):
    assert shares({"learning_rate": [0.1, 0.2]}, {"max_seconds": 5.0}, clouds) == [None, None]
    trials = Sweep({"learning_rate": [0.1, 0.2]}, {"epochs": 1}).trials
    taking = Groups([PlannedTrial(trial, None, 10) for trial in trials])
    assert [len(taking.take()) for _ in range(3)] == [1, 1, 0]


def test_groups_grow_to_the_seconds_that_a_group_should_take():
    trials = Sweep({"learning_rate": np.linspace(0.1, 1, 300)}, {"epochs": 1}).trials
    taking = Groups([PlannedTrial(trial, "all", 10) for trial in trials])
    assert taking.seconds_left is None
    first = taking.take()
    assert len(first) == groups.FIRST
    taking.took(first, [], 0.125 * len(first))
    assert taking.seconds_left == pytest.approx(0.125 * (300 - len(first)))
    assert len(taking.take()) == groups.GROUP_S / 0.125
    taking.took(first, [], 100.0 * len(first))
    assert len(taking.take()) == 1
    taking.took(first, [], 1e-6)
    assert len(taking.take()) == groups.MOST


def test_a_trial_that_diverges_is_noted_with_its_reason_and_ranked_last(clouds, tmp_path, trained):
    result = run_sweep(EXPLODING, tmp_path / "sweep", data=clouds)
    first, second = result.rows
    assert (first["status"], second["status"]) == ("failed", "done")
    assert first["reason"].startswith("diverged: ")
    assert "learning_rate 1e+200" in first["reason"]
    assert [one.number for one in result.candidates()] == [2, 1]
    assert result.best().number == 2
    assert read_results(tmp_path / "sweep").rows == result.rows

    run_sweep(EXPLODING, tmp_path / "sweep", data=clouds)
    assert len(trained) == 1, "a trial that failed is not repeated unasked"
    counted = []
    options = {"data": clouds, "retry_failed": True, "on_group": counted.append}
    run_sweep(EXPLODING, tmp_path / "sweep", **options)
    assert trained[1:] == [[{"learning_rate": 1e200}]]
    assert [(one.finished, one.failed) for one in counted] == [(2, 1)]


def test_a_trial_that_cannot_be_trained_takes_no_other_with_it(clouds, tmp_path):
    sweep = Sweep({"schedule": ["constant", "one_cycle"]}, {**BASE, "epochs": 1, "batch_size": 32})
    rows = run_sweep(sweep, tmp_path / "sweep", data=clouds).rows
    assert [row["status"] for row in rows] == ["done", "failed"]
    assert rows[1]["reason"].startswith("cannot be trained: ")


def test_a_stop_acts_after_the_running_group_and_the_next_start_goes_on(
    clouds, tmp_path, trained, monkeypatch
):
    monkeypatch.setattr(groups, "FIRST", 2)
    stop, seen = threading.Event(), []
    result = run_sweep(
        SWEEP,
        tmp_path / "sweep",
        data=clouds,
        stop=stop,
        on_group=lambda progress: (stop.set(), seen.append(progress)),
    )
    assert [row["status"] for row in result.rows] == ["done"] * 2 + ["missing"] * 4
    assert (seen[0].finished, seen[0].trials, seen[0].group) == (2, 6, 2)
    assert seen[0].seconds_left > 0
    before = result.rows[:2]
    result = run_sweep(SWEEP, tmp_path / "sweep", data=clouds)
    assert [row["status"] for row in result.rows] == ["done"] * 6
    assert result.rows[:2] == before
    assert sorted(str(values) for group in trained for values in group) == sorted(
        str(one.values) for one in SWEEP.trials
    )


def test_a_killed_sweep_goes_on_with_the_trials_that_are_missing(clouds, tmp_path, trained):
    folder, rows = tmp_path / "sweep", str(tmp_path / "rows.npz")
    np.savez(rows, dataset=clouds.X, labels=clouds.labels)
    command = [sys.executable, "-c", KILLED, str(folder), rows]
    ended = subprocess.run(command, check=False, timeout=60)
    assert ended.returncode == -signal.SIGKILL
    sweep = Sweep({"learning_rate": [0.1, 0.2, 0.3]}, {"data": rows, "backend": "reference"})
    result = run_sweep(sweep, folder)
    assert trained == [[{"learning_rate": 0.3}]]
    assert [row["status"] for row in result.rows] == ["done"] * 3


def test_a_disk_that_is_full_loses_nothing_that_is_finished(clouds, tmp_path, monkeypatch):
    folder, write, calls = tmp_path / "sweep", os.write, []

    def full(descriptor, line):
        calls.append(line)
        if len(calls) == 3:
            raise OSError(errno.ENOSPC, "No space left on device")
        return write(descriptor, line)

    monkeypatch.setattr(groups, "FIRST", 2)
    with monkeypatch.context() as patch:
        patch.setattr(os, "write", full)
        with pytest.raises(OutputError, match="No space left on device; trials that it holds are"):
            run_sweep(SWEEP, folder, data=clouds)
    assert [row["status"] for row in read_results(folder).rows].count("done") == 2
    assert [row["status"] for row in run_sweep(SWEEP, folder, data=clouds).rows] == ["done"] * 6


def test_a_folder_that_cannot_be_looked_at_is_an_error_of_the_output(clouds, tmp_path):
    with pytest.raises(OutputError, match="cannot make the folder .*: File name too long"):
        run_sweep(SWEEP, tmp_path / ("x" * 300), data=clouds)


def test_a_candidate_that_does_not_fit_the_data_is_named_before_anything_is_trained(
    clouds, tmp_path, trained
):
    sweep = Sweep({"layers": ["dense 3, dense 1", "conv 2x3, dense 1"]}, {"backend": "reference"})
    with pytest.raises(ParameterError, match=r"candidate 2 \(layers=conv 2x3, dense 1\)"):
        run_sweep(sweep, tmp_path / "sweep", data=clouds)
    assert trained == []
    assert not (tmp_path / "sweep").exists()


@pytest.mark.parametrize(
    ("space", "settings", "message"),
    [
        (
            {"device": ["cpu", "gpu:0"]},
            {"backend": "reference"},
            r"space \(device=gpu:0\): backend '",
        ),
        (
            {"backend": ["reference", "abacus"]},
            {},
            r"space \(backend=abacus\): 'abacus' is not a b",
        ),
        (
            {"backend": ["reference", "vectorized"], "device": ["cpu", "gpu:0"]},
            {},
            r"space \(backend=reference, device=gpu:0\): backend 'reference' cannot run on device",
        ),
        (
            {"epochs": [1]},
            {"device": "gpu:0"},
            r"backend '.*only cpu; backend '.*; name the backend",
        ),
    ],
)
@pytest.mark.parametrize("rest", [{}, {"samples": 1}, {"samples": 1, "sampler": "tpe"}])
def test_a_backend_or_device_that_is_not_here_is_refused_before_anything_is_trained(
    clouds, tmp_path, trained, space, settings, message, rest
):
    if "sampler" in rest:
        pytest.importorskip("optuna")
    sweep = Sweep(space, settings, **rest)
    with pytest.raises((UnavailableBackendError, UnknownBackendError), match=f"^{message}"):
        run_sweep(sweep, tmp_path / "sweep", data=clouds)
    assert trained == []
    assert not (tmp_path / "sweep").exists()


def test_a_sweep_that_is_finished_needs_its_backend_no_more(clouds, tmp_path, trained, monkeypatch):
    sweep = Sweep({"epochs": [1, 2]}, {"hidden": (4,)})
    monkeypatch.setenv("SAMPLEWISE_BACKEND", "reference")
    done = run_sweep(sweep, tmp_path / "sweep", data=clouds)
    trained.clear()
    monkeypatch.setenv("SAMPLEWISE_BACKEND", "gone")
    assert run_sweep(sweep, tmp_path / "sweep", data=clouds).rows == done.rows
    assert trained == []


def test_the_devices_of_a_cluster_are_those_of_its_workers(clouds, tmp_path, trained, monkeypatch):
    monkeypatch.setattr("samplewise.sweep.run.trains_here", lambda: False)
    sweep = Sweep({"device": ["cpu", "gpu:0"]}, BASE)
    rows = run_sweep(sweep, tmp_path / "sweep", data=clouds).rows
    assert len(trained) == 2
    assert [row["status"] for row in rows] == ["done", "failed"]
    assert "cannot run on device 'gpu:0'" in rows[1]["reason"]


def test_the_folder_of_another_sweep_or_of_other_data_is_refused(clouds, tmp_path):
    run_sweep(EXPLODING, tmp_path / "sweep", data=clouds)
    with pytest.raises(OutputError, match="belongs to another sweep: settings"):
        run_sweep(SWEEP, tmp_path / "sweep", data=clouds)
    moved = Dataset(clouds.name, clouds.X + 1, clouds.labels, clouds.class_names, clouds.source)
    with pytest.raises(OutputError, match="belongs to another sweep: data differs"):
        run_sweep(EXPLODING, tmp_path / "sweep", data=moved)


def test_a_folder_of_other_files_or_in_use_is_refused(clouds, tmp_path):
    (tmp_path / "thesis.tex").write_text("")
    with pytest.raises(OutputError, match=r"holds 'thesis\.tex' and no sweep; name another folder"):
        run_sweep(SWEEP, tmp_path, data=clouds)
    (tmp_path / "sweep").mkdir()
    with (
        locked(tmp_path / "sweep", "a test"),
        pytest.raises(OutputError, match="in use: another process runs the sweep"),
    ):
        run_sweep(SWEEP, tmp_path / "sweep", data=clouds)
