"""`--standardize-targets`: a regression from a file to predictions in the file's units."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_process import train_until_killed
from safetensors.numpy import load_file
from sklearn.datasets import load_diabetes

from samplewise.experiment.config_file import read_config
from samplewise.model.model_file import load_model

LOSS = ("--loss", "mean_squared_error")
FLAG = "--standardize-targets"


@pytest.fixture
def diabetes(tmp_path):
    """442 rows; targets from 25 to 346."""
    X, y = load_diabetes(return_X_y=True)
    path = tmp_path / "diabetes.csv"
    names = ",".join(f"x{number}" for number in range(X.shape[1]))
    np.savetxt(path, np.column_stack([X, y]), "%.17g", ",", header=f"{names},target", comments="")
    return path


def result(folder="run"):
    return json.loads(Path(folder, "result.json").read_text())


def test_diabetes_is_learnt_as_soon_as_the_warning_is_heeded(cli, diabetes):
    ended = cli("train", "--data", diabetes, *LOSS)
    assert ended.err.count("as --standardize-targets does") == 1
    assert "standardized" not in ended.out
    assert result()["test_r2"] < 0
    ended = cli("train", "--data", diabetes, *LOSS, FLAG, "--out", "other")
    assert "warning" not in ended.err
    assert ended.out.count("standardized") == 1
    assert result("other")["test_r2"] > 0.35
    gentle = (*LOSS, "--learning-rate", 0.01), (*LOSS, "--batch-size", 8), ("--loss", "huber")
    for words in gentle:
        assert cli("train", "--data", diabetes, FLAG, *words, "--force").code == 0
        assert result()["test_r2"] > 0.4


def test_every_command_speaks_in_the_units_of_the_file(cli, diabetes):
    assert cli("train", "--data", diabetes, *LOSS, FLAG).code == 0
    trained = result()
    assert trained["data"]["standardized_targets"]
    assert trained["final_loss"] < 1 < 1000 < trained["test_loss"]
    evaluated = json.loads(cli("evaluate", "run", "--json").out)
    assert evaluated["r2"] == pytest.approx(trained["test_r2"])
    assert evaluated["rmse"] == pytest.approx(np.sqrt(trained["test_loss"]))
    assert evaluated["loss"] == pytest.approx(trained["test_loss"])
    assert "(mean_squared_error)" in cli("evaluate", "run").out
    assert cli("predict", "run", diabetes, "--out", "all.csv").code == 0
    predicted = np.genfromtxt("all.csv", delimiter=",", names=True)["target"]
    assert abs(predicted.mean() - 152) < 20
    one = json.loads(cli("predict", "run", diabetes, "--row", 3, "--json").out)
    assert one["values"]["target"] == pytest.approx(predicted[3])
    assert cli("explain", "--config", "run/config.toml").code == 0
    assert cli("find-rate", "--data", diabetes, *LOSS, FLAG, "--out", "rates.png").code == 0


def test_an_export_gives_the_same_numbers(cli, diabetes):
    assert cli("train", "--data", diabetes, *LOSS, FLAG).code == 0
    assert cli("export", "run", "--out", "w.safetensors").code == 0
    model, W = load_model("run/model.safetensors"), load_file("w.safetensors")
    X = np.genfromtxt(diabetes, delimiter=",", skip_header=1)[:, :-1]
    hidden = 1 / (1 + np.exp(-(model.preprocessing.apply(X) @ W["0.weight"].T + W["0.bias"])))
    found = hidden @ W["2.weight"].T + W["2.bias"]
    np.testing.assert_allclose(found[:, 0], model.predict(X), rtol=1e-12)


def test_flag_variable_and_file_mean_the_same(cli, diabetes, monkeypatch):
    words = ("--data", diabetes, *LOSS, "--out")
    assert cli("train", *words, "flag", FLAG).code == 0
    assert read_config(Path("flag/config.toml"))["standardize_targets"] is True
    Path("settings.toml").write_text("standardize_targets = true\n")
    assert cli("train", *words, "file", "--config", "settings.toml").code == 0
    monkeypatch.setenv("SAMPLEWISE_STANDARDIZE_TARGETS", "true")
    assert cli("train", *words, "variable").code == 0
    assert cli("train", "--config", "flag/config.toml", "--out", "again").code == 0
    assert cli("train", *words, "no", "--no-standardize-targets").code == 0
    models = {
        name: Path(name, "model.safetensors").read_bytes()
        for name in ("flag", "file", "variable", "again", "no")
    }
    assert models.pop("no") != models["flag"]
    assert len(set(models.values())) == 1


@pytest.mark.parametrize(
    ("words", "loss"),
    [
        ((), "binary_cross_entropy"),
        (("--loss", "poisson"), "poisson"),
        (("--data", "iris", "--loss", "categorical_cross_entropy"), "categorical_cross_entropy"),
    ],
)
def test_a_loss_of_other_targets_is_one_line(cli, words, loss):
    ended = cli("train", *words, FLAG)
    assert (ended.code, ended.out) == (2, "")
    assert ended.err.startswith("error: standardize_targets: needs a loss of numbers")
    assert f"got {loss}; choose such a loss, or omit standardize_targets" in ended.err
    assert ended.err.count("\n") == 1


def test_a_killed_run_goes_on_to_the_same_bits(cli, diabetes):
    words = ("--data", str(diabetes), *LOSS, FLAG, "--epochs", "5", "--backend", "vectorized")
    assert cli("train", *words, "--out", "whole").code == 0
    train_until_killed(*words, "--out", "run", "--checkpoint-every", "1")
    again = cli("train", "--resume", "run")
    assert again.code == 0, again.err
    models = [Path(name, "model.safetensors").read_bytes() for name in ("whole", "run")]
    assert models[0] == models[1]


SWEEP = """
{top}
[settings]
data = "diabetes.csv"
loss = "mean_squared_error"
validation_fraction = 0.2
epochs = 3

[space]
standardize_targets = [false, true]
"""
FIXED = SWEEP.replace(
    "[space]\nstandardize_targets = [false, true]",
    "standardize_targets = true\n[space]\nseed = [1, 2]",
)


def test_a_sweep_has_it_as_a_factor_and_compares_in_one_unit(cli, diabetes):
    Path("sweep.toml").write_text(SWEEP.format(top=""))
    refused = cli("sweep", "sweep.toml", "--metric", "validation_loss")
    assert refused.code == 2
    assert "metric: must be one of validation_accuracy, test_accuracy, test_r2" in refused.err
    ended = cli("sweep", "sweep.toml", "--json")
    assert ended.code == 0, ended.err
    found = json.loads(ended.out)
    assert found["metric"] == "test_r2"
    best = next(one for one in found["candidates"] if one["number"] == found["best"])
    assert best["values"] == {"standardize_targets": True}
    assert best["mean"] > 0 > min(one["mean"] for one in found["candidates"])
    assert "standardized" not in Path("sweep/sweep.html").read_text()
    Path("sweep.toml").write_text(SWEEP.format(top="rungs = {first = 1, factor = 2}"))
    refused = cli("sweep", "sweep.toml", "--out", "rungs")
    assert refused.code == 2
    assert "rungs: standardize_targets is a factor of the space, but rungs would" in refused.err


def test_a_sweep_with_it_names_the_units_of_its_losses_once(cli, diabetes):
    Path("sweep.toml").write_text(FIXED.format(top=""))
    ended = cli("sweep", "sweep.toml")
    assert ended.code == 0, ended.err
    page = Path("sweep/sweep.html").read_text()
    for text in (ended.out, page):
        assert text.count("validation_loss of standardized targets") == 1
    assert "standardized" not in cli("sweep", "show", "sweep", "--metric", "test_loss").out
