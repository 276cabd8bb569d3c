"""The page of a sweep: candidates, pictures of the factors, and failures."""

import io

import numpy as np
import pytest
from PIL import Image

from samplewise.data.dataset import Dataset
from samplewise.plots.sweeps import _axis
from samplewise.report.sweep_page import PAGE, TRIALS, document, write_page
from samplewise.sweep.definition import Sweep, read_sweep
from samplewise.sweep.definition_file import SWEEP, write_sweep
from samplewise.sweep.results import read_results
from samplewise.sweep.run import run_sweep


@pytest.fixture(scope="module")
def result(tmp_path_factory):
    """24 trials of which 4 diverge, on two clouds of points."""
    rng = np.random.default_rng(0)
    labels = np.arange(40) % 2
    X = 2 * np.eye(2, 3)[labels] + rng.standard_normal((40, 3))
    clouds = Dataset("clouds", X, labels.astype(np.int64), ("left", "right"), "made by the test")
    space = {"hidden": [1, 2], "learning_rate": [0.1, 0.2, 1e200], "init": ["normal", "he_normal"]}
    settings = {"epochs": 1, "activation": "relu", "backend": "reference"}
    folder = tmp_path_factory.mktemp("sweeps") / "sweep"
    return run_sweep(Sweep(space, settings, seeds=2), folder, data=clouds)


def test_the_page_shows_candidates_pictures_of_numbers_and_failures(result):
    page = document(result)
    kinds = [block.kind for block in page.blocks]
    assert kinds.count("table") == 1
    assert [picture.file for picture in page.pictures] == [
        "hidden.png",
        "learning_rate.png",
        "heat_map.png",
        "parallel.png",
    ], "init has no numbers"
    table = next(block for block in page.blocks if block.kind == "table")
    assert len(table.rows) == 12
    best = result.best().number
    assert [row.label for row in table.rows if "best" in row.label] == [f"{best}, best"]
    failures = next(block for block in page.blocks if block.kind == "bullets")
    failed = sum(row["status"] == "failed" for row in result.rows)
    assert failed > 0
    assert len(failures.lines) == failed
    assert all("diverged" in line for line in failures.lines)
    assert page.headlines[0].value == str(best)


def test_all_pictures_of_a_page_are_shown_at_one_scale(result):
    shown = [(p.png, p.width) for p in document(result).pictures]
    scales = [Image.open(io.BytesIO(png)).width / width for png, width in shown]
    assert len({width for _, width in shown}) > 1
    assert all(22 <= scale < 24 for scale in scales)


def test_the_page_and_the_table_are_written_whole(result, tmp_path):
    write_page(result, tmp_path, "test_loss")
    page = (tmp_path / PAGE).read_text()
    assert page.count("data:image/png;base64,") == 4
    assert "compared by test_loss" in page
    assert len((tmp_path / TRIALS).read_text().splitlines()) == 25


def test_a_page_of_one_seed_speaks_of_no_interval(result, tmp_path):
    assert "interval" in write_and_read(result, tmp_path / "two")
    settings = {"epochs": 1, "backend": "reference", "hidden": [2]}
    clouds = Dataset("clouds", np.eye(6, 3), np.arange(6) % 2, ("left", "right"), "by the test")
    sweep = Sweep({"learning_rate": [0.1, 0.2]}, settings)
    page = write_and_read(run_sweep(sweep, tmp_path / "sweep", data=clouds), tmp_path / "one")
    assert "interval" not in page
    assert "standard error" not in page


def test_trials_that_stay_in_their_rungs_are_counted(result, tmp_path):
    settings = {"epochs": 2, "backend": "reference", "hidden": [2]}
    clouds = Dataset("clouds", np.eye(6, 3), np.arange(6) % 2, ("left", "right"), "by the test")
    space, rungs = {"learning_rate": [0.1, 0.2, 0.3, 0.4]}, {"first": 1, "factor": 2}
    sweep = Sweep(space, settings, rungs=rungs)
    trials = document(run_sweep(sweep, tmp_path / "sweep", data=clouds)).headlines[-1]
    assert trials.value == "2"
    assert trials.detail == "of 4; 0 failed, 2 paused at a rung, with figures in trials.csv"
    assert document(result).headlines[-1].detail.endswith(" failed")


def write_and_read(result, folder):
    folder.mkdir()
    write_page(result, folder)
    return (folder / PAGE).read_text()


def test_a_sweep_that_has_not_begun_has_a_page(result):
    begun = type(result)(result.sweep, [])
    page = document(begun)
    assert page.headlines[0].value == "none yet"
    assert page.pictures == ()


def test_the_layers_of_one_network_stay_together_among_the_facts(result):
    sweep = Sweep({"hidden": [4, [8, 4]]}, {"epochs": 1})
    facts = document(type(result)(sweep, [])).blocks[-1]
    assert ("hidden", "[4], [8, 4]") in [tuple(row) for row in facts.rows]


def test_each_axis_of_all_factors_has_the_scale_of_its_values():
    heights, ticks = _axis([0.001, 0.1, 0.01])
    assert heights == pytest.approx([0, 1, 0.5])
    assert [text for _, text in ticks] == ["0.001", "0.01", "0.1"]
    heights, ticks = _axis([2.0, 4.0, 3.0, 2.1, 2.2, 2.3])
    assert heights[:3] == pytest.approx([0, 1, 0.5])
    assert ticks == [(0, "2"), (0.25, "2.5"), (0.5, "3"), (0.75, "3.5"), (1, "4")]
    _, ticks = _axis([2.0, 13.0, 3.0, 4.0, 5.0, 6.0])
    assert [text for _, text in ticks] == ["2", "5", "8", "10", "13"]
    heights, ticks = _axis(["relu", "tanh", "relu"])
    assert heights.tolist() == [0, 1, 0]
    assert ticks == [(0, "relu"), (1, "tanh")]
    heights, ticks = _axis([3.0, 3.0])
    assert heights.tolist() == [0.5, 0.5]
    assert ticks == [(0.5, "3")]
    _, ticks = _axis([f"value {number}" for number in range(30)])
    assert len(ticks) <= 12


@pytest.mark.parametrize(
    ("space", "named"),
    [
        ({"hidden": [[4], [4, 2], []], "activation": ["relu", "tanh"]}, {"seeds": [3, 1]}),
        ({"learning_rate": "log 1e-3 1"}, {"samples": 3, "sample_seed": 4, "own_splits": True}),
        ({"hidden": "whole 2 9"}, {"samples": 2, "seeds": 2, "own_seeds": True}),
        ({"seed": [1, 2], "optimizer": ["adam", "sgd"]}, {}),
        ({"batch_size": [1, 2, 4]}, {"rungs": {"first": 1, "factor": 3}}),
    ],
)
def test_the_file_of_a_sweep_describes_it(tmp_path, space, named):
    settings = {"data": "iris", "epochs": 9, "seed": 5, "l2": 1e-3, "classes": ("0", "1")}
    if "seed" in space:
        del settings["seed"]
    sweep = Sweep(space, settings, **named)
    (tmp_path / SWEEP).write_text(write_sweep(sweep))
    again = read_sweep(tmp_path / SWEEP)
    assert again.definition == sweep.definition
    assert [trial.key for trial in again.trials] == [trial.key for trial in sweep.trials]


def test_a_sweep_is_repeated_from_its_folder(tmp_path):
    sweep = Sweep({"hidden": [2, 3]}, {"data": "iris", "epochs": 1, "backend": "reference"})
    write_page(run_sweep(sweep, tmp_path / "a"), tmp_path / "a")
    again = run_sweep(read_sweep(tmp_path / "a" / SWEEP), tmp_path / "b")
    first = read_results(tmp_path / "a")
    assert [row["test_loss"] for row in again.rows] == [row["test_loss"] for row in first.rows]
    assert again.data_fingerprint == first.data_fingerprint != ""
    page = (tmp_path / "a" / PAGE).read_text()
    assert first.data_fingerprint in page
    assert f"numpy {np.__version__}" in page
    # A file of the user is not replaced.
    (tmp_path / "a" / SWEEP).write_text("# mine")
    write_page(first, tmp_path / "a")
    assert (tmp_path / "a" / SWEEP).read_text() == "# mine"
