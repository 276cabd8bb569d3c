import dataclasses
import json
import os
import pty
import signal
import subprocess
import sys

import pytest

from limits import killed_late
from samplewise.cli import report as command
from samplewise.cli.app import main
from samplewise.report import measure
from samplewise.report.experiments import PART_ONE, PARTS

MAIN = [sys.executable, "-c", "import sys; from samplewise.cli.app import main; sys.exit(main())"]


@pytest.fixture(autouse=True)
def own_folder(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in os.environ:
        if name.startswith("SAMPLEWISE_") and name != "SAMPLEWISE_CACHE_DIR":
            monkeypatch.delenv(name)


@pytest.fixture
def few_rows(monkeypatch, short_tables):
    short = dataclasses.replace(PART_ONE, tables=lambda: tuple(short_tables))
    monkeypatch.setitem(PARTS, 1, short)


@pytest.fixture
def never_trained(monkeypatch):
    def fail(*args, **kwargs):
        raise AssertionError("something was trained")

    monkeypatch.setattr(measure, "run", fail)
    monkeypatch.setattr(measure, "run_many", fail)


def run(settings, *arguments):
    return main(["report", "--data", settings.data.source, "--backend", "vectorized", *arguments])


def test_a_report_is_written_and_told(few_rows, settings, tmp_path, capsys):
    assert run(settings, "--repeats", "2") == 0
    assert (tmp_path / "report" / "report.html").is_file()
    out, err = capsys.readouterr()
    lines = [line.split()[0] for line in err.splitlines()]
    assert lines == ["rate-1", "rate-0.1", "final-1", "final-2"], "a line a row"
    assert "final-2" in out
    assert "speed-up" in out
    assert all(len(line) <= 80 for line in out.splitlines()[:6]), "the table fits a terminal"
    assert "the mean of 2 runs on images" in out
    assert "not like for like" in out
    assert "written to report: report.html" in out


def test_synthetic_data_is_called_so(measured_synthetic, tmp_path, capsys):
    command.show(measured_synthetic, tmp_path)
    assert "on synthetic data" in capsys.readouterr().out


def test_json_holds_the_settings_and_runs_of_the_options(few_rows, settings, capsys):
    arguments = ("--json", "--repeats", "1", "--seed", "3", "--split", "0.5", "--out", "here")
    assert run(settings, *arguments) == 0
    values = json.loads(capsys.readouterr().out)
    assert values["folder"] == "here"
    assert values["settings"]["seed"] == 3
    assert values["data"]["training_rows"] == values["data"]["test_rows"] == 20
    assert [row["runs"][0]["seed"] for row in values["rows"]] == [3, 4, 5, 6]


def test_a_folder_that_exists_is_refused_before_training(never_trained, settings, tmp_path, capsys):
    (tmp_path / "report").mkdir()
    (tmp_path / "report" / "report.md").touch()
    assert run(settings) == 2
    assert "report exists already" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["--repeats", "0"], "repeats: must be a whole number from 1"),
        (["--repeats", "1001"], "from 1 to 1,000, got 1001"),
        (["--repeats", "many"], "--repeats"),
        (["--classes", "4,7,9"], "names 3 classes, but the report's network distinguishes two"),
        (["--backend", "nubma"], "not a backend"),
    ],
)
def test_a_bad_option_is_one_line_and_writes_nothing(
    settings, tmp_path, capsys, arguments, message
):
    assert main(["report", "--data", settings.data.source, *arguments]) == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert list(tmp_path.iterdir()) == []


def test_a_terminal_shows_a_bar(settings, tmp_path):
    shown, terminal = pty.openpty()
    command = [
        *MAIN,
        "report",
        "--data",
        settings.data.source,
        "--backend",
        "vectorized",
        "--repeats=1",
    ]
    capable = {**os.environ, "TERM": "xterm-256color"}
    process = subprocess.Popen(command, stderr=terminal, stdout=subprocess.DEVNULL, env=capable)
    os.close(terminal)
    text = b""
    with killed_late(process):
        while process.poll() is None or text.endswith(b"\r\n"):
            try:
                text += os.read(shown, 65536)
            except OSError:
                break
        os.close(shown)
        assert process.wait() == 0
    assert b"/14" in text
    assert b"loss" not in text


def test_ctrl_c_ends_with_130_and_writes_nothing(settings, tmp_path):
    data = ("--data", settings.data.source)
    command = [*MAIN, "report", *data, "--backend=reference", "--repeats=20"]
    with (
        subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process,
        killed_late(process),
    ):
        assert process.stderr.readline().startswith("epochs-10 ")
        process.send_signal(signal.SIGINT)
        _, err = process.communicate()
    assert process.returncode == 130
    assert "stopped" in err
    assert list(tmp_path.iterdir()) == []
