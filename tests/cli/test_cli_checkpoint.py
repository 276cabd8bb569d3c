"""`samplewise train` that is killed, asked for a checkpoint, and resumed."""

import os
import signal
import subprocess
import time

import pytest
from cli_process import SAMPLEWISE, train_until_killed

from limits import killed_late

WORK = ("--classes", "4,9", "--split", "0.1", "--backend", "vectorized", "--shuffle")
LONG = (*WORK, "--epochs", "2000")


def names(folder):
    return sorted(path.name for path in folder.iterdir())


def started(*words, folder, until):
    """Start a training and wait until a file is there."""
    process = subprocess.Popen(
        [*SAMPLEWISE, "train", *words],
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=folder,
    )
    _wait_for(folder / until, process)
    return process


def _wait_for(path, process):
    with killed_late(process):
        while not path.exists():
            assert process.poll() is None, process.stderr.read()
            time.sleep(0.02)


def ended(process, number):
    process.send_signal(number)
    _, err = process.communicate(timeout=240)
    return process.returncode, err.decode()


# Only what is killed needs a process of its own: a start takes seconds.
def test_a_killed_run_goes_on_to_the_same_model_and_its_checkpoints_go(cli, tmp_path):
    short = (*WORK, "--epochs", "4")
    assert cli("train", *short, "--out", "whole").code == 0
    words = (*short, "--out", "run", "--checkpoint-every", "1")
    train_until_killed(*words)
    assert names(tmp_path / "run.checkpoints")[:2] == [
        "checkpoint-00000001.safetensors",
        "checkpoint-00000002.safetensors",
    ]
    refused = cli("train", *words)
    assert refused.code == 2
    assert "holds checkpoints of a run that did not end; go on with --resume" in refused.err
    other = cli("train", "--resume", "run", "--learning-rate", "0.3")
    assert other.code == 2
    assert "snapshot: settings.learning_rate must be that of this training, 0.3" in other.err
    again = cli("train", "--resume", "run")
    assert again.code == 0, again.err
    models = [(tmp_path / name / "model.safetensors").read_bytes() for name in ("whole", "run")]
    assert models[0] == models[1]
    assert names(tmp_path) == ["run", "whole"]


def test_a_request_goes_on_and_a_termination_keeps_all(tmp_path):
    config = "run.checkpoints/config.toml"
    words = (*LONG, "--out", "run", "--checkpoint-every", "1h")
    process = started(*words, folder=tmp_path, until=config)
    _wait_for_epochs(process)
    process.send_signal(signal.SIGUSR2)
    _wait_for(tmp_path / "run.checkpoints" / "checkpoint-00000001.safetensors", process)
    code, err = ended(process, signal.SIGTERM)
    assert code == 143
    assert "go on with: samplewise train --resume run" in err
    assert (tmp_path / "run.checkpoints" / "checkpoint-00000002.safetensors").exists()
    assert (tmp_path / "run" / "model.safetensors").exists()


def _wait_for_epochs(process):
    with killed_late(process):
        while b"epoch" not in process.stderr.readline():
            assert process.poll() is None


@pytest.mark.parametrize(
    ("words", "message"),
    [
        (("--resume", "nowhere"), "does not exist, and nowhere.checkpoints has no config.toml"),
        (("--checkpoint-every", "0"), "--checkpoint-every: must be a number of epochs from 1"),
    ],
)
def test_what_cannot_go_on_is_said_in_one_line(words, message, cli, tmp_path):
    result = cli("train", *words)
    assert result.code == 2
    assert message in result.err
    assert names(tmp_path) == []


def test_a_run_that_has_ended_says_that_nothing_is_left_to_resume(cli, tmp_path):
    assert cli("train", *WORK, "--epochs", "2", "--out", "run", "--checkpoint-every", "1").code == 0
    result = cli("train", "--resume", "run")
    assert (result.code, names(tmp_path)) == (2, ["run"])
    assert "run has no checkpoints beside it: its training has ended" in result.err


def test_a_resumed_run_has_its_own_configuration_and_folder(cli, tmp_path):
    (tmp_path / "run.checkpoints").mkdir()
    (tmp_path / "run.checkpoints" / "config.toml").write_text("epochs = 3\n")
    both = cli("train", "--resume", "run", "--config", "other.toml")
    assert "--config: a run that is resumed has its own configuration" in both.err
    elsewhere = cli("train", "--resume", "run", "--out", "elsewhere")
    assert "--out: a run that is resumed is written to run, got elsewhere" in elsewhere.err


def test_a_run_killed_before_its_first_checkpoint_starts_anew_and_says_so(cli, tmp_path):
    (tmp_path / "run.checkpoints").mkdir()
    config = 'epochs = 1\nclasses = ["4", "9"]\nbackend = "vectorized"\nsplit = 0.1\n'
    (tmp_path / "run.checkpoints" / "config.toml").write_text(config)
    result = cli("train", "--resume", "run")
    assert result.code == 0, result.err
    assert "no checkpoint was written yet; starting from the first epoch" in result.err
    assert names(tmp_path) == ["run"]


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path: path.write_text("often"), ": must be a number of epochs from 1"),
        (lambda path: path.write_text("7" * 99), " takes 99 bytes, but at most 64"),
        (lambda path: path.write_text(""), " is empty"),
        (os.mkfifo, " is a FIFO"),
        (os.mkdir, " is a folder"),
    ],
    ids=["text", "long", "empty", "fifo", "folder"],
)
def test_an_interval_that_was_damaged_is_named_by_its_file(cli, tmp_path, make, message):
    folder = tmp_path / "run.checkpoints"
    folder.mkdir()
    (folder / "config.toml").write_text("epochs = 1\n")
    make(folder / "interval.txt")
    result = cli("train", "--resume", "run")
    assert (result.code, names(tmp_path)) == (2, ["run.checkpoints"])
    assert f"run.checkpoints/interval.txt{message}" in result.err
