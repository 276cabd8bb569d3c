"""Every row of a table, an array or a folder, labelled or not: as a table, as CSV and as JSON."""

import csv
import io
import json
import shutil
import unicodedata
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samplewise import load_inputs, load_model
from samplewise.cli import prediction_table
from samplewise.cli.app import main
from samplewise.data.inputs import Inputs
from samplewise.data.pixels import RawRows

CASES = Path(__file__).parents[3] / "shared" / "cases"
BACKENDS = ("reference", "vectorized", "numba_cpu")
SMALL = ("--hidden", 4, "--init", "glorot_uniform", "--learning-rate", 1, "--stratify")
ROWS = [
    (20.0, 30_090, "young"),
    (59.5, 29_733, "old"),
    (19.1, 29_703, "young"),
    (60.1, 30_402, "old"),
]


def table(rows, header="age,income,label"):
    return "\n".join([header, *(",".join(map(str, row)) for row in rows)]) + "\n"


@pytest.fixture(scope="session")
def run(tmp_path_factory):
    """The folder of a run on ages and incomes."""
    folder = tmp_path_factory.mktemp("predict")
    (folder / "table.csv").write_text(table(ROWS * 5))
    settings = [*SMALL, "--epochs", "30"]
    arguments = ["--data", folder / "table.csv", "--backend", "vectorized", *settings]
    assert main(["train", *map(str, arguments), "--out", str(folder / "run")]) == 0
    return folder / "run"


@pytest.fixture(scope="session")
def houses(tmp_path_factory):
    """The folder of a run on numbers to learn, with text and a boolean column."""
    folder = tmp_path_factory.mktemp("houses")
    cities = ("Bern", "Zug")
    rows = [(f"h{i}", i % 5, cities[i % 2], i % 3 == 0, 2 * (i % 5) + i % 2) for i in range(40)]
    (folder / "houses.csv").write_text(table(rows, "id,rooms,city,garden,price"))
    settings = ["--label", "price", "--drop", "id", "--loss", "mean_squared_error", "--epochs", "2"]
    arguments = ["--data", folder / "houses.csv", "--backend", "vectorized", *settings]
    assert main(["train", *map(str, arguments), "--out", str(folder / "run")]) == 0
    return folder / "run"


def classes(ended):
    assert ended.code == 0, ended.err
    return [row["class"] for row in csv.DictReader(io.StringIO(ended.out))]


def test_columns_are_matched_by_name_in_any_order(cli, run):
    Path("t.csv").write_text(table(ROWS))
    swapped = [(label, income, age) for age, income, label in ROWS]
    Path("swapped.csv").write_text(table(swapped, "label,income,age"))
    for name in ("t.csv", "swapped.csv"):
        assert classes(cli("predict", run, name, "--csv")) == ["young", "old", "young", "old"]
        evaluated = json.loads(cli("evaluate", run, "--data", name, "--json").out)
        assert (evaluated["rows"], evaluated["accuracy"]) == (4, 1.0)


def test_the_rows_are_an_argument_or_an_option_of_both_commands(cli, trained):
    for command in ("evaluate", "predict"):
        by_name = cli(command, trained, "digits", "--json")
        assert by_name.code == 0
        assert by_name.out == cli(command, trained, "--data", "digits", "--json").out
    assert json.loads(cli("evaluate", trained, "digits", "--json").out)["part"] == "all"


@pytest.mark.parametrize("command", ["evaluate RUN --data", "evaluate RUN", "predict RUN"])
@pytest.mark.parametrize(
    ("header", "message"),
    [
        ("Age,income,label", "missing 'age' (is it 'Age'? rename that)"),
        ("age,label", "missing 'income'"),
        ("age,income,zip,label", "additional 'zip': leave it out, --drop zip"),
    ],
)
def test_other_columns_are_refused_by_name(cli, run, command, header, message):
    width = len(header.split(","))
    Path("t.csv").write_text(table([[1] * (width - 1) + ["old"]], header))
    ended = cli(*(run if word == "RUN" else word for word in command.split()), "t.csv")
    assert (ended.code, ended.out) == (2, "")
    assert message in ended.err


def test_classes_of_either_unicode_form_are_the_same(cli):
    rows = [(k % 2, ("Öl", "Käse")[k % 2]) for k in range(20)]
    Path("t.csv").write_text(table(rows, "x,label"), encoding="utf-8")
    apart = unicodedata.normalize("NFD", Path("t.csv").read_text(encoding="utf-8"))
    Path("apart.csv").write_text(apart, encoding="utf-8")
    for trained, other in (("t.csv", "apart.csv"), ("apart.csv", "t.csv")):
        assert cli("train", "--data", trained, *SMALL, "--out", "run", "--force").code == 0
        assert cli("evaluate", "run", "--data", other, "--classes", "Öl,Käse").code == 0
        records = csv.DictReader(io.StringIO(cli("predict", "run", other, "--csv").out))
        assert {record["true_class"] for record in records} == {"Käse", "Öl"}


def test_evaluate_asks_for_a_label_before_it_proposes_to_drop_one(cli, run):
    Path("t.csv").write_text(table([(20.0, 30_000, "young")], "age,income,species"))
    ended = cli("evaluate", run, "--data", "t.csv")
    assert (ended.code, ended.out) == (2, "")
    assert "no label column; choose one with --label" in ended.err
    assert "--drop" not in ended.err
    assert cli("evaluate", run, "--data", "t.csv", "--label", "species").code == 0


def test_additional_columns_are_dropped_on_request(cli, run):
    Path("t.csv").write_text(table([(20.0, 7, 30_000, "x")], "age,zip,income,species"))
    assert classes(cli("predict", run, "t.csv", "--drop", "zip,species", "--csv")) == ["young"]
    told = cli("predict", run, "t.csv", "--drop", "zip", "--label", "species", "--json")
    assert json.loads(told.out)["rows"][0]["true_class"] == "x"


def test_a_run_remembers_its_label_and_dropped_columns(cli, houses):
    data = houses.parent / "houses.csv"
    evaluated = json.loads(cli("evaluate", houses, "--data", data, "--json").out)
    assert evaluated["rows"] == 40
    assert json.loads(cli("evaluate", houses, "--json").out)["rows"] == 8
    bare = houses / "model.safetensors"
    assert "additional 'id', 'price'" in cli("predict", bare, data).err
    with_options = cli("predict", bare, data, "--label", "price", "--drop", "id", "--csv")
    assert with_options == cli("predict", houses, data, "--csv")


def test_rows_without_labels_are_predicted_as_those_with(cli, run):
    Path("t.csv").write_text(table(ROWS))
    Path("bare.csv").write_text(table([row[:2] for row in ROWS], "age,income"))
    Path("blank.csv").write_text(table([(*row[:2], "") for row in ROWS]))
    want = classes(cli("predict", run, "t.csv", "--csv"))
    for name in ("bare.csv", "blank.csv"):
        ended = cli("predict", run, name, "--csv")
        assert classes(ended) == want
        assert "true_class" not in ended.out
    refused = cli("evaluate", run, "--data", "bare.csv")
    assert refused.code == 2
    assert "no label column" in refused.err
    assert "predict needs no label" in refused.err


def test_a_missing_label_among_others_is_empty(cli, run):
    Path("t.csv").write_text(table([ROWS[0], (59, 30_000, "NA")]))
    assert cli("predict", run, "t.csv", "--csv").out.splitlines()[2].startswith("1,old,,")
    rows = json.loads(cli("predict", run, "t.csv", "--json").out)["rows"]
    assert [row["true_class"] for row in rows] == ["young", None]


@pytest.mark.parametrize("backend", BACKENDS)
def test_the_forms_hold_the_models_figures(cli, run, backend):
    Path("t.csv").write_text(table(ROWS))
    model = load_model(run / "model.safetensors")
    object.__setattr__(model, "backend", backend)
    X = load_inputs("t.csv", columns=model.columns).rows.X
    want = model.probabilities(X)
    lines = list(csv.reader(io.StringIO(cli("predict", run, "t.csv", "--csv").out)))
    assert lines[0] == ["row", "class", "true_class", "probability_old", "probability_young"]
    np.testing.assert_allclose([[float(c) for c in line[3:]] for line in lines[1:]], want)
    told = json.loads(cli("predict", run, "t.csv", "--json").out)
    assert told["input"] == "t"
    assert [row["row"] for row in told["rows"]] == [0, 1, 2, 3]
    np.testing.assert_allclose([list(r["probabilities"].values()) for r in told["rows"]], want)


def test_a_file_is_written_whole_and_replaced_only_by_force(cli, run):
    Path("t.csv").write_text(table(ROWS))
    ended = cli("predict", run, "t.csv", "--out", "p.csv")
    assert (ended.code, "p.csv" in ended.out) == (0, True)
    assert Path("p.csv").read_text() == cli("predict", run, "t.csv", "--csv").out
    assert cli("predict", run, "t.csv", "--out", "p.csv").code == 2
    assert cli("predict", run, "t.csv", "--out", "p.csv", "--force").code == 0
    assert "is an input of this command" in cli("predict", run, "t.csv", "--out", "t.csv").err
    assert cli("predict", run, "t.csv", "--out", "p.JSON").code == 0
    assert Path("p.JSON").read_text() == cli("predict", run, "t.csv", "--json").out
    Path("broken.csv").write_text("age,income\n1,x\n")
    assert cli("predict", run, "broken.csv", "--out", "q.csv").code == 2
    assert not Path("q.csv").exists()


def test_one_row_by_number_in_every_form(cli, run):
    Path("t.csv").write_text(table(ROWS))
    assert "row 1 of t" in cli("predict", run, "t.csv", "--row", 1).out
    assert cli("predict", run, "t.csv", "--row", 1, "--csv").out.splitlines()[1].startswith("1,old")
    assert json.loads(cli("predict", run, "t.csv", "--row", 1, "--json").out)["class"] == "old"
    printed = cli("predict", run, "t.csv", "--row", 1, "--csv").out
    assert cli("predict", run, "t.csv", "--row", 1, "--out", "one.csv").code == 0
    assert Path("one.csv").read_text() == printed


def test_a_terminal_gets_the_first_rows_and_a_pipe_all(cli, run, monkeypatch):
    Path("t.csv").write_text(table(ROWS * 6))
    assert len(cli("predict", run, "t.csv").out.splitlines()) == 2 + 24
    monkeypatch.setattr(prediction_table.sys, "stdout", Terminal(prediction_table.sys.stdout))
    ended = cli("predict", run, "t.csv")
    assert "... 4 more rows; --csv, --json or --out FILE gives all" in ended.err


class Terminal(io.TextIOWrapper):
    """Standard output that says it is a terminal."""

    def __init__(self, stream):
        super().__init__(io.BytesIO(), encoding="utf-8")
        self.stream = stream

    def isatty(self):
        return True


def test_many_rows_are_aligned_quickly_and_wide_letters_too(capsys):
    from samplewise.cli import console

    rows = [("a", "1"), ("日本", "12")] * 150
    console.table(rows, ("name", "n"), numbers=True)
    lines = capsys.readouterr().out.splitlines()
    assert lines[:4] == ["name    n", "────   ──", "a       1", "日本   12"]
    console.table(rows[:10], ("name", "n"), numbers=True)
    assert capsys.readouterr().out.splitlines()[2:4] == lines[2:4]


def test_one_row_and_one_class_are_enough_for_use(cli, run, tmp_path):
    Path("one.csv").write_text(table(ROWS[:1]))
    assert json.loads(cli("evaluate", run, "--data", "one.csv", "--json").out)["accuracy"] == 1.0
    assert json.loads(cli("predict", run, "one.csv", "--row", 0, "--json").out)["class"] == "young"
    Path("young.csv").write_text(table(ROWS[::2]))
    figures = json.loads(cli("evaluate", run, "--data", "young.csv", "--json").out)
    assert (figures["rows"], figures["confusion"]) == (2, [[0, 0], [0, 2]])
    np.savez("one.npz", dataset=[[20.0, 30_000.0]], labels=["young"])
    assert json.loads(cli("evaluate", run, "--data", "one.npz", "--json").out)["accuracy"] == 1.0
    only = cli("evaluate", run, "--part", "all", "--classes", "old", "--json")
    assert json.loads(only.out)["rows"] == 10


def test_one_class_cannot_be_trained_on(cli):
    Path("one.csv").write_text(table(ROWS[::2]))
    assert "needs at least two classes" in cli("train", "--data", "one.csv").err


def test_rows_of_one_of_the_classes_trained_on(cli, trained):
    """The run kept classes 4 and 9; the file has only one of them."""
    np.savez("nines.npz", dataset=np.full((3, 64), 200, np.uint8), labels=["9"] * 3)
    assert json.loads(cli("evaluate", trained, "--data", "nines.npz", "--json").out)["rows"] == 3


def test_arrays_without_names_go_by_position_and_it_is_said(cli, run, trained_on_table):
    np.save("rows.npy", np.array([[20.0, 30_000], [60.0, 30_000]]))
    np.savez("rows.npz", dataset=np.array([[20.0, 30_000], [60.0, 30_000]]))
    for name in ("rows.npy", "rows.npz"):
        ended = cli("predict", run, name, "--csv")
        assert classes(ended) == ["young", "old"]
        assert "have no names; they are taken in the order age, income" in ended.err
    Path("t.csv").write_text("a,b,c,d\n5,3,1.4,0.2\n")
    ended = cli("predict", trained_on_table, "t.csv", "--csv")
    assert classes(ended) == ["setosa"]
    assert ended.err == (
        "note: this model has no column names; the columns of t are taken in their order\n"
    )
    Path("t.csv").write_text("a,b,c,d\n5,3,1.4,x\n")
    assert "has no column names and no categories" in cli("predict", trained_on_table, "t.csv").err


def test_an_unknown_category_is_named(cli, houses):
    Path("t.csv").write_text("rooms,garden,city\n1,true,Zug\n2,false,Genf\n")
    ended = cli("predict", houses, "t.csv")
    assert "t.csv, line 3, column 'city': 'Genf' is not a category" in ended.err
    assert "it knows 'Bern', 'Zug'" in ended.err


def test_numbers_of_every_row(cli, houses):
    Path("t.csv").write_text("rooms,garden,city,price\n1,true,Zug,3\n2,false,Bern,\n")
    lines = cli("predict", houses, "t.csv", "--csv").out.splitlines()
    assert lines[0] == "row,price,true_price"
    assert (lines[1].split(",")[2], lines[2].split(",")[2]) == ("3.0", "")
    rows = json.loads(cli("predict", houses, "t.csv", "--json").out)["rows"]
    assert [row["true_values"]["price"] for row in rows] == [3.0, None]
    assert "true price" in cli("predict", houses, "t.csv").out
    one = cli("predict", houses, "t.csv", "--row", 0)
    assert one.out.splitlines()[2].split("  ")[-1].strip() == "true value"
    assert json.loads(cli("predict", houses, "t.csv", "--row", 0, "--json").out)["true_values"] == {
        "price": 3.0
    }
    assert "true value" not in cli("predict", houses, "t.csv", "--row", 1).out
    for row, line in enumerate(lines[1:]):
        assert cli("predict", houses, "t.csv", "--csv", "--row", row).out.splitlines()[1] == line


@pytest.mark.parametrize("rows", ["1,true,Zug,3\n", "1,true,Zug,0.1\n2,false,Bern,0.1\n" * 3])
def test_r_squared_of_targets_that_do_not_differ_is_undefined(cli, houses, rows):
    Path("t.csv").write_text("rooms,garden,city,price\n" + rows)
    ended = cli("evaluate", houses, "--data", "t.csv")
    assert "undefined (the targets do not differ)" in ended.out
    assert json.loads(cli("evaluate", houses, "--data", "t.csv", "--json").out)["r2"] is None


def test_a_run_on_targets_that_do_not_differ_is_kept(cli):
    Path("t.csv").write_text("x,target\n" + "".join(f"{i},2\n" for i in range(10)))
    ended = cli(
        "train", "--data", "t.csv", "--loss", "mean_squared_error", "--backend", "vectorized"
    )
    assert ended.code == 0, ended.err
    assert "R² undefined (the targets do not differ) of 2 rows" in ended.out
    assert json.loads(Path("run/result.json").read_text())["test_r2"] is None


def test_several_labels_at_once(cli):
    rng = np.random.default_rng(0)
    X = rng.standard_normal((20, 3))
    np.savez("many.npz", dataset=X, labels=(X[:, :2] > 0).astype(int))
    settings = ["--loss", "multi_label_cross_entropy", "--epochs", "2", "--backend", "vectorized"]
    assert cli("train", "--data", "many.npz", *settings).code == 0
    lines = cli("predict", "run", "many.npz", "--csv").out.splitlines()
    assert lines[0] == "row,output 0,output 1,true_output 0,true_output 1"
    assert len(lines) == 21


def test_a_folder_with_or_without_classes(cli, trained):
    for name, grey in (("4", 40), ("9", 220)):
        Path("sorted", name).mkdir(parents=True)
        Path("flat").mkdir(exist_ok=True)
        Image.new("L", (8, 8), grey).save(Path("sorted", name, "a.png"))
        Image.new("L", (16, 16), grey).save(Path("flat", f"{name}.png"))
    lines = cli("predict", trained, "sorted", "--csv").out.splitlines()
    assert lines[0].startswith("file,class,true_class,")
    assert [line.split(",")[:3] for line in lines[1:]] == [
        ["4/a.png", "4", "4"],
        ["9/a.png", "9", "9"],
    ]
    flat = cli("predict", trained, "flat", "--csv").out.splitlines()
    assert [line.split(",")[:2] for line in flat[1:]] == [["4.png", "4"], ["9.png", "9"]]
    header, row = cli("predict", trained, "flat", "--row", 1, "--csv").out.splitlines()
    assert (header.split(",")[0], row.split(",")[:2]) == ("row", ["1", "9"])
    assert cli("evaluate", trained, "--data", "sorted").code == 0
    shutil.rmtree("sorted/9")
    assert cli("evaluate", trained, "--data", "sorted", "--json").code == 0


def test_stacks_of_images(cli, trained, images):
    with np.load(images) as data:
        X, labels = data["dataset"], data["labels"]
    np.save("flat.npy", X[:3])
    np.save("stack.npy", X[:3].reshape(3, 8, 8))
    np.savez("bare.npz", dataset=X[:3])
    np.savez("known.npz", dataset=X[:3], labels=labels[:3])
    answers = [
        cli("predict", trained, f"{name}", "--csv").out
        for name in ("flat.npy", "stack.npy", "bare.npz")
    ]
    assert answers[0] == answers[1] == answers[2]
    assert classes(cli("predict", trained, "known.npz", "--csv")) == classes(
        cli("predict", trained, "bare.npz", "--csv")
    )
    np.save("wrong.npy", X[:3, :60])
    assert (
        "have 60 values, but this model takes 8 x 8 pixels"
        in cli("predict", trained, "wrong.npy").err
    )


def test_many_classes_are_shown_by_the_chosen_one_only(monkeypatch, capsys):
    names = tuple(f"c{i}" for i in range(30))
    values = np.full((2, 30), 0.01)
    values[:, 3] = 0.71
    found = prediction_table.Predictions("x", "row", [0, 1], names, values, ["c3", "c3"])
    prediction_table.show(found)
    lines = capsys.readouterr().out.splitlines()
    assert (lines[0].split(), lines[2].split()) == (
        ["row", "class", "probability"],
        ["0", "c3", "0.7100"],
    )


def test_up_to_20_classes_are_all_shown(capsys):
    names = tuple(f"c{i}" for i in range(20))
    found = prediction_table.Predictions("x", "row", [0], names, np.full((1, 20), 0.05), ["c3"])
    prediction_table.show(found)
    header, _, line = capsys.readouterr().out.splitlines()
    assert header.split() == ["row", "class", *names]
    assert line.split() == ["0", "c3", *["0.0500"] * 20]


def test_class_names_with_commas_and_formulas_are_quoted_data(capsys):
    names = ("a, b", "=1+1")
    found = prediction_table.Predictions("x", "row", [0], names, np.eye(2)[:1], ["a, b"])
    lines = list(csv.reader(io.StringIO(prediction_table.csv_of(found))))
    assert lines[0] == ["row", "class", "probability_a, b", "probability_=1+1"]
    assert lines[1] == ["0", "a, b", "1.0", "0.0"]


def test_rows_are_predicted_in_parts(run, monkeypatch):
    model = load_model(run / "model.safetensors")
    inputs = Inputs("x", RawRows(np.array([row[:2] for row in ROWS]), None, None))
    want = prediction_table.predictions(model, inputs)
    monkeypatch.setattr(prediction_table, "_VALUES_AT_ONCE", 5)
    np.testing.assert_allclose(prediction_table.predictions(model, inputs).values, want.values)


@pytest.mark.real_data
@pytest.mark.skipif(not CASES.is_dir(), reason="shared/cases is not beside the checkout")
def test_the_cases_of_tables(cli):
    settings = [*SMALL, "--epochs", "50"]
    assert (
        cli("train", "--data", CASES / "columns.csv", "--backend", "vectorized", *settings).code
        == 0
    )
    for name in ("columns", "columns-swapped", "columns-one-row"):
        told = cli("evaluate", "run", "--data", CASES / f"{name}.csv", "--json")
        assert json.loads(told.out)["accuracy"] == 1.0
    assert classes(cli("predict", "run", CASES / "columns-unlabelled.csv", "--csv"))[:2] == [
        "young",
        "old",
    ]
    for name, said in (
        ("labels-na", "line 2, column 'label': missing label ('NA')"),
        ("labels-unicode-forms", "by blanks, invisible characters or Unicode form"),
        ("thousands", "line 2, column 'x': '1,000' has a thousands separator"),
    ):
        assert said in cli("train", "--data", CASES / f"{name}.csv", "--out", "x").err
    numbers = ("--loss", "mean_squared_error", "--out", "x")
    target = cli("train", "--data", CASES / "target-nan.csv", *numbers)
    assert "line 3, column 'target': missing label ('nan')" in target.err
    counts = {}
    for name in ("labels-leading-zero", "excel-sep-line", "boolean-column"):
        told = json.loads(cli("data", "--data", CASES / f"{name}.csv", "--json").out)
        counts[name] = (told["features"], list(told["classes"]))
    assert counts == {
        "labels-leading-zero": (1, ["01", "1", "2"]),
        "excel-sep-line": (1, ["a", "b"]),
        "boolean-column": (2, ["a", "b"]),
    }
