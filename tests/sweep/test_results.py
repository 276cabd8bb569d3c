"""Means over seeds, the best candidate by a rule that knows noise, and the tables."""

import csv
import io
import sys

import numpy as np
import pytest
from scipy import stats

from samplewise.errors import DataError, ParameterError
from samplewise.experiment.config_file import WORDS
from samplewise.name_lists import listed_names
from samplewise.sweep.definition import Sweep
from samplewise.sweep.journal import FILE, Journal
from samplewise.sweep.results import FIGURES, SweepResult, read_results
from samplewise.sweep.trials import Trials


def line(trial, **rest):
    return {"key": trial.key, "values": trial.values, "seed": trial.seed, **rest}


def entry(trial, parameters=10, epochs=1, **figures):
    figures = dict.fromkeys(FIGURES) | {"epochs_run": epochs} | figures
    return line(trial, status="done", parameters=parameters, figures=figures)


def result(*accuracies, parameters=None, epochs=None):
    """A result of candidates with one accuracy a seed; None for a trial that failed."""
    count = len(accuracies)
    sweep = Sweep({"momentum": np.linspace(0, 0.9, count).tolist()}, seeds=len(accuracies[0]))
    entries = []
    for trial in sweep.trials:
        position = trial.candidate - 1
        value = accuracies[position][trial.seed]
        if value is None:
            entries.append(line(trial, status="failed", parameters=1, reason="diverged"))
        elif value != "missing":
            size = (parameters or [10] * count)[position]
            length = (epochs or [1] * count)[position]
            entries.append(entry(trial, size, length, test_accuracy=value, test_loss=1 - value))
    return SweepResult(sweep, entries)


def test_the_interval_is_students_over_the_seeds():
    values = (0.8, 0.9, 0.7, 0.85)
    (one,) = result(values).candidates()
    low, high = stats.t.interval(0.95, 3, np.mean(values), stats.sem(values))
    assert one.mean == pytest.approx((low + high) / 2)
    assert one.margin == pytest.approx((high - low) / 2)
    assert one.standard_error == pytest.approx(stats.sem(values))
    (alone,) = result((0.8,)).candidates()
    assert (alone.mean, alone.margin, alone.standard_error) == (0.8, None, None)


def test_equal_figures_have_no_error_and_huge_ones_have_one():
    (equal,) = result((0.99, 0.99, 0.99)).candidates()
    assert (equal.margin, equal.standard_error) == (0.0, 0.0)
    (huge,) = result((1e200, 3e200)).candidates()
    assert huge.standard_error == pytest.approx(1e200)


def test_candidates_are_ranked_by_the_mean_and_failed_or_missing_ones_last():
    found = result((0.5, 0.6), (0.9, None), (0.7, 0.8), ("missing", 0.95))
    assert [one.number for one in found.candidates()] == [3, 1, 4, 2]
    assert [one.number for one in found.candidates("test_loss")] == [3, 1, 4, 2]
    assert [one.failed for one in found.candidates()] == [0, 0, 0, 1]
    assert [one.missing for one in found.candidates()] == [0, 0, 1, 0]
    assert found.best().number == 3
    found.candidates().clear()
    assert len(found.candidates()) == 4


@pytest.mark.parametrize(
    ("accuracies", "parameters", "epochs", "best"),
    [
        ([(0.90, 0.96), (0.91, 0.90)], [100, 10], [1, 1], 2),  # 0.930 +- 0.030, and 0.905
        ([(0.90, 0.96), (0.80, 0.90)], [100, 10], [1, 1], 1),  # 0.850 is farther away
        ([(0.92, 0.94), (0.91, 0.92)], [100, 10], [1, 1], 1),  # 0.930 +- 0.010, and 0.915
        ([(0.90, 0.96), (0.91, 0.91)], [10, 10], [9, 3], 2),
        ([(0.90, 0.96), (0.91, 0.91)], [10, 20], [9, 3], 1),
        ([(0.90, 0.91), (0.90, 0.96)], [10, 10], [3, 3], 2),  # equally simple: the better mean
        ([(0.90, 0.91), (0.90, 0.96), (0.90, 0.93)], [9, 20, 9], [3, 3, 3], 3),
        ([(0.90,), (0.89,)], [100, 10], [1, 1], 1),
        ([(0.90,), (0.90,)], [100, 10], [1, 1], 2),
    ],
)
def test_the_best_is_the_simplest_within_one_standard_error(accuracies, parameters, epochs, best):
    assert result(*accuracies, parameters=parameters, epochs=epochs).best().number == best


def test_a_loss_is_better_when_it_is_smaller():
    assert result((0.5,), (0.9,)).candidates("test_loss")[0].number == 2


def test_without_a_whole_candidate_there_is_no_best():
    assert result((None, 0.5), ("missing", "missing")).best() is None


def test_a_metric_that_one_trial_lacks_has_no_mean():
    sweep = Sweep({"momentum": [0.0]}, seeds=2)
    entries = [entry(one, test_r2=r2) for one, r2 in zip(sweep.trials, (0.9, None), strict=True)]
    (found,) = SweepResult(sweep, entries).candidates("test_r2")
    assert (found.mean, found.standard_error, found.is_whole) == (None, None, False)


@pytest.mark.parametrize("metric", ["test_rmse", "test_mae"])
def test_the_smaller_error_of_numbers_is_the_better(metric):
    sweep = Sweep({"momentum": [0.0, 0.5]})
    errors = zip(sweep.trials, (12_345.6, 10_513.2), strict=True)
    found = SweepResult(sweep, [entry(one, **{metric: error}) for one, error in errors])
    assert [one.number for one in found.candidates(metric)] == [2, 1]
    assert "10513.2" in found.to_csv()


def test_validation_figures_are_compared_before_those_of_the_test_rows():
    sweep = Sweep({"momentum": [0.0]})
    (trial,) = sweep.trials
    measured = entry(trial, test_accuracy=0.9, test_loss=0.1, validation_loss=0.2)
    assert SweepResult(sweep, [measured]).default_metric == "validation_loss"
    numbers = entry(trial, test_r2=0.9, test_loss=0.1)
    assert SweepResult(sweep, [numbers]).default_metric == "test_r2"
    with pytest.raises(ParameterError, match="got 'test_los'; did you mean 'test_loss'"):
        SweepResult(sweep, [numbers]).candidates("test_los")


@pytest.mark.parametrize(
    ("space", "metric"),
    [
        ({"loss": ["huber", "mean_squared_error"]}, "test_r2"),
        ({"delta": [0.5, 1.0], "momentum": [0.5]}, "test_r2"),
        ({"standardize_targets": [True, False]}, "test_r2"),
        ({"momentum": [0.0, 0.5]}, "validation_loss"),
    ],
)
def test_losses_of_other_units_are_not_compared(space, metric):
    settings = {} if "loss" in space else {"loss": "huber"}
    sweep = Sweep(space, settings)
    figures = {"validation_loss": 0.1, "training_loss": 0.1, "test_loss": 0.1, "test_r2": 0.5}
    found = SweepResult(sweep, [entry(trial, **figures) for trial in sweep.trials])
    assert found.default_metric == metric
    assert ("test_loss" in sweep.metrics) == (space.keys() <= {"standardize_targets", "momentum"})


def test_of_one_trial_the_last_entry_counts():
    sweep = Sweep({"momentum": [0.0]})
    failed = line(sweep.trials[0], status="failed", reason="diverged")
    again = entry(sweep.trials[0], test_accuracy=0.5)
    assert SweepResult(sweep, [failed, again]).rows[0]["status"] == "done"


def test_no_column_of_figures_hides_a_factor():
    assert set(WORDS).isdisjoint({*FIGURES, "candidate", "status", "parameters", "reason"})


def test_the_csv_has_a_row_a_trial_and_layers_as_flags_take_them():
    sweep = Sweep({"hidden": [[8, 2], []], "momentum": [0.0]})
    found = SweepResult(sweep, [entry(sweep.trials[0], test_loss=0.1)])
    first, second = csv.DictReader(io.StringIO(found.to_csv()))
    assert (first["hidden"], first["status"], first["test_loss"]) == ("8,2", "done", "0.1")
    assert (second["hidden"], second["status"], second["test_loss"]) == ("none", "missing", "")


def test_names_of_a_table_are_those_that_flags_take():
    names = [["salt, fine", "pepper"], ["pepper", 'a "b"']]
    rows = SweepResult(Sweep({"classes": names}), []).table()
    assert [listed_names(row["classes"]) for row in rows] == list(map(tuple, names))


def test_a_frame_needs_pandas_and_says_so(monkeypatch):
    monkeypatch.setattr("samplewise.sweep.results.find_spec", lambda name: None)
    for call in (result((0.5,)).to_frame, result((0.5,)).to_parquet):
        with pytest.raises(ParameterError, match="pandas is not installed; install it, or read"):
            call()


def test_a_frame_has_the_rows_of_the_table(monkeypatch):
    made = []
    monkeypatch.setattr("samplewise.sweep.results.find_spec", lambda name: True)
    monkeypatch.setitem(sys.modules, "pandas", type("pandas", (), {"DataFrame": made.append}))
    found = result((0.5, 0.6))
    found.to_frame()
    assert made == [found.table()]


@pytest.mark.parametrize(
    ("space", "rest"),
    [
        ({"seed": [1, 2]}, {}),
        ({"hidden": "whole 1 9", "classes": [["left", "right"], None]}, {"samples": 3, "seeds": 2}),
        ({"momentum": [0.0, 0.5]}, {"own_splits": True, "seeds": [4, 2]}),
        ({"momentum": [0.0, 0.5]}, {"own_seeds": True, "seeds": 2}),
    ],
)
def test_a_folder_tells_the_sweep_that_it_holds(tmp_path, space, rest):
    sweep = Sweep(space, {"data": "iris", "hidden": (3, 2)} if "seed" in space else None, **rest)
    journal = Journal(tmp_path / FILE, sweep.definition, "rows")
    journal.append(line(sweep.trials[1], status="failed", reason="diverged"))
    again = read_results(tmp_path)
    assert again.sweep.trials == sweep.trials
    assert [row["status"] for row in again.rows].index("failed") == 1


def test_results_are_read_without_making_a_trial(tmp_path, monkeypatch):
    """Ten thousand would take a second."""
    sweep = Sweep({"momentum": [0.0, 0.5]}, seeds=2)
    journal = Journal(tmp_path / FILE, sweep.definition, "rows")
    journal.append(line(sweep.trials[1], status="failed", reason="diverged"))
    monkeypatch.setattr(Trials, "_trial", None)
    status = [row["status"] for row in read_results(tmp_path).rows]
    assert status == ["missing", "failed", "missing", "missing"]


def test_each_candidate_is_checked_once_whatever_the_seeds(monkeypatch):
    made, make = [], Trials._trial

    def counted(self, point, values, repeat):
        made.append((point, repeat))
        return make(self, point, values, repeat)

    monkeypatch.setattr(Trials, "_trial", counted)
    Sweep({"momentum": [0.0, 0.5, 0.9]}, seeds=[3, 1])
    assert made == [(0, 0), (1, 0), (2, 0)]


def test_a_folder_without_a_sweep_is_named(tmp_path):
    with pytest.raises(DataError, match=r"cannot read .*journal\.jsonl"):
        read_results(tmp_path)


def test_a_sweep_and_its_results_are_shown_by_their_counts():
    found = result((0.9, None), (0.8, "missing"))
    assert repr(found.sweep) == "Sweep({'momentum': [0.0, 0.9]}, 4 trials)"
    assert repr(found) == f"SweepResult({found.sweep!r}: 2 done, 1 failed, 1 missing)"
