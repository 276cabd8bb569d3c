"""Part 2 of the report: what is trained, what is told of it, and what the folder holds."""

import dataclasses
import functools
import json

import numpy as np
import pytest
from markdown_it import MarkdownIt
from PIL import Image

from samplewise import load_model
from samplewise.cli.app import main
from samplewise.errors import DataError, OutputError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run
from samplewise.report import html, markdown, pictures, write
from samplewise.report.document import Bullets, Cell, FactList, Table
from samplewise.report.experiments import PART_TWO, PARTS, follow_up_table, load_classes
from samplewise.report.measure import measure
from samplewise.report.part_two import by_class
from samplewise.report.published import CNN, OPTIMAL
from samplewise.report.published import follow_up_rows as rows
from samplewise.report.write import files, results, write_report
from samplewise.text import three_digits

document = functools.cache(write.document)
SHORT = {"base": 2, OPTIMAL: 3, CNN: 2}


@pytest.fixture(scope="session")
def settings(image_file):
    """Images that are just large enough for the CNN."""
    return Experiment.from_options(
        data=str(image_file(["4", "7", "9"], 10)), backend="vectorized", seed=5
    )


@pytest.fixture(scope="session")
def few():
    """Three rows, with fewer epochs."""
    return [
        follow_up_table(dataclasses.replace(row, epochs=SHORT[row.id]))
        for row in rows()
        if row.id in SHORT
    ]


@pytest.fixture(scope="session")
def trained(settings, few):
    """Two runs of each of them on images of three classes."""
    return measure(PART_TWO, settings, repeats=2, tables=few)


@pytest.fixture(scope="session")
def trained_on_a_table(few):
    """The rows that take a table, on one."""
    settings = Experiment.from_options(data="iris", backend="vectorized", dtype="float32")
    return measure(PART_TWO, settings, repeats=1, tables=few)


def blocks(told, kind):
    return [block for block in told.blocks if isinstance(block, kind)]


def test_the_published_rows_come_first_and_ours_has_no_published_accuracy():
    found = {row.id: (row.hidden, row.batch_size, row.epochs, row.accuracy) for row in rows()}
    assert list(found) == ["base", "experiment-1", "experiment-2", "optimal", "cnn"]
    assert found["base"] == ("dense 32 sigmoid", 32, 10, 0.922)
    assert found["optimal"] == ("dense 128 relu, dense 32 relu", 16, 20, 0.991)
    assert found["cnn"][3] is None
    assert rows()[0].layers(10) == "dense 32 sigmoid, dense 10"


def test_a_run_is_what_the_experiment_gives_by_itself(trained, settings):
    experiment = Experiment.from_options(
        data=settings.data.source,
        preprocess="standardize",
        backend="vectorized",
        seed=5 + 2 + 1,
        layers="dense 128 relu, dense 32 relu, dense 3",
        loss="categorical_cross_entropy",
        optimizer="adam",
        epsilon=1e-7,
        learning_rate=0.001,
        batch_size=16,
        epochs=3,
        shuffle=True,
        init="glorot_uniform",
        validation_fraction=0.2,
    )
    cut = prepare(experiment.with_options(seed=5))
    alone, ours = run(experiment, cut), trained.rows[1].runs[1]
    assert ours.seed == 8
    assert list(ours.losses) == alone.history.losses
    assert list(ours.validation_losses) == alone.history.validation_losses
    assert ours.accuracy == alone.test_accuracy
    assert [record.accuracy for record in alone.history.epochs] == list(ours.accuracies)


def test_all_that_part_two_fixes_wins_over_the_settings(trained, settings, few):
    bent = settings.with_options(
        momentum=0.9, l2=0.5, batch_size=3, epochs=9, hidden=(2,), patience=1
    )
    other = measure(PART_TWO, bent, repeats=1, tables=few[:1])
    assert other.rows[0].runs[0].losses == trained.rows[0].runs[0].losses


def test_every_run_has_weights_of_its_own(trained):
    assert [run.seed for row in trained.rows for run in row.runs] == list(range(5, 11))
    assert all(len({run.losses for run in row.runs}) == 2 for row in trained.rows)


def test_the_preprocessing_is_the_users_where_one_is_named(settings, few):
    named = settings.with_options(preprocess="scale")
    assert measure(PART_TWO, named, repeats=1, tables=few[:1]).data.preprocessing.name == "scale"


def test_a_table_has_no_row_of_images(trained_on_a_table):
    assert [row.row.id for row in trained_on_a_table.rows] == ["base", OPTIMAL]
    told = document(trained_on_a_table)
    assert not [picture for picture in told.pictures if "predictions" in picture.file]
    assert "is left out: it takes images of at least 10 x 10 pixels" in markdown.render(told)
    assert "120 training rows of 3 classes here, 4,000 of 10" in str(blocks(told, Bullets)[0])


def test_progress_is_told(settings, few):
    told = []
    measure(PART_TWO, settings, repeats=2, tables=few[:1], on_run=told.append)
    assert [(row.row.id, len(row.runs)) for row in told] == [("base", 1), ("base", 2)]


def test_one_class_is_refused(image_file):
    with pytest.raises((ParameterError, DataError), match="class"):
        load_classes(str(image_file(["4"])), None)


def test_the_table_holds_means_and_ranges(trained):
    comparison = blocks(document(trained), Table)[0]
    by_row = {row.label: row.cells for row in comparison.rows}
    published, ours, *_ = by_row["base"]
    shares = [100 * run.accuracy for run in trained.rows[0].runs]
    low, high = f"{min(shares):.1f}", f"{max(shares):.1f}"
    assert published == Cell("92.2")
    assert ours == Cell(f"{sum(shares) / 2:.1f}", "" if low == high else f"{low}–{high}")
    accuracy, loss, training_accuracy, training_loss, ms = by_row["base"][2:]
    runs = trained.rows[0].runs
    for cell, ends, factor, digits in (
        (accuracy, [each.validation_accuracies[-1] for each in runs], 100, 1),
        (loss, [each.validation_losses[-1] for each in runs], 1, 4),
        (training_accuracy, [each.accuracies[-1] for each in runs], 100, 1),
        (training_loss, [each.losses[-1] for each in runs], 1, 4),
    ):
        assert cell.text == f"{factor * sum(ends) / 2:.{digits}f}"
    assert ms.text == three_digits(sum(each.train_ms for each in runs) / 2)
    assert by_row[CNN][0] == Cell("–")
    assert all(len(cells) == len(comparison.classes) for cells in by_row.values())


def test_curves_are_those_of_training_and_validation(trained, monkeypatch):
    drawn = []
    monkeypatch.setattr(pictures, "training_curves", lambda *given: drawn.append(given) or b"")
    row = trained.rows[1]
    pictures.curves_picture(row, "curves.png", trained.dataset.title)
    ((losses, accuracies, title),) = drawn
    assert losses == {
        "training": [run.losses for run in row.runs],
        "validation": [run.validation_losses for run in row.runs],
    }
    assert accuracies == {
        "training": [run.accuracies for run in row.runs],
        "validation": [run.validation_accuracies for run in row.runs],
    }
    assert title == "optimal · images"


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.id)
def test_a_row_is_trained_as_it_says(row):
    found = PART_TWO.trials(Experiment.from_options(seed=3), 10, 1, PART_TWO.tables())
    (experiment,) = [trial.experiment for one, (trial,) in found if one == row]
    made = experiment.training
    assert made.seed == 3 + rows().index(row)
    assert (made.batch_size, made.epochs) == (row.batch_size, row.epochs)
    assert (made.learning_rate, made.schedule.name) == (row.learning_rate, row.schedule)
    assert experiment.network.layers == f"{row.hidden}, dense 10"
    expected = (0.003, "cosine") if row.id == CNN else (0.001, "constant")
    assert (made.learning_rate, made.schedule.name) == expected


def test_the_classification_report_is_that_of_the_confusion_matrix(trained):
    row = trained.named(OPTIMAL)
    counts = row.first.confusion
    lines = {line.label: line.cells for line in by_class(row).rows}
    assert list(lines) == ["4", "7", "9", "macro avg", "weighted avg"]
    for index, name in enumerate(("4", "7", "9")):
        precision, recall, _, support = lines[name]
        predicted = counts[:, index].sum()
        assert float(precision.text) == pytest.approx(
            counts[index, index] / predicted if predicted else 0, abs=1e-4
        )
        assert float(recall.text) == pytest.approx(
            counts[index, index] / counts[index].sum(), abs=1e-4
        )
        assert support.text == str(counts[index].sum())


def test_pages_show_every_picture_and_figure(trained):
    told = document(trained)
    page, text = html.render(told), markdown.render(told)
    assert page.count("<img") == len(told.pictures) == len(trained.rows) + 2 * 2
    tokens = MarkdownIt("commonmark").enable("table").parse(text)
    inline = [child for token in tokens for child in token.children or ()]
    shown = [child.attrs["src"] for child in inline if child.type == "image"]
    assert shown == [picture.file for picture in told.pictures]
    for table in blocks(told, Table):
        for cell in (cell for row in table.rows for cell in row.cells):
            assert f">{cell.text}<" in page
            assert cell.text in text
    heading = (
        "| row | test accuracy, %, published | here | validation accuracy, % | validation loss "
        "| training accuracy, % | training loss | training time, ms |"
    )
    assert heading in text.splitlines()


def test_what_differs_and_what_was_run_is_said(trained):
    told = document(trained)
    differs = " ".join(blocks(told, Bullets)[0].lines)
    assert "authors' own file" in differs
    assert "Keras takes the last" in differs
    assert "float64; Keras computes in float32" in differs
    conditions = {key: value for facts in blocks(told, FactList) for key, value in facts.rows}
    assert conditions["validation"] == (
        "10 of 48 training rows, 20% of each class to the nearest row"
    )
    assert conditions["training rows"] == "38, without those for validation"
    assert conditions["seeds"] == "5 for the split, 5 to 10 for all else, one a run"


def test_one_run_is_no_mean(trained, trained_on_a_table):
    assert "mean of 2 runs on" in document(trained).headlines[0].detail
    detail = document(trained_on_a_table).headlines[0].detail
    assert detail == "one run on iris; published: 99.1 %"


@pytest.mark.filterwarnings("ignore:batch_size is 32")
def test_a_batch_that_is_larger_than_the_rows_is_told(settings, few, image_file):
    of_few = settings.with_options(data=str(image_file(["4", "9"], 10)), split=0.5)
    found = measure(PART_TWO, of_few, repeats=1, tables=few)
    assert found.notes == ("batch_size is 32, but training has 16 rows; all rows make one batch",)
    facts = [fact for block in blocks(document(found), FactList) for fact in block.rows]
    assert ("note", found.notes[0]) in facts
    # Rows that share a warning tell it once.
    assert dataclasses.replace(found, rows=found.rows * 2).notes == found.notes


@pytest.fixture(scope="module")
def folder(trained, tmp_path_factory):
    """The written report; tests leave it as it is."""
    folder = tmp_path_factory.mktemp("report") / "part-2"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(write, "document", document)
        write_report(trained, folder, force=False)
    return folder


def test_the_folder_holds_report_models_and_one_row(trained, folder, monkeypatch):
    monkeypatch.setattr(write, "document", document)
    written = {path.name for path in folder.iterdir()}
    left_out = {f"{kind}-{number}" for kind in ("curves-experiment",) for number in (1, 2)}
    assert written == {name for name in files(2) if not name.startswith(("experiment", *left_out))}
    values = json.loads((folder / "report.json").read_text())
    assert [row["published"] for row in values["rows"]] == [0.922, 0.991, None]
    with Image.open(folder / "curves-cnn.png") as picture:
        assert min(picture.size) > 200
    with pytest.raises(OutputError, match="exists already"):
        write_report(trained, folder, force=False)
    write_report(trained, folder, force=True)


def test_a_saved_model_predicts_the_saved_row_as_the_report_tells(trained, folder, capsys):
    raw = np.load(folder / "image.npy", allow_pickle=False)
    assert raw.shape == trained.data.test.image_shape
    for row in trained.rows:
        model = load_model(folder / f"{row.row.id}.safetensors")
        chances = model.probabilities(raw.reshape(1, -1))[0]
        best = int(chances.argmax())
        wanted = f"class {model.class_names[best]} with {100 * chances[best]:.1f} %"
        facts = [fact for block in blocks(document(trained), FactList) for fact in block.rows]
        (said,) = [value for key, value in facts if key == f"{row.row.id}.safetensors"]
        assert said.startswith(wanted)
        command = ["predict", f"{folder / row.row.id}.safetensors", str(folder / "image.npy")]
        assert main([*command, "--json"]) == 0
        assert json.loads(capsys.readouterr().out)["class"] == model.class_names[best]


def test_the_results_hold_every_run(trained):
    values = results(trained)
    runs = [row["runs"] for row in values["rows"]]
    assert [len(of_row) for of_row in runs] == [2, 2, 2]
    assert runs[1][1]["validation_accuracies"] == trained.rows[1].runs[1].validation_accuracies
    assert values["data"]["training_rows"] == 38
    assert values["rows"][2]["layers"].startswith("conv 8x3 relu, pool 2")


@pytest.fixture
def short_part_two(monkeypatch, few, tmp_path):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setitem(PARTS, 2, dataclasses.replace(PART_TWO, tables=lambda: tuple(few)))


def test_the_command_writes_and_tells_part_two(
    short_part_two, settings, few, tmp_path, monkeypatch, capsys
):
    given = ["report", "--part", "2", "--data", settings.data.source, "--backend", "vectorized"]
    assert main([*given, "--repeats", "1"]) == 0
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in err.splitlines()] == list(SHORT)
    assert "written to report-part-2: report.html" in out
    assert (tmp_path / "report-part-2" / "optimal.safetensors").is_file()
    # One row is enough for the second one.
    monkeypatch.setitem(PARTS, 2, dataclasses.replace(PART_TWO, tables=lambda: tuple(few[:1])))
    assert main([*given, "--repeats", "1", "--json", "--force"]) == 0
    assert json.loads(capsys.readouterr().out)["folder"] == "report-part-2"


def test_another_part_is_refused(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    assert main(["report", "--part", "3"]) == 2
    assert "part: must be one of 1, 2, got 3" in capsys.readouterr().err
    assert list(tmp_path.iterdir()) == []
