"""`samplewise sweep`: run, go on, show, and stop."""

import json
import os
import signal
from pathlib import Path

import pytest

from samplewise.cli import sweep as command
from samplewise.sweep.run import Progress

TEXT = """
seeds = 2
[settings]
data = {data!r}
classes = ["4", "9"]
backend = "vectorized"
epochs = 1
[space]
learning_rate = [0.1, 0.2]
"""


@pytest.fixture
def described(images):
    Path("sweep.toml").write_text(TEXT.format(data=str(images)))


@pytest.mark.usefixtures("described")
def test_a_sweep_is_run_and_shown(cli):
    ended = cli("sweep", "sweep.toml", "--out", "rates")
    assert ended.code == 0, ended.err
    assert "trial 4/4" in ended.err
    assert "best: candidate" in ended.out
    assert sorted(path.name for path in Path("rates").iterdir()) == [
        "best.toml",
        "journal.jsonl",
        "sweep.html",
        "sweep.toml",
        "trials.csv",
    ]
    kept = {path: path.stat().st_mtime_ns for path in Path("rates").iterdir()}
    assert "written to" not in cli("sweep", "show", "rates", "--metric", "training_loss").out
    unknown = cli("sweep", "show", "rates", "--metric", "validation_loss").out
    assert "no trial has validation_loss; --metric takes test_accuracy, test_loss, " in unknown
    shown = cli("sweep", "show", "rates", "--json")
    assert {path: path.stat().st_mtime_ns for path in Path("rates").iterdir()} == kept
    figures = json.loads(shown.out)
    assert [row["status"] for row in figures["trials"]] == ["done"] * 4
    assert len(figures["candidates"]) == 2
    trained = json.loads(cli("train", "--config", "rates/best.toml", "--json").out)
    best = next(row for row in figures["trials"] if row["candidate"] == figures["best"])
    assert trained["test_loss"] == best["test_loss"]
    again = cli("sweep", "sweep.toml", "--out", "rates")
    assert (again.code, again.err) == (0, "")


@pytest.mark.usefixtures("described")
def test_a_sweep_says_how_many_candidates_go_on_in_its_rungs(cli):
    text = Path("sweep.toml").read_text().replace("epochs = 1", "epochs = 2")
    Path("sweep.toml").write_text("rungs = {first = 1, factor = 2}" + text)
    ended = cli("sweep", "sweep.toml", "--out", "rates")
    assert ended.code == 0, ended.err
    assert "rungs: 2 train 1, 1 go on to 2 epochs" in ended.err
    assert (Path("rates") / "trials.csv").read_text().count("paused") == 2
    paused = "2 trials were paused at a rung; trials.csv has the figures of the last epoch"
    assert paused in ended.out


@pytest.mark.usefixtures("described")
def test_an_empty_list_is_none_in_the_table(cli):
    text, sizes = Path("sweep.toml").read_text(), "hidden = [[], [2, 3]]"
    Path("sweep.toml").write_text(text.replace("learning_rate = [0.1, 0.2]", sizes))
    lines = cli("sweep", "sweep.toml", "--out", "sizes").out.splitlines()
    shown = {line.split()[0]: line.split()[1] for line in lines if line[:1].isdigit()}
    assert sorted(shown.values()) == ["2,3", "none"]


@pytest.mark.usefixtures("described")
@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["nowhere.toml"], "nowhere.toml"),
        (["sweep.toml", "other.toml"], "expected a file, or show and a folder"),
        (["show"], "expected a file, or show and a folder, got 'show'"),
        (["show", "nowhere"], "name the folder of a sweep"),
        (["show", "nowhere", "--retry-failed"], "omit --out and --retry-failed"),
        (["sweep.toml", "--out", "table.csv"], "a folder is written, but the name ends as a file"),
        (["sweep.toml", "--metric", "acuracy"], "metric: must be one of"),
        (["sweep.toml", "--parquet"], "is not installed"),
    ],
)
def test_a_request_that_cannot_be_met_is_one_line_and_trains_nothing(
    cli, monkeypatch, arguments, message
):

    monkeypatch.setattr("samplewise.sweep.results.find_spec", lambda name: None)
    ended = cli("sweep", *arguments)
    assert ended.code == 2
    assert message in ended.err
    assert len(ended.err.splitlines()) == 1
    assert not Path("sweep").exists()


@pytest.mark.usefixtures("described")
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_stops_after_the_running_group_and_keeps_it(cli, monkeypatch, number, code):
    from samplewise.sweep import executors, groups

    monkeypatch.setattr(groups, "FIRST", 1)
    train = executors.train_group

    def signalled(trials, rows):
        os.kill(os.getpid(), number)
        return train(trials, rows)

    with monkeypatch.context() as patch:
        patch.setattr(executors, "train_group", signalled)
        ended = cli("sweep", "sweep.toml")
    assert ended.code == code
    assert "3 trials are missing; the same sweep goes on with them" in ended.out
    assert cli("sweep", "sweep.toml").code == 0
    figures = json.loads(cli("sweep", "show", "sweep", "--json").out)
    assert [row["status"] for row in figures["trials"]] == ["done"] * 4


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.4, "0 s"), (60, "60 s"), (600, "10 min"), (9000, "2.5 h")]
)
def test_the_time_left_is_readable(seconds, text):
    assert command._duration(seconds) == text


@pytest.mark.parametrize(
    ("finished", "seconds", "text"),
    [
        (4, 30.0, "trial 4/8  about 30 s left"),
        (8, 30.0, "trial 8/8  about 30 s left"),
        (8, 0.0, "trial 8/8"),
    ],
)
def test_time_is_left_while_rungs_are_though_all_trials_have_a_result(
    capsys, finished, seconds, text
):
    command._note_progress(Progress(finished, 0, 8, 4, seconds))
    assert capsys.readouterr().err.strip() == text


@pytest.mark.usefixtures("described")
def test_a_failed_trial_and_a_table_that_is_not_written_yet_are_told(cli):
    rates = [0.1, 1e200, *(0.2 + k / 100 for k in range(20))]
    text = Path("sweep.toml").read_text().replace("[0.1, 0.2]", f"{rates}")
    settings = 'epochs = 1\nactivation = "relu"\nhidden = [2]'
    Path("sweep.toml").write_text(text.replace("epochs = 1", settings))
    ended = cli("sweep", "sweep.toml", "--out", "rates")
    assert ended.code == 0, ended.err
    assert "2 trials failed; the first, of candidate 2 with seed 0: diverged: " in ended.out
    assert f"and 2 more candidates in {Path('rates', 'trials.csv')}" in ended.out
    Path("rates", "trials.csv").unlink()
    assert "and 2 more candidates; --json gives all" in cli("sweep", "show", "rates").out
