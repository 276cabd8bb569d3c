import csv
import json
import os
import tomllib
from pathlib import Path

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.errors import ModelFileError, OutputError
from samplewise.experiment import run_folder
from samplewise.experiment.config_file import effective
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run
from samplewise.experiment.run_folder import FILES, summary, write_pictures, write_run
from samplewise.io.writing import check_output_folder
from samplewise.model.model_file import load_model
from samplewise.plots import figures


@pytest.fixture(scope="module")
def file(tmp_path_factory):
    rng = np.random.default_rng(0)
    labels = np.repeat(["cat", "dog", "owl"], 20)
    X = rng.integers(0, 100, (60, 64)) + 50 * np.repeat([0, 1, 2], 20)[:, None]
    path = tmp_path_factory.mktemp("data") / "pets.npz"
    np.savez(path, dataset=X.astype(np.uint8), labels=labels)
    return path


@pytest.fixture(scope="module")
def result(file):
    return run(experiment(file))


def experiment(file, **changes):
    settings = {"data": str(file), "epochs": 3, "hidden": (4,), "backend": "vectorized"}
    return Experiment.from_options(**{**settings, **changes})


def test_a_run_is_written_whole(result, tmp_path):
    folder = tmp_path / "a" / "run"
    write_run(result, folder, force=False)
    write_pictures(result, folder)
    assert {path.name for path in folder.iterdir()} == set(run_folder.FILES)
    model = load_model(folder / "model.safetensors")
    np.testing.assert_array_equal(model.parameters, result.model.parameters, strict=True)
    history = json.loads((folder / "history.json").read_text())
    assert [record["loss"] for record in history["epochs"]] == result.history.losses
    rows = list(csv.DictReader((folder / "history.csv").read_text().splitlines()))
    assert [float(row["loss"]) for row in rows] == result.history.losses
    assert json.loads((folder / "result.json").read_text()) == summary(result)
    for name in ("loss.png", "confusion.png"):
        assert (folder / name).read_bytes().startswith(b"\x89PNG")


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"dtype": "float32", "batch_size": 7, "shuffle": True, "stratify": True, "seed": 3},
        {"classes": ("owl", "cat"), "hidden": (), "init": "zeros", "preprocess": "standardize"},
        {"backend": "reference", "activation": "relu", "hidden": (5, 3), "learning_rate": 1 / 3},
    ],
)
@pytest.mark.filterwarnings("ignore:the network did not learn")
def test_the_configuration_written_gives_the_same_bits_again(file, tmp_path, changes):
    first = run(experiment(file, **changes))
    write_run(first, tmp_path / "run", force=False)
    again = run(effective({}, tmp_path / "run" / "config.toml"))
    np.testing.assert_array_equal(again.model.parameters, first.model.parameters, strict=True)
    assert again.history.losses == first.history.losses
    assert again.experiment == first.experiment
    np.testing.assert_array_equal(again.confusion, first.confusion)


def test_the_configuration_names_what_auto_chose(result, tmp_path):
    write_run(result, tmp_path / "run", force=False)
    config = tomllib.loads((tmp_path / "run" / "config.toml").read_text())
    chosen = (config["loss"], config["preprocess"], config["backend"])
    assert chosen == ("categorical_cross_entropy", "scale", "vectorized")


def test_an_existing_run_is_replaced_only_with_force(result, tmp_path):
    write_run(result, tmp_path / "run", force=False)
    before = (tmp_path / "run").stat().st_ino
    with pytest.raises(OutputError, match="exists already"):
        write_run(result, tmp_path / "run", force=False)
    assert (tmp_path / "run").stat().st_ino == before
    write_run(result, tmp_path / "run", force=True)
    assert (tmp_path / "run").stat().st_ino != before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_force_never_removes_anything_but_a_run(result, tmp_path):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "cat\n.png").write_bytes(b"x")
    with pytest.raises(OutputError, match=r"holds 'cat\\n.png', which this command does not write"):
        write_run(result, tmp_path / "photos", force=True)
    assert (tmp_path / "photos" / "cat\n.png").exists()


def test_the_current_folder_and_those_above_are_refused(tmp_path, monkeypatch):
    (tmp_path / "in").mkdir()
    monkeypatch.chdir(tmp_path / "in")
    for place in (".", "..", "/", str(tmp_path / "in")):
        with pytest.raises(OutputError, match="current folder or above|cannot make"):
            check_output_folder(Path(place), force=True, known=FILES)


@pytest.mark.parametrize("place", ["/proc/nope", "/sys/nope/below", "/dev/null/below"])
@pytest.mark.skipif(not Path("/proc/self").is_dir(), reason="needs /proc")
def test_a_place_that_even_root_cannot_write_is_refused(place):
    with pytest.raises(OutputError, match="cannot make"):
        check_output_folder(Path(place), force=False, known=FILES)


def test_checking_leaves_nothing_behind(tmp_path):
    check_output_folder(tmp_path / "a" / "b", force=False, known=FILES)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("nth", range(1, 6))
def test_a_write_that_fails_leaves_the_old_run_and_nothing_else(result, tmp_path, monkeypatch, nth):
    write_run(result, tmp_path / "run", force=False)
    before = {path: path.read_bytes() for path in (tmp_path / "run").iterdir()}
    fsync, calls = os.fsync, []

    def fails_at_nth(descriptor):
        calls.append(descriptor)
        # Two a file: its content, then its folder.
        if len(calls) == 2 * nth - 1:
            raise OSError(28, "No space left on device")
        fsync(descriptor)

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fails_at_nth)
        with pytest.raises(OutputError, match="No space left"):
            write_run(result, tmp_path / "run", force=True)
    assert {path: path.read_bytes() for path in (tmp_path / "run").iterdir()} == before
    assert [path.name for path in tmp_path.iterdir()] == ["run"]


def test_a_run_whose_pictures_were_not_drawn_is_valid_and_can_be_replaced(result, tmp_path):
    folder = tmp_path / "run"
    write_run(result, folder, force=False)
    model = load_model(folder / "model.safetensors")
    np.testing.assert_array_equal(model.parameters, result.model.parameters)
    # As a kill leaves it while a picture is written.
    (folder / ".loss.png.0a1b2c3d.tmp").write_bytes(b"half")
    write_run(result, folder, force=True)
    write_pictures(result, folder)
    assert {path.name for path in folder.iterdir()} == set(FILES)


def test_a_picture_that_cannot_be_written_leaves_the_run(result, tmp_path, monkeypatch):
    folder = tmp_path / "run"
    write_run(result, folder, force=False)
    before = {path: path.read_bytes() for path in folder.iterdir()}

    def full(descriptor):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OutputError, match="No space left"):
        write_pictures(result, folder)
    assert {path: path.read_bytes() for path in folder.iterdir()} == before


def test_the_summary_is_strict_json_and_says_where_rows_came_from(result):
    figures = json.loads(json.dumps(summary(result), allow_nan=False))
    assert figures["data"]["name"] == "pets"
    assert figures["data"]["synthetic"] is False
    assert figures["data"]["training_rows"] + figures["data"]["test_rows"] == 60
    assert np.sum(figures["confusion"]) == figures["data"]["test_rows"]


def test_a_run_with_validation_rows_draws_their_curve_and_says_how_many(file, tmp_path):
    drawn = {}

    def curves(given, title, *, best_epoch):
        drawn.update(given, best_epoch=best_epoch)
        return b""

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("samplewise.plots.figures.loss_curves", curves)
        done = run(experiment(file, validation_fraction=0.25, patience=2))
        write_run(done, tmp_path / "run", force=False)
        write_pictures(done, tmp_path / "run")
    assert drawn == {
        "training": done.history.losses,
        "validation": done.history.validation_losses,
        "best_epoch": done.history.best_epoch,
    }
    figures = summary(done)
    data = figures["data"]
    assert data["validation_rows"] == 12
    assert data["trained_on_rows"] == data["training_rows"] - 12 == 36
    assert figures["best_epoch"] == done.history.best_epoch
    assert figures["final_validation_loss"] == done.history.validation_losses[-1]
    ms_by_epoch = done.history.train_ms / len(done.history.epochs)
    assert figures["epoch_ms"] == pytest.approx(ms_by_epoch)
    again = run(effective({}, tmp_path / "run" / "config.toml"))
    np.testing.assert_array_equal(again.model.parameters, done.model.parameters)


@pytest.mark.filterwarnings("ignore:no installed font has CJK:UserWarning")
def test_class_names_in_any_script_are_kept(tmp_path):
    X = np.arange(40.0).reshape(20, 2)
    dataset = Dataset("t", X, np.arange(20) % 2, ("[red]", "日本 $x$"), "a test")
    done = run(
        Experiment.from_options(epochs=1, backend="vectorized"), prepare(Experiment(), dataset)
    )
    write_run(done, tmp_path / "run", force=False)
    model = load_model(tmp_path / "run" / "model.safetensors")
    assert model.class_names == ("[red]", "日本 $x$")


def test_the_folder_of_a_run_in_place_of_its_model_is_told_which_file_it_is(result, tmp_path):
    write_run(result, tmp_path / "run", force=False)
    with pytest.raises(ModelFileError, match=r"is a folder; .*: the model of this run is .*run/m"):
        load_model(tmp_path / "run")
    with pytest.raises(ModelFileError, match="is a folder; expected a regular file with content$"):
        load_model(tmp_path)


def test_a_title_cut_at_its_end_keeps_figure_and_data(file, monkeypatch):
    titles = []
    for name in ("loss_curves", "confusion"):
        monkeypatch.setattr(figures, name, lambda *given, **_: titles.append(given[-1]) or b"")
    found = run(experiment(file, layers="conv 2x3 relu, dense 3", hidden=(), epochs=1))
    run_folder._pictures(found)
    right = f"{found.test_accuracy:.1%} of the test rows right on pets: 1x8x8-2x6x6-3"
    assert titles == ["Loss on pets: 1x8x8-2x6x6-3", right]
