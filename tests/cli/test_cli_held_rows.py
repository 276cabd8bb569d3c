"""`samplewise train --validation-data --test-data`: where they come from, and what a run keeps."""

import json
from pathlib import Path

import numpy as np
import pytest
from cli_process import train_until_killed

WORK = ("--backend", "vectorized", "--hidden", "4", "--epochs", "4")
FILES = ("--data", "train.csv", "--validation-data", "valid.csv", "--test-data", "test.csv")


@pytest.fixture(autouse=True)
def tables(own_folder):
    """The usual three files, in the current folder."""
    for seed, (name, rows) in enumerate((("train", 60), ("valid", 20), ("test", 30))):
        table(f"{name}.csv", rows, seed)


def table(path, rows, seed):
    rng = np.random.default_rng(seed)
    lines = ["size,colour,label"]
    for _ in range(rows):
        label = rng.integers(2)
        colour = ("red", "green", "blue")[rng.integers(2) + label]
        lines.append(f"{rng.normal(4 * label):.4f},{colour},{('left', 'right')[label]}")
    Path(path).write_text("\n".join(lines) + "\n")


def changed(path):
    """Change one value of a table; return its content before."""
    before = Path(path).read_text()
    lines = before.splitlines()
    lines[1] = "0.5" + lines[1][lines[1].index(",") :]
    Path(path).write_text("\n".join(lines) + "\n")
    return before


def test_a_run_names_its_files_and_is_repeated_from_its_configuration(cli):
    done = cli("train", *FILES, *WORK, "--out", "run")
    assert done.code == 0, done.err
    assert "of 30 rows" in done.out
    assert "of 20 rows after the last epoch" in done.out
    assert "warning" not in done.err
    config = Path("run/config.toml").read_text()
    assert 'validation_data = "valid.csv"\ntest_data = "test.csv"\n' in config
    found = json.loads(Path("run/result.json").read_text())
    rows = {name: found["data"][name] for name in found["data"] if name.endswith("rows")}
    assert rows == {
        "training_rows": 60,
        "trained_on_rows": 60,
        "validation_rows": 20,
        "test_rows": 30,
    }
    again = cli("train", "--config", "run/config.toml", "--out", "again")
    assert again.code == 0, again.err
    models = [Path(name, "model.safetensors").read_bytes() for name in ("run", "again")]
    assert models[0] == models[1]


def test_evaluate_finds_the_rows_of_a_run(cli):
    made = json.loads(cli("train", *FILES, *WORK, "--out", "run", "--json").out)
    own = json.loads(cli("evaluate", "run", "--json").out)
    assert [own["rows"], own["part"], own["data"]["name"]] == [30, "test", "test"]
    assert own["accuracy"] == made["test_accuracy"]
    assert own["loss"] == pytest.approx(made["test_loss"])
    assert own["confusion"] == made["confusion"]
    for part in ("train", "all"):
        found = json.loads(cli("evaluate", "run", "--part", part, "--json").out)
        assert [found["rows"], found["data"]["name"]] == [60, "train"]
    refused = cli("evaluate", "run", "--data", "valid.csv", "--part", "test")
    assert "part is 'test', but this run has its test rows from test_data" in refused.err
    assert json.loads(cli("evaluate", "run", "--data", "valid.csv", "--json").out)["rows"] == 20
    Path("test.csv").unlink()
    gone = cli("evaluate", "run")
    assert gone.code == 2
    assert "this run was tested on 'test.csv', which does not exist" in gone.err
    assert cli("evaluate", "run", "--part", "train").code == 0


def test_data_describes_each_file(cli):
    ended = cli("data", *FILES)
    assert ended.code == 0, ended.err
    tables = [table.splitlines()[0].split() for table in ended.out.split("\n\n")]
    assert tables == [
        ["dataset", "train"],
        ["validation", "data", "valid"],
        ["test", "data", "test"],
    ]
    found = json.loads(cli("data", *FILES, "--json").out)
    held = [found, found["validation_data"], found["test_data"]]
    assert [one["rows"] for one in held] == [60, 20, 30]
    assert held[2]["statistics"]["rows"] == "30"
    table("test.csv", 30, 2)
    Path("test.csv").write_text("size,colour,label\n1,violet,left\n")
    assert "error: test_data: test.csv, line 2, column 'colour'" in cli("data", *FILES).err


def test_a_column_that_only_a_held_file_has_is_dropped_by_every_command(cli):
    lines = Path("test.csv").read_text().split()
    Path("test.csv").write_text("\n".join(f"{line},{line[:3]}" for line in lines) + "\n")
    for command in (("train", *FILES, *WORK), ("data", *FILES)):
        refused = cli(*command)
        assert "error: test_data: test.csv: " in refused.err
        assert refused.err.endswith("leave it out, --drop siz\n")
        done = cli(*command, "--drop", "siz")
        assert done.code == 0, done.err
    for part in ("test", "train", "all"):
        assert cli("evaluate", "run", "--part", part).code == 0


def test_evaluate_says_where_the_rows_that_a_run_was_tested_on_have_changed(cli):
    assert cli("train", *FILES, *WORK, "--out", "run").code == 0
    assert cli("evaluate", "run").err == ""
    before = changed("test.csv")
    assert (
        "warning: the test rows in test have changed since this run" in cli("evaluate", "run").err
    )
    assert cli("evaluate", "run", "--data", "test.csv").err == ""
    assert cli("evaluate", "run", "--part", "train").err == ""
    Path("test.csv").write_text(before)
    assert cli("evaluate", "run").err == ""
    changed("train.csv")
    message = "warning: train.csv has changed since this run; other rows were trained on\n"
    assert cli("evaluate", "run", "--part", "train").err == message
    # A folder of an older version does not tell which rows they were.
    changed("test.csv")
    found = json.loads(Path("run/result.json").read_text())
    del found["data"]["test_fingerprint"]
    Path("run/result.json").write_text(json.dumps(found))
    assert "test rows" not in cli("evaluate", "run").err


def test_evaluate_says_where_a_test_row_of_a_split_has_changed(cli):
    assert cli("train", "--data", "train.csv", *WORK, "--out", "run").code == 0
    text = Path("train.csv").read_text()
    lines, said = text.splitlines(), []
    for row in range(1, 31):
        new = "0.5" + lines[row][lines[row].index(",") :]
        Path("train.csv").write_text("\n".join([*lines[:row], new, *lines[row + 1 :]]) + "\n")
        said.append(cli("evaluate", "run").err)
    of_test = [one for one in said if "test rows in train have changed" in one]
    of_training = [one for one in said if "train.csv has changed since this run" in one]
    assert 0 < len(of_test) < len(of_training) == len(said) - len(of_test)


@pytest.mark.filterwarnings("default:test_data")
def test_the_classes_of_a_run_are_those_of_its_test_rows(cli, images):
    files = ("--data", images, "--test-data", images, "--classes", "4,9")
    done = cli("train", *files, *WORK, "--out", "run")
    assert "warning: test_data: should have rows of its own" in done.err
    own = cli("evaluate", "run", "--json")
    assert json.loads(own.out)["classes"] == ["4", "9"]
    assert own.err == ""
    one = json.loads(cli("evaluate", "run", "--classes", "9", "--json").out)
    assert [one["rows"], one["classes"]] == [20, ["4", "9"]]


@pytest.mark.parametrize("word", ["validation_data", "test_data"])
def test_a_source_comes_from_flag_variable_or_file(cli, monkeypatch, word, tmp_path):
    name = {"validation_data": "valid.csv", "test_data": "test.csv"}[word]
    rows = {"validation_data": [20, 12], "test_data": [0, 30]}[word]
    Path("folder").mkdir()
    # Relative to the current folder, as `data` is.
    Path("folder/c.toml").write_text(f'data = "train.csv"\n{word} = "{name}"\n')
    monkeypatch.setenv(f"SAMPLEWISE_{word.upper()}", name)
    found = [cli("train", "--data", "train.csv", *WORK, "--json", "--out", "variable")]
    monkeypatch.delenv(f"SAMPLEWISE_{word.upper()}")
    found.append(cli("train", "--config", "folder/c.toml", *WORK, "--json", "--out", "file"))
    flag = f"--{word.replace('_', '-')}"
    words = ("--data", "train.csv", flag, tmp_path / name)
    found.append(cli("train", *words, *WORK, "--json", "--out", "flag"))
    for one in found:
        assert one.code == 0, one.err
        data = json.loads(one.out)["data"]
        assert [data["validation_rows"], data["test_rows"]] == rows


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--test-data", "test.csv", "--split", "0.2"), "error: split: cannot be given with test"),
        (
            ("--validation-data", "none.csv"),
            "error: validation_data: cannot read none.csv: No such",
        ),
        (("--test-data", ""), "error: test_data: must name a source or a path, got ''"),
        (("--test-data", "wine"), "error: test_data: wine has rows of 13 values, but train"),
    ],
)
def test_an_error_is_one_line_and_nothing_is_written(cli, words, message):
    done = cli("train", "--data", "train.csv", *words, *WORK)
    assert done.code == 2
    assert done.err.startswith(message)
    assert done.err.count("\n") == 1
    assert not Path("run").exists()


def test_a_killed_run_goes_on_with_the_same_rows_only(cli):
    assert cli("train", *FILES, *WORK, "--out", "whole").code == 0
    words = (*FILES, *WORK, "--out", "run", "--checkpoint-every", "1")
    train_until_killed(*words)
    for name, field in (
        ("valid", "snapshot: validation must be that of this training"),
        ("test", "snapshot: test rows must be those that the run began with"),
        ("train", "snapshot: data must be that of this training"),
    ):
        before = changed(f"{name}.csv")
        refused = cli("train", "--resume", "run")
        assert refused.code == 2, name
        assert field in refused.err, refused.err
        Path(f"{name}.csv").write_text(before)
    again = cli("train", "--resume", "run")
    assert again.code == 0, again.err
    models = [Path(name, "model.safetensors").read_bytes() for name in ("whole", "run")]
    assert models[0] == models[1]
    assert not Path("run.checkpoints").exists()


def test_rows_that_an_ended_run_left_behind_are_not_those_of_a_new_one(cli):
    """A process that is killed while it removes its checkpoints leaves some files."""
    Path("run.checkpoints").mkdir()
    Path("run.checkpoints/test_rows.txt").write_text("0" * 64)
    done = cli("train", *FILES, *WORK, "--out", "run", "--checkpoint-every", "1")
    assert done.code == 0, done.err
    assert not Path("run.checkpoints").exists()
