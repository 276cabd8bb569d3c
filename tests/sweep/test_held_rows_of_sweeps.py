"""Sweeps with validation_data and test_data: loaded once, passed once, part of the journal."""

import joblib
import kills
import numpy as np
import pytest
from test_processes import entries_of

from samplewise.errors import CombinationError, DataError, OutputError
from samplewise.experiment import held_rows, source_rows
from samplewise.experiment.run import run
from samplewise.sweep import groups
from samplewise.sweep.definition import Sweep
from samplewise.sweep.results import read_results
from samplewise.sweep.rows import DATA_WORDS, SweepRows
from samplewise.sweep.run import run_sweep

SPACE = {"learning_rate": [0.1, 0.2], "preprocess": ["none", "standardize"]}


@pytest.fixture
def files(tmp_path, monkeypatch):
    """Settings with three files, of which some classes are chosen."""
    monkeypatch.chdir(tmp_path)
    for seed, (name, rows) in enumerate((("train", 30), ("valid", 12), ("test", 15))):
        rng = np.random.default_rng(seed)
        labels = np.arange(rows) % 3
        X = 2 * np.eye(3)[labels] + rng.standard_normal((rows, 3))
        np.savez(f"{name}.npz", dataset=X, labels=labels)
    sources = {"data": "train.npz", "validation_data": "valid.npz", "test_data": "test.npz"}
    return {**sources, "classes": ("2", "0"), "backend": "vectorized", "epochs": 2}


@pytest.fixture
def loaded(monkeypatch):
    """The sources that are loaded."""
    names = []
    for module in (held_rows, source_rows):
        load = module.load

        def count(source, *rest, load=load):
            names.append(source)
            return load(source, *rest)

        monkeypatch.setattr(module, "load", count)
    return names


def test_each_trial_is_that_of_its_single_run_and_each_file_is_loaded_once(files, loaded):
    result = run_sweep(Sweep(SPACE, files), "sweep")
    assert sorted(loaded) == ["test.npz", "train.npz", "valid.npz"]
    for row, trial in zip(result.rows, result.sweep.trials, strict=True):
        alone = run(trial.experiment)
        assert alone.history.rows == 20
        assert row["test_loss"] == pytest.approx(alone.test_loss)
        assert row["validation_loss"] == pytest.approx(alone.history.validation_losses[-1])


def test_processes_and_a_cluster_write_the_same_journal(files, loaded, monkeypatch):
    monkeypatch.setattr(groups, "FIRST", 1)
    monkeypatch.setattr(groups, "MOST", 1)
    run_sweep(Sweep(SPACE, files), "one")
    run_sweep(Sweep(SPACE, files), "two", n_jobs=2)
    assert len(loaded) == 6
    assert entries_of("one") == entries_of("two")
    pytest.importorskip("distributed")
    with (
        kills.local_cluster() as cluster,
        cluster.get_client() as client,
        joblib.parallel_config("dask", client=client),
    ):
        run_sweep(Sweep(SPACE, files), "cluster")
    assert len(loaded) == 9
    assert entries_of("one") == entries_of("cluster")


@pytest.mark.parametrize("name", ["valid", "test", "train"])
def test_a_journal_of_other_rows_is_refused(files, name):
    sweep = Sweep(SPACE, files)
    run_sweep(sweep, "sweep")
    run_sweep(sweep, "sweep")
    with np.load(f"{name}.npz") as found:
        np.savez(f"{name}.npz", dataset=found["dataset"] + 1.0, labels=found["labels"])
    with pytest.raises(OutputError, match="data"):
        run_sweep(sweep, "sweep")
    assert len(read_results("sweep").rows) == 4


def test_the_fingerprint_of_data_without_files_is_that_of_before(clouds):
    trials = Sweep({"learning_rate": [0.1]}, {}).trials
    assert SweepRows(trials, clouds).fingerprint == clouds.fingerprint()


def test_files_can_be_a_factor(files, loaded):
    del files["test_data"]
    sweep = Sweep({"test_data": ["test.npz", "valid.npz"]}, files | {"validation_data": None})
    rows = SweepRows(sweep.trials.differing(DATA_WORDS))
    assert sorted(loaded) == ["test.npz", "train.npz", "valid.npz"]
    assert [len(rows.of(trial.experiment).test) for trial in sweep.trials] == [10, 8]
    assert len({trial.key for trial in sweep.trials}) == 2


def test_each_trial_has_targets_in_its_own_units(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for seed, name in enumerate(("train", "valid")):
        X = np.random.default_rng(seed).standard_normal((30, 3))
        np.savez(f"{name}.npz", dataset=X, labels=7 * X[:, 0] + 3)
    settings = {"data": "train.npz", "validation_data": "valid.npz", "loss": "mean_squared_error"}
    fixed = {**settings, "backend": "vectorized", "learning_rate": 1e-3, "epochs": 2}
    result = run_sweep(Sweep({"standardize_targets": [True, False]}, fixed), "sweep")
    for row, trial in zip(result.rows, result.sweep.trials, strict=True):
        alone = run(trial.experiment)
        assert row["test_loss"] == pytest.approx(alone.test_loss)
        assert row["validation_loss"] == pytest.approx(alone.history.validation_losses[-1])


def test_a_dataset_that_is_given_is_not_the_source_of_the_settings(files, recwarn):
    """A file of that name may hold other rows."""
    from samplewise.data.loading import load

    SweepRows(Sweep(SPACE, files | {"test_data": "train.npz"}).trials, load("test.npz"))
    assert [str(one.message) for one in recwarn] == []


def test_a_dataset_that_is_given_takes_the_place_of_the_data_only(files, loaded):
    from samplewise.data.loading import load

    dataset = load("train.npz")
    rows = SweepRows(Sweep(SPACE, files).trials, dataset)
    found = rows.of(Sweep(SPACE, files).trials[0].experiment)
    assert sorted(loaded) == ["test.npz", "valid.npz"]
    assert [len(found.training), len(found.validation), len(found.test)] == [20, 8, 10]
    assert found.test.class_names == ("2", "0")


def test_what_cannot_be_is_refused_before_the_first_trial(files):
    with pytest.raises(CombinationError, match="own_splits: test_data is given too"):
        Sweep(SPACE, files, own_splits=True)
    with pytest.raises(CombinationError, match=r"candidate 1 .*split: cannot be given with test_d"):
        Sweep({"split": [0.1, 0.2]}, files)
    with pytest.raises(DataError, match=r"^test_data: cannot read nowhere\.npz"):
        run_sweep(Sweep(SPACE, files | {"test_data": "nowhere.npz"}), "sweep")
