import numpy as np
import pytest

from samplewise.data.loading import load
from samplewise.errors import DataError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run, run_many
from samplewise.report import measure as measuring
from samplewise.report.experiments import PART_ONE, load_pair
from samplewise.report.measure import measure


def test_every_run_has_weights_of_its_own(measured):
    seeds = [run.seed for row in measured.rows for run in row.runs]
    assert seeds == list(range(5, 5 + 8))
    losses = [run.losses for row in measured.rows[2:] for run in row.runs]
    assert len(set(losses)) == 4, "rows of equal settings are independent repeats"


def test_a_run_is_what_the_experiment_gives_by_itself(measured, settings, short_tables):
    (row,), measured_run = short_tables[1].rows, measured.rows[1].runs[1]
    alone = settings.with_options(
        hidden=(row.hidden,), learning_rate=row.learning_rate, epochs=row.epochs
    )
    data = prepare(settings, load(settings.data.source, ("4", "9")))
    result = run(alone.with_options(seed=8), data)
    assert measured_run.losses == tuple(result.history.losses)
    assert measured_run.accuracy == result.test_accuracy
    assert len(measured_run.losses) == row.epochs


@pytest.mark.parametrize("dtype", [np.int64, np.float64])
@pytest.mark.parametrize("white", [255.0, 1.0])
def test_numbers_with_a_full_scale_are_the_images_that_they_stand_for(
    settings, short_tables, tmp_path, dtype, white
):
    with np.load(settings.data.source) as arrays:
        bytes_, labels = arrays["dataset"], arrays["labels"]
    bits = (bytes_ > 100) * 255
    np.savez(tmp_path / "bytes.npz", dataset=bits.astype(np.uint8), labels=labels)
    numbers = (bits // 255 * white).astype(dtype)
    np.savez(tmp_path / "numbers.npz", dataset=numbers, labels=labels)
    alone = settings.with_options(data=str(tmp_path / "bytes.npz"))
    said = settings.with_options(data=str(tmp_path / "numbers.npz"), full_scale=white)
    first, second = (
        measure(PART_ONE, one, repeats=1, tables=short_tables[:1]) for one in (alone, said)
    )
    assert first.rows[0].runs[0].losses == second.rows[0].runs[0].losses
    assert second.data.training.image_shape == (8, 8)


def test_the_same_call_gives_the_same_losses(measured, settings, short_tables):
    again = measure(PART_ONE, settings, repeats=2, tables=short_tables)
    for row, row_again in zip(measured.rows, again.rows, strict=True):
        assert [run.losses for run in row.runs] == [run.losses for run in row_again.runs]
        assert [run.accuracy for run in row.runs] == [run.accuracy for run in row_again.runs]


def test_all_that_the_report_fixes_wins_over_the_settings(settings, short_tables):
    bent = settings.with_options(
        batch_size=7,
        shuffle=True,
        momentum=0.9,
        nesterov=True,
        l2=0.1,
        init="zeros",
        activation="relu",
        hidden=(3, 3),
    )
    plain, other = (
        measure(PART_ONE, s, repeats=1, tables=short_tables[:1]) for s in (settings, bent)
    )
    assert plain.rows[0].runs[0].losses == other.rows[0].runs[0].losses


def test_the_predictions_are_those_of_the_first_run_of_the_final_network(measured, short_tables):
    assert measured.chosen.row.id == "final-1"
    assert measured.chosen.first.experiment.training.seed == measured.rows[2].runs[0].seed
    without_final = measure(PART_ONE, measured.settings, repeats=1, tables=short_tables[:2])
    assert without_final.chosen.row.id == "rate-0.1"


def test_progress_is_told_of_every_run(settings, short_tables):
    told = []
    measure(PART_ONE, settings, repeats=2, tables=short_tables[:2], on_run=told.append)
    assert [(row.row.id, len(row.runs)) for row in told] == [
        ("rate-1", 1),
        ("rate-1", 2),
        ("rate-0.1", 1),
        ("rate-0.1", 2),
    ]


def test_an_epoch_of_each_row_goes_before_all(settings, short_tables, monkeypatch):
    def noted(experiments, data):
        events.append([each.training.epochs for each in experiments])
        return run_many(experiments, data)

    events, tables = [], short_tables[:2]
    monkeypatch.setattr(measuring, "run_many", noted)
    measure(
        PART_ONE, settings, repeats=1, tables=tables, on_run=lambda row: events.append(row.row.id)
    )
    assert events == [[1, 1], "rate-1", "rate-0.1"]


def test_classes_4_and_9_are_taken_unless_named_or_only_two(settings):
    assert load_pair(settings.data.source, None).class_names == ("4", "9")
    assert load_pair(settings.data.source, ("9", "7")).class_names == ("9", "7")
    assert load_pair("breast_cancer", None).class_names == ("benign", "malignant")


def test_data_without_the_classes_of_the_report_asks_for_two():
    with pytest.raises(ParameterError, match=r"iris has 3 classes but no 4 and 9.*--classes"):
        load_pair("iris", None)


def test_three_classes_are_refused(settings):
    with pytest.raises(
        ParameterError, match="names 3 classes, but the report's network distinguishes two"
    ):
        load_pair(settings.data.source, ("4", "7", "9"))
    with pytest.raises(DataError, match="no class '5'"):
        load_pair(settings.data.source, ("4", "5"))


@pytest.mark.parametrize("repeats", [0, -1, 1001, 2.5, True, "3"])
def test_repeats_are_checked_before_anything_is_loaded(repeats):
    with pytest.raises(ParameterError, match="repeats"):
        measure(PART_ONE, Experiment.from_options(data="no such file.npz"), repeats=repeats)
