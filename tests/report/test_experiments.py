"""The trainings and seeds of the tables of both parts."""

import pytest

from samplewise.experiment.experiment import Experiment
from samplewise.report.experiments import PART_ONE, PARTS
from samplewise.report.measure import measure
from samplewise.sweep.definition import read_sweep
from samplewise.sweep.run import run_sweep


@pytest.mark.parametrize("number", PARTS)
def test_data_and_machine_are_the_users_and_all_else_is_the_reports(number):
    part = PARTS[number]
    settings = Experiment.from_options(
        fit="pad", image_size="14x14", dtype="float32", threads=2, seed=3, l2=0.5, batch_size=7
    )
    (_, (_, trial)), *_ = part.trials(settings, 10, 2, part.tables())
    made = trial.experiment.to_options()
    kept = [made[name] for name in ("fit", "image_size", "dtype", "threads", "seed")]
    assert kept == ["pad", "14x14", "float32", 2, 4]
    assert made["l2"] == 0
    assert made["batch_size"] == {1: 1, 2: 32}[number]


def test_the_tables_train_the_published_rows():
    found = PART_ONE.trials(Experiment(), 2, 1, PART_ONE.tables())
    for row, (trial,) in found:
        made = trial.experiment
        assert made.network.hidden == (row.hidden,)
        assert made.training.learning_rate == row.learning_rate
        assert made.training.epochs == row.epochs


@pytest.mark.parametrize("number", PARTS)
def test_seeds_count_on_from_row_to_row_and_all_runs_share_the_test_rows(number):
    part = PARTS[number]
    found = part.trials(Experiment.from_options(seed=5), 10, 3, part.tables())
    assert [row for row, _ in found] == list(part.rows)
    trials = [trial for _, of_row in found for trial in of_row]
    assert [trial.seed for trial in trials] == list(range(5, 5 + 3 * len(found)))
    assert {trial.experiment.data.split_seed for trial in trials} == {5}


def test_a_table_as_the_file_of_a_sweep_has_the_losses_of_the_report(settings, tmp_path):
    table = PART_ONE.tables()[2]
    path = tmp_path / "rates.toml"
    path.write_text(
        f"""
        seeds = 2
        own_seeds = true
        [settings]
        data = "{settings.data.source}"
        classes = ["4", "9"]
        backend = "vectorized"
        seed = 5
        hidden = [1]
        epochs = 10
        activation = "sigmoid"
        batch_size = 1
        init = "normal"
        shuffle = false
        track_accuracy = false
        [space]
        learning_rate = [1.0, 0.01, 0.1]
        """
    )
    found = run_sweep(read_sweep(path), tmp_path / "rates").rows
    rows = measure(PART_ONE, settings, repeats=2, tables=[table]).rows
    wanted = [(one.seed, one.losses[-1], one.accuracy) for row in rows for one in row.runs]
    assert [(one["seed"], one["training_loss"], one["test_accuracy"]) for one in found] == wanted
