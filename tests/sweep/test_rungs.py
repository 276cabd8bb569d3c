"""Rungs: the best candidates go on from their snapshots, to the networks of their single runs."""

import dataclasses
import errno
import os
import subprocess
import sys
import threading
from pathlib import Path

import numpy as np
import pytest

from samplewise.errors import CombinationError, OutputError, ParameterError, SamplewiseWarning
from samplewise.experiment.run import run
from samplewise.network import multilayer_perceptron
from samplewise.sweep import groups, snapshots
from samplewise.sweep.candidates import best_first, metric_of
from samplewise.sweep.definition import Sweep, read_sweep
from samplewise.sweep.halving import Halving
from samplewise.sweep.journal import FILE, read
from samplewise.sweep.results import read_results
from samplewise.sweep.rows import SweepRows
from samplewise.sweep.run import run_sweep
from samplewise.sweep.snapshots import FOLDER, Snapshots
from samplewise.testing.tolerances import after_steps
from samplewise.training import resume
from samplewise.training.checkpoints.snapshot_file import save_snapshot
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

RUNGS = {"first": 1, "factor": 2}
SPACE = {"learning_rate": [0.01, 0.03, 0.1, 0.3]}
BASE = {"backend": "reference", "hidden": (4,), "epochs": 4}
EPOCHS = [1, 1, 2, 4]


def edge():
    """Return a snapshot of one network between two epochs."""
    X, network, stop = np.eye(4), multilayer_perceptron(4, (2,), 1), threading.Event()
    stop.set()
    settings = TrainingSettings.from_options(backend="reference")
    return train(network, X, np.arange(4) % 2, settings, stop=stop).snapshot


def by_candidate(result, name):
    return [row[name] for row in result.rows]


@pytest.mark.parametrize("backend", ["reference", "numba_cpu"])
@pytest.mark.parametrize(
    "settings",
    [
        {},
        {"momentum": 0.9, "schedule": "cosine", "hidden": (3, 2)},
        {"optimizer": "adam", "validation_fraction": 0.2, "patience": 3, "batch_size": 4},
        {"shuffle": True, "order_seed": 3, "ema_decay": 0.9},
    ],
)
def test_a_candidate_of_the_last_rung_equals_its_single_run(clouds, tmp_path, backend, settings):
    check_last_rung(clouds, tmp_path, backend, settings)


def test_so_does_one_in_a_plan_that_keeps_weights_elsewhere(clouds, tmp_path):
    check_last_rung(clouds, tmp_path, "numba_cpu", {"plan": "dual", "momentum": 0.9})


def check_last_rung(clouds, tmp_path, backend, settings):
    sweep = Sweep(SPACE, {**BASE, **settings, "backend": backend}, rungs=RUNGS)
    result = run_sweep(sweep, tmp_path / "sweep", data=clouds)
    assert sorted(by_candidate(result, "epochs_run")) == EPOCHS
    if backend == "numba_cpu":
        # Those that go on train at once again, from snapshots of their own.
        assert sorted(by_candidate(result, "networks_at_once")) == [1, 2, 4, 4]
    (last,) = (i for i, row in enumerate(result.rows) if row["status"] == "done")
    row, alone = result.rows[last], run(sweep.trials[last].experiment, clouds)
    allowed = after_steps(4 * 32, "float64").relative if backend == "numba_cpu" else 0
    assert row["test_loss"] == pytest.approx(alone.test_loss, rel=allowed, abs=allowed)
    losses = alone.history.losses
    best = (alone.history.best_epoch or len(losses)) - 1
    assert row["training_loss"] == pytest.approx(losses[best], rel=allowed, abs=allowed)


def test_the_best_go_on_and_the_others_stay_paused_and_come_after_them(clouds, tmp_path):
    result = run_sweep(Sweep(SPACE, BASE, rungs=RUNGS), tmp_path / "sweep", data=clouds)
    singles = [run(t.experiment, clouds).history.losses for t in result.sweep.trials]
    second = np.argsort([losses[0] for losses in singles], kind="stable")[:2]
    best = min(second, key=lambda i: singles[i][1])
    epochs = [4 if i == best else 2 if i in second else 1 for i in range(4)]
    assert by_candidate(result, "epochs_run") == epochs
    assert [row["status"] == "done" for row in result.rows] == [n == 4 for n in epochs]
    assert result.best().number == best + 1
    assert result.candidates()[0].number == best + 1
    assert {row["status"] for row in read_results(tmp_path / "sweep").rows} == {"done", "paused"}
    assert not (tmp_path / "sweep" / FOLDER).exists()


def test_the_seeds_of_a_candidate_go_on_together(clouds, tmp_path):
    sweep = Sweep(SPACE, BASE, seeds=2, rungs=RUNGS)
    rows = run_sweep(sweep, tmp_path / "sweep", data=clouds).rows
    epochs = [row["epochs_run"] for row in rows]
    assert epochs[::2] == epochs[1::2]
    assert sorted(epochs[::2]) == EPOCHS


def test_a_stopped_sweep_goes_on_in_its_rung_to_the_same_results(clouds, tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "FIRST", 1)
    monkeypatch.setattr(groups, "MOST", 1)
    sweep = Sweep(SPACE, BASE, rungs=RUNGS)
    whole = run_sweep(sweep, tmp_path / "whole", data=clouds)
    trained, stop = [], threading.Event()
    while not trained or len(trained[-1]) == 1:
        counts = []
        stop.clear()
        result = run_sweep(
            sweep,
            tmp_path / "parts",
            data=clouds,
            stop=stop,
            on_group=lambda progress, counts=counts: (counts.append(progress.group), stop.set()),
        )
        trained.append(counts)
    assert len(trained) == 4 + 2 + 1 + 1, "a group for each start, and one start for nothing"
    for name in ("status", "epochs_run", "test_loss", "training_loss"):
        assert by_candidate(result, name) == by_candidate(whole, name)


def test_a_trial_without_its_snapshot_trains_from_the_beginning(clouds, tmp_path):
    sweep, stop = Sweep(SPACE, BASE, rungs=RUNGS), threading.Event()
    whole = run_sweep(sweep, tmp_path / "whole", data=clouds)
    folder = tmp_path / "sweep"
    run_sweep(sweep, folder, data=clouds, stop=stop, on_group=lambda _: stop.set())
    files = sorted((folder / FOLDER).iterdir())
    assert len(files) == 4
    files[0].unlink()
    for path in files[1:]:
        path.write_bytes(b"damaged")
    with pytest.warns(SamplewiseWarning, match="is missing or damaged; its trial is trained"):
        again = run_sweep(sweep, folder, data=clouds)
    assert by_candidate(again, "test_loss") == by_candidate(whole, "test_loss")


def test_a_failed_candidate_goes_on_last(clouds, tmp_path):
    space = {"learning_rate": [1e200, 0.1, 0.2, 0.3]}
    sweep = Sweep(space, {**BASE, "activation": "relu"}, rungs=RUNGS)
    result = run_sweep(sweep, tmp_path / "sweep", data=clouds)
    assert [row["status"] for row in result.rows].count("failed") == 1
    assert result.rows[0]["status"] == "failed"
    assert sorted(by_candidate(result, "epochs_run")[1:]) == EPOCHS[1:]
    for retry, lines in ((False, 1), (True, 2)):
        run_sweep(sweep, tmp_path / "sweep", data=clouds, retry_failed=retry)
        _, entries = read(tmp_path / "sweep" / FILE)
        assert [one["status"] for one in entries].count("failed") == lines


def entry(status="paused", **figures):
    figures = {"validation_accuracy": None, "validation_loss": None, **figures}
    return {"status": status, "parameters": 3, "figures": figures}


def test_validation_rows_decide_where_there_are_any_and_test_rows_never():
    good = entry(test_accuracy=0.0, test_loss=9.0, training_loss=0.1)
    bad = entry(test_accuracy=1.0, test_loss=0.0, training_loss=0.2)
    failed = {"status": "failed", "parameters": 1}
    assert best_first({1: [bad], 2: [good], 3: [good, failed]}) == [2, 1, 3]
    assert best_first({1: [good], 2: [good]}) == [1, 2]
    assert best_first({1: [good], 2: [{**good, "parameters": 2}]}) == [2, 1]
    held = entry(validation_accuracy=0.5, validation_loss=0.1, training_loss=0.1)
    assert metric_of([held, failed]) == "validation_accuracy"
    better = entry(validation_accuracy=0.9, validation_loss=0.5, training_loss=0.5)
    assert best_first({1: [held], 2: [better]}) == [2, 1]
    assert metric_of([failed]) == "training_loss"


def halving(clouds, folder, losses, epochs=4):
    """Return the rungs of a sweep whose journal has training losses, by candidate and epochs."""
    sweep = Sweep(SPACE, {**BASE, "epochs": epochs}, rungs=RUNGS)
    plan = groups.PlannedTrials(sweep.trials, SweepRows(sweep.trials[:1], clouds))
    entries = [
        {**entry(training_loss=loss), **line(sweep.trials[i]), "until": until}
        for i, lines in enumerate(losses)
        for until, loss in lines.items()
    ]
    return Halving(plan, sweep.rungs, entries, Snapshots(folder))


def line(trial):
    return {"key": trial.key, "values": trial.values, "seed": trial.seed}


def test_a_trial_whose_line_of_a_rung_was_damaged_counts_by_the_next(clouds, tmp_path):
    known = halving(clouds, tmp_path, [{1: 1.0}, {1: 2.0}, {1: 3.0}, {2: 2.5, 4: 0.5}])
    with pytest.warns(SamplewiseWarning, match="is missing or damaged"):
        group = known.take()
    assert [one.trial.candidate for one in group] == [1, 2]


def test_the_figures_of_a_rung_decide_and_not_those_of_the_one_before(clouds, tmp_path):
    known = halving(clouds, tmp_path, [{1: 1.0, 2: 5.0}, {1: 2.0, 2: 0.5}, {1: 3.0}, {1: 4.0}])
    with pytest.warns(SamplewiseWarning, match="is missing or damaged"):
        group = known.take()
    assert [one.trial.candidate for one in group] == [2]


def test_time_that_is_left_counts_the_epochs_of_all_later_rungs(clouds, tmp_path):
    known = halving(clouds, tmp_path, [{}] * 4, epochs=3)
    group = known.take()
    assert (len(group), known.seconds_left) == (4, None)
    known.took(group, [], 8.0)
    # Four epochs took 8 s; two candidates train one more each, and one of them another.
    assert known.seconds_left == pytest.approx(6.0)


def test_a_rung_waits_for_the_groups_that_are_out(clouds, tmp_path, monkeypatch):
    monkeypatch.setattr(groups, "FIRST", 2)
    known = halving(clouds, tmp_path, [{}] * 4)
    assert [len(known.take()) for _ in range(3)] == [2, 2, 0]
    assert not known.is_finished


def test_snapshots_of_a_group_are_all_kept_and_what_a_kill_left_is_removed(tmp_path, monkeypatch):
    paused, threads = {f"{n:020x}": edge() for n in range(20)}, set()

    def noted(snapshot, path):
        threads.add(threading.get_ident())
        return save_snapshot(snapshot, path)

    monkeypatch.setattr("samplewise.sweep.snapshots.save_snapshot", noted)
    kept = Snapshots(tmp_path)
    kept.save(paused)
    assert 1 < len(threads) <= snapshots.AT_ONCE
    (tmp_path / FOLDER / ".0.safetensors.abcd.tmp").touch()
    epochs = edge().epoch - 1
    assert all(kept.load((key, epochs)).checksum for key in paused)
    kept.keep({(key, epochs) for key in list(paused)[:2]})
    assert len(list((tmp_path / FOLDER).iterdir())) == 2
    kept.keep(())
    assert list(tmp_path.iterdir()) == []


def test_large_snapshots_are_written_one_by_one(tmp_path, monkeypatch):
    threads = []

    def noted(_, path):
        threads.append(threading.get_ident())
        path.touch()

    monkeypatch.setattr("samplewise.sweep.snapshots.save_snapshot", noted)
    monkeypatch.setattr(snapshots, "MOST_BYTES", edge().networks[0].parameters.nbytes)
    Snapshots(tmp_path).save({str(n): edge() for n in range(4)})
    assert (len(threads), len(set(threads))) == (4, 1)


def test_a_snapshot_that_cannot_be_written_ends_the_sweep(clouds, tmp_path, monkeypatch):
    calls, fsync = [], os.fsync

    def full(descriptor):
        calls.append(descriptor)
        if len(calls) > 5:
            raise OSError(errno.ENOSPC, "No space left on device")
        fsync(descriptor)

    sweep = Sweep(SPACE, BASE, rungs=RUNGS)
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(OutputError, match=r"cannot write .*safetensors: No space left on dev"):
            run_sweep(sweep, tmp_path / "sweep", data=clouds)
    assert read(tmp_path / "sweep" / FILE)[1] == []
    assert (
        by_candidate(run_sweep(sweep, tmp_path / "sweep", data=clouds), "status").count("done") == 1
    )


def test_a_trial_that_ends_in_its_rung_is_not_trained_again(clouds, tmp_path, recwarn):
    rungs = {"first": 2, "factor": 2}
    sweep = Sweep(SPACE, {**BASE, "target_loss": 100.0}, rungs=rungs)
    result = run_sweep(sweep, tmp_path / "sweep", data=clouds)
    assert by_candidate(result, "epochs_run") == [1, 1, 1, 1]
    assert by_candidate(result, "stopped") == ["target_loss"] * 4
    assert len(read(tmp_path / "sweep" / FILE)[1]) == len(sweep.trials)
    assert len(recwarn) == 0


def test_rungs_say_how_many_candidates_train_how_long(tmp_path):
    path = tmp_path / "sweep.toml"
    path.write_text(
        "rungs = {first = 5, factor = 3}\n[settings]\nepochs = 50\n"
        "[space]\nhidden = [1, 2, 3, 4, 5, 6, 7, 8, 9, 10]\n"
    )
    rungs = read_sweep(path).rungs
    assert rungs.ends == (5, 15, 45, 50)
    assert rungs.described(10) == "10 train 5, 3 go on to 15, 1 to 45, 1 to 50"
    # The last rung is the whole training, once.
    assert dataclasses.replace(rungs, epochs=45).ends == (5, 15, 45)


@pytest.mark.parametrize(
    ("rungs", "space", "error", "message"),
    [
        (5, SPACE, ParameterError, "must be a table of first and factor, got 5"),
        ({"first": 1}, SPACE, ParameterError, "must be a table of first and factor"),
        ({"first": 0, "factor": 2}, SPACE, ParameterError, r"rungs\.first"),
        ({"first": 1, "factor": 1}, SPACE, ParameterError, r"rungs\.factor"),
        ({"first": 4, "factor": 2}, SPACE, CombinationError, "must be less than epochs, 4, got 4"),
        (RUNGS, {"epochs": [3, 4]}, CombinationError, "epochs is a factor of the space"),
    ],
)
def test_rungs_that_compare_nothing_are_refused(rungs, space, error, message):
    settings = {} if "epochs" in space else {"epochs": 4}
    with pytest.raises(error, match=message):
        Sweep(space, settings, rungs=rungs)


@pytest.mark.parametrize("how", [{"rungs": RUNGS}, {"sampler": "tpe", "samples": 2}])
@pytest.mark.parametrize(
    ("space", "settings", "words"),
    [
        ({"loss": ["huber", "mean_squared_error"]}, {"validation_fraction": 0.2}, "keep one of .*"),
        ({"delta": "log 0.1 1"}, {"loss": "huber", "validation_fraction": 0.2}, "keep one of .*"),
        ({"label_smoothing": [0.0, 0.2]}, {}, "keep one .*, or compare accuracies: give valid"),
        (
            {"label_smoothing": [0.0, 0.2], "validation_fraction": [None, 0.2]},
            *({}, "keep one .*, or compare accuracies: give valid"),
        ),
    ],
)
def test_candidates_are_not_compared_by_losses_of_other_units(how, space, settings, words):
    ((name, _), *_) = how.items()
    samples = {"samples": 2} if isinstance(space.get("delta"), str) else {}
    words = f"^{name}: {min(space)} is a factor .* {name} would compare losses, .*; {words}"
    with pytest.raises(CombinationError, match=words):
        Sweep(space, {**BASE, **settings}, **how | samples)


@pytest.mark.parametrize("how", [{"rungs": RUNGS}, {"sampler": "tpe", "samples": 2}])
@pytest.mark.parametrize("validation", [{"validation_fraction": "uniform 0.1 0.3"}, {}])
def test_candidates_of_other_losses_are_compared_by_accuracy(how, validation, clouds, tmp_path):
    space = {"label_smoothing": [0.0, 0.2], **validation}
    fixed = {} if validation else {"validation_fraction": 0.2}
    sweep = Sweep(space, {**BASE, **fixed}, **{"samples": 2} | how)
    rows = run_sweep(sweep, tmp_path / "sweep", data=clouds).rows
    assert all(row["validation_accuracy"] is not None for row in rows)


def test_those_that_go_on_train_no_epoch_twice(clouds, tmp_path, monkeypatch):
    restored, restore = [], resume.restore

    def noted(run, snapshot, losses, *, in_place):
        restore(run, snapshot, losses, in_place=in_place)
        restored.append(len(run.history.epochs))
        # What the error of one that diverges would hold.
        assert np.array_equal(run.finite, snapshot.parameters)

    monkeypatch.setattr(resume, "restore", noted)
    for plan in ("direct", "dual"):
        sweep = Sweep(SPACE, {**BASE, "backend": "numba_cpu", "plan": plan}, rungs=RUNGS)
        run_sweep(sweep, tmp_path / plan, data=clouds)
    assert restored == [1, 1, 2] * 2


def test_a_sweep_that_is_killed_at_any_call_of_the_system_ends_as_one_that_is_not():
    code = "import rung_kills; print(rung_kills.killed(3, seed=5)[2])"
    # In a process without threads, as each kill is one of a fork.
    ended = subprocess.run(
        [sys.executable, "-c", code],
        check=False,
        cwd=Path(__file__).parent,
        capture_output=True,
        text=True,
        timeout=100,
    )
    faults = "{'ended by an error': 0, 'other rows': 0, 'doubled': 0}"
    assert ended.stdout.strip() == faults, ended.stderr
