"""Numbers and several labels at once, from a file to a tested model."""

import json
import math
from pathlib import Path

import numpy as np
import pytest

from samplewise.data.dataset import Dataset
from samplewise.data.loading import load
from samplewise.data.sources.csv_file import load_csv
from samplewise.data.sources.npz_file import load_npz
from samplewise.data.sources.options import SourceOptions
from samplewise.errors import DataError, ParameterError
from samplewise.experiment.experiment import Experiment
from samplewise.experiment.prepared import prepare
from samplewise.experiment.run import run
from samplewise.experiment.scores import Errors, error_texts
from samplewise.training.metrics import r_squared

RNG = np.random.default_rng(0)
X = RNG.standard_normal((200, 3))
NUMBERS = X @ RNG.standard_normal(3) + 2
FLAGS = (X @ RNG.standard_normal((3, 2)) > 0).astype(int)
NUMBERS_TO_LEARN = SourceOptions(numbers=True)
FAST = ("--epochs", 20, "--learning-rate", 0.01, "--hidden", "8", "--activation", "tanh")


@pytest.fixture
def table(tmp_path):
    lines = [",".join(map(repr, map(float, [*row, y]))) for row, y in zip(X, NUMBERS, strict=True)]
    path = tmp_path / "table.csv"
    path.write_text("a,b,c,target\n" + "\n".join(lines) + "\n")
    return path


@pytest.fixture
def flags(tmp_path):
    path = tmp_path / "flags.npz"
    np.savez(path, dataset=X, labels=FLAGS)
    return path


@pytest.mark.parametrize("loss", [("mean_squared_error",), ("huber", "--delta", 0.5)])
def test_a_table_of_numbers_is_learnt_tested_and_predicted(cli, table, loss):
    ended = cli("train", "--data", table, "--loss", *loss, *FAST)
    assert ended.code == 0, ended.err
    assert all(name in ended.out for name in ("RMSE", "MAE", "R²"))
    assert "accuracy" not in ended.out + ended.err
    result = json.loads(Path("run/result.json").read_text())
    assert (result["test_accuracy"], result["confusion"]) == (None, None)
    assert result["test_r2"] > 0.9
    assert (result["classes"], result["target_names"]) == ([], ["target"])
    assert "accuracy,train_ms" in Path("run/history.csv").read_text()
    assert not Path("run/confusion.png").exists()
    evaluated = json.loads(cli("evaluate", "run", "--json").out)
    for name in ("rmse", "mae", "r2"):
        assert evaluated[name] == pytest.approx(result[f"test_{name}"])
    assert evaluated["loss"] == pytest.approx(result["test_loss"])
    assert [line.split()[0] for line in cli("evaluate", "run").out.splitlines()[3:]] == [
        *("RMSE", "MAE", "R²")
    ]
    whole = json.loads(cli("evaluate", "run/model.safetensors", "--data", table, "--json").out)
    assert whole["rows"] == 200
    predicted = json.loads(cli("predict", "run", table, "--row", 3, "--json").out)
    assert predicted["values"]["target"] == pytest.approx(NUMBERS[3], abs=1)
    assert cli("train", "--config", "run/config.toml", "--out", "again").code == 0
    models = [Path(name, "model.safetensors").read_bytes() for name in ("run", "again")]
    assert models[0] == models[1]


def test_several_labels_at_once_have_an_accuracy_and_no_confusion(cli, flags):
    arguments = ("--data", flags, "--loss", "multi_label_cross_entropy", "--learning-rate", 0.3)
    ended = cli("train", *arguments, "--epochs", 20)
    assert ended.code == 0, ended.err
    assert "test accuracy" in ended.out
    evaluated = json.loads(cli("evaluate", "run", "--json").out)
    assert evaluated["accuracy"] > 0.85
    assert "confusion" not in evaluated
    assert "accuracy" in cli("evaluate", "run").out


def test_data_describes_them(cli, table, flags):
    ended = cli("data", "--data", table, "--loss", "mean_squared_error")
    assert ended.code == 0, ended.err
    assert "targets" in ended.out
    assert "rows per class" not in ended.out
    of_flags = ("data", "--data", flags, "--loss", "multi_label_cross_entropy", "--json")
    figures = json.loads(cli(*of_flags).out)
    assert (figures["classes"], figures["targets"]) == (None, 2)


@pytest.mark.parametrize("command", ["explain", "summary", "find-rate"])
def test_other_commands_take_numbers(cli, table, command):
    ended = cli(command, "--data", table, "--loss", "mean_squared_error")
    assert ended.code == 0, ended.err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("--data", "iris", "--loss", "huber"), "iris holds classes, but the loss learns numbers"),
        (("--data", "synthetic:3", "--loss", "huber"), "synthetic:3 holds classes"),
        (("--data", "folder", "--loss", "huber"), "folder is a folder"),
        (("--data", "table.csv"), "make a regression"),
        (("--data", "table.csv", "--loss", "poisson"), "poisson takes targets of at least 0"),
        (("--data", "table.csv", "--loss", "huber", "--stratify"), "leave out stratify"),
        (("--data", "table.csv", "--loss", "huber", "--classes", "1,2"), "leave out classes"),
        (
            ("--data", "table.csv", "--loss", "huber", "--layers", "dense 2"),
            "layers end in 2 outputs",
        ),
    ],
)
def test_what_cannot_be_learnt_is_one_line(cli, table, arguments, message):
    Path("folder").mkdir()
    ended = cli("train", *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert ended.err.count("\n") == 1


def test_labels_are_read_as_numbers_where_they_are_asked_for(table, flags, tmp_path):
    np.testing.assert_array_equal(load_csv(table, options=NUMBERS_TO_LEARN).values[:, 0], NUMBERS)
    read = load(str(flags), options=NUMBERS_TO_LEARN)
    np.testing.assert_array_equal(read.targets, FLAGS)
    assert (read.class_names, read.take(np.arange(3)).values.shape) == ((), (3, 2))
    assert read.fingerprint() != read.take(np.arange(200)[::-1]).fingerprint()
    np.savez(tmp_path / "words.npz", dataset=X, labels=np.array(["a"] * 200))
    with pytest.raises(DataError, match="the loss learns numbers"):
        load_npz(tmp_path / "words.npz", options=NUMBERS_TO_LEARN)
    np.savez(tmp_path / "cube.npz", dataset=X, labels=np.zeros((200, 2, 2)))
    with pytest.raises(DataError, match=r"expected \(rows,\) or \(rows, outputs\)"):
        load_npz(tmp_path / "cube.npz", options=NUMBERS_TO_LEARN)
    np.savez(tmp_path / "holes.npz", dataset=X, labels=np.where(X[:, 0] > 2, np.nan, 1.0))
    with pytest.raises(DataError, match="labels: .* NaN or inf, the first in row"):
        load_npz(tmp_path / "holes.npz", options=NUMBERS_TO_LEARN)


def test_numbers_of_another_number_of_rows_are_refused():
    with pytest.raises(DataError, match="values must have as many rows of numbers as X, "):
        Dataset("odd", X, np.zeros(200, np.int64), (), "a test", values=np.zeros((199, 1)))


def test_an_experiment_of_classes_does_not_take_numbers(table):
    numbers = prepare(Experiment.from_options(loss="huber", data=str(table)))
    with pytest.raises(ParameterError, match="learns classes, but table holds numbers"):
        run(Experiment(), numbers)
    result = run(Experiment.from_options(loss="huber", epochs=1), numbers)
    with pytest.raises(ParameterError, match="huber has no classes, and so no confusion matrix"):
        _ = result.on_classes


def test_r_squared_is_that_of_scikit_learn():
    from sklearn.metrics import r2_score

    predicted = NUMBERS + RNG.standard_normal(200)
    want = r2_score(NUMBERS, predicted)
    assert r_squared(NUMBERS[:, None], predicted[:, None]) == pytest.approx(want)
    assert np.isnan(r_squared(np.full((3, 1), 0.1), np.zeros((3, 1))))
    assert np.isnan(r_squared(np.ones((1, 2)), np.zeros((1, 2))))


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1e160, 1e300])
def test_r_squared_is_the_same_for_numbers_of_any_size(size):
    numbers = np.array([[1.0], [2.0], [4.0]])
    predicted = np.array([[1.5], [2.0], [3.5]])
    assert r_squared(numbers * size, predicted * size) == pytest.approx(
        r_squared(numbers, predicted), rel=1e-9
    )


def test_r_squared_is_undefined_where_only_an_output_that_vanishes_beside_another_differs():
    assert np.isnan(r_squared(np.array([[1.0, 0.0], [1.0, 1e-170]]), np.ones((2, 2))))


@pytest.mark.parametrize(
    ("predicted", "shown"),
    [(1e300, "-1.79769e+308"), (1e8, "-2e+16"), (3e2, "-178,801"), (3, "-7.0000")],
)
def test_r_squared_far_below_zero_is_a_number_and_shown_as_one(predicted, shown):
    """As -inf, it was said to be undefined, as if the targets did not differ."""
    errors = Errors.of(np.array([[1.0], [2.0]]), np.array([[predicted], [2.0]]))
    assert math.isfinite(errors.r2)
    assert errors.figures()["r2"] == errors.r2
    assert error_texts(errors.figures())["R²"] == shown


@pytest.mark.parametrize("size", [1e-310, 1e-200, 1, 1e160, 1e300])
def test_errors_are_those_of_scikit_learn_for_numbers_of_any_size(size):
    from sklearn.metrics import mean_absolute_error as mae
    from sklearn.metrics import mean_squared_error as mse

    numbers = np.array([[1.0], [2.0], [4.0]])
    predicted = np.array([[1.5], [2.0], [3.25]])
    found = Errors.of(numbers * size, predicted * size)
    assert found.rmse == pytest.approx(np.sqrt(mse(numbers, predicted)) * size, rel=1e-9)
    assert found.mae == pytest.approx(mae(numbers, predicted) * size, rel=1e-9)


def test_errors_of_perfect_predictions_are_zero_and_those_beyond_all_numbers_are_named():
    assert Errors.of(np.array([[1.0], [2.0]]), np.array([[1.0], [2.0]])) == Errors(0, 0, 1)
    beyond = Errors.of(np.array([[1.7e308], [2.0]]), np.array([[-1.7e308], [2.0]]))
    assert beyond.figures()["rmse"] is None
    assert error_texts(beyond.figures())["MAE"] == "beyond float64"


def test_each_of_several_outputs_has_errors_of_its_own(cli):
    np.savez("two.npz", dataset=X, labels=np.stack([NUMBERS, 1e3 * NUMBERS], axis=1))
    assert cli("train", "--data", "two.npz", "--loss", "mean_absolute_error", *FAST).code == 0
    found = json.loads(cli("evaluate", "run", "--json").out)
    each = found["outputs"]
    assert list(each) == ["output 0", "output 1"]
    squares = [one["rmse"] ** 2 for one in each.values()]
    assert found["rmse"] == pytest.approx(np.sqrt(np.mean(squares)))
    assert found["mae"] == pytest.approx(np.mean([one["mae"] for one in each.values()]))
    assert "output 1" in cli("evaluate", "run").out


def test_numbers_are_validated_without_an_accuracy(cli, table):
    arguments = ("--loss", "huber", "--validation-fraction", 0.2)
    ended = cli("train", "--data", table, *arguments, *FAST)
    assert ended.code == 0, ended.err
    assert "rows after the last epoch" in ended.out
    assert "accuracy" not in ended.out


def test_data_describes_numbers_to_learn(cli, table):
    told = json.loads(cli("data", "--data", table, "--loss", "huber", "--json").out)
    assert (told["targets"], told["classes"]) == (1, None)
    assert told["target_names"] == ["target"]
    assert told["statistics"]["targets"].startswith("target, ")
    columns = load_csv(table, options=NUMBERS_TO_LEARN).columns
    assert told["feature_names"] == [column.name for column in columns]


@pytest.mark.parametrize(
    ("r2", "shown"),
    [(0.98849, "0.9885"), (-0.79871, "-0.7987"), (-987.5, "-987.5000"), (-1.4e146, "-1.4e+146")],
)
def test_r_squared_of_a_training_that_diverged_is_short(r2, shown):
    assert error_texts({"rmse": 1.0, "mae": 1.0, "r2": r2})["R²"] == shown
