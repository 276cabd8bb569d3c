"""Pipes, narrow and missing terminals, closed streams, odd locales."""

import fcntl
import json
import os
import pty
import re
import select
import shlex
import struct
import subprocess
import sys
import termios
import time

import pytest
from cli_process import SAMPLEWISE

from samplewise.cli import console
from samplewise.cli.progress import EpochProgress
from samplewise.training.history import EpochRecord, History

FAST = ("--backend", "vectorized", "--epochs", "2")
COLOR = re.compile(r"\x1b\[[0-9;]*3[0-9]m|\x1b\[9[0-9]m")


def shell(line, **variables):
    """Run a shell line in which $S is samplewise."""
    script = f'S() {{ {shlex.join(SAMPLEWISE)} "$@"; }}\n{line}'
    return subprocess.run(
        ["bash", "-c", script],
        capture_output=True,
        text=True,
        stdin=subprocess.DEVNULL,
        env={**os.environ, **variables},
        timeout=120,
        check=False,
    )


def test_a_reader_that_goes_away_is_no_error():
    done = shell("set -o pipefail; S backends --json | true; S backends --json | head -c 5")
    assert (done.returncode, done.stdout, done.stderr) == (0, "[\n  {", "")


@pytest.mark.parametrize("command", ["backends", "backends --json", "--help", "train --help"])
def test_a_full_disk_behind_stdout_is_one(command):
    done = shell(f"S {command} > /dev/full")
    assert done.returncode == 1
    wanted = "cannot write to stdout: No space left on device; make room, or write elsewhere"
    assert done.stderr == f"error: {wanted}\n"


def test_streams_that_are_closed_are_no_error(images):
    line = f"S train --data {shlex.quote(str(images))} {' '.join(FAST)} --out"
    done = shell(f"{line} a 2>&- && {line} b >&- 2>/dev/full && ls")
    assert done.returncode == 0
    assert done.stdout.split()[-2:] == ["a", "b"]
    assert "Traceback" not in done.stderr


@pytest.mark.skipif(
    not sys.prefix.isascii() and sys.version_info < (3, 13),
    reason="there, Python does not start in such a folder",
)
def test_an_ascii_terminal_gets_escapes(images):
    done = shell(
        f"S data --data {shlex.quote(str(images))}; S train --data $'\\u00fc'",
        PYTHONIOENCODING="ascii",
        LC_ALL="C",
        PYTHONCOERCECLOCALE="0",
        PYTHONUTF8="0",
    )
    assert done.returncode == 2
    assert "Traceback" not in done.stderr
    assert done.stderr.isascii()


def on_terminal(*arguments, columns=80, **variables):
    """Run on a terminal of so many columns; return the exit code and all that it showed."""
    master, slave = pty.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 24, columns, 0, 0))
    process = subprocess.Popen(
        [*SAMPLEWISE, *map(str, arguments)],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env={**os.environ, "TERM": "xterm-256color", **variables},
        start_new_session=True,
    )
    os.close(slave)
    shown = b""
    # Silence of so many seconds is that of a process that hangs.
    while select.select([master], [], [], 120)[0]:
        try:
            shown += os.read(master, 65_536)
        except OSError:  # Linux says EIO where the other end is closed
            break
    os.close(master)
    return process.wait(timeout=120), shown.decode()


# On the wide one without colour: a process for each would take seconds.
@pytest.mark.parametrize(("columns", "variables"), [(20, {}), (100, {"NO_COLOR": "1"})])
def test_a_terminal_gets_a_bar_and_colour_unless_it_is_declined(images, columns, variables):
    code, shown = on_terminal("train", "--data", images, *FAST, columns=columns, **variables)
    assert code == 0
    assert bool(COLOR.search(shown)) is not bool(variables)
    assert "epoch 2/2" in shown
    assert "━" in shown
    assert "\x1b[?25h" in shown  # the cursor is shown again
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", shown)
    table = plain[plain.index("data") :].splitlines()
    assert max(map(len, table)) <= columns


def test_without_a_terminal_lines_are_whole_and_plain(cli, images):
    long_name = "x" * 200
    ended = cli("train", "--data", images, *FAST, "--out", long_name)
    assert f"written to      {long_name}\n" in ended.out
    assert "\x1b" not in ended.out + ended.err


def test_columns_narrow_a_table_without_cutting_it(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "20")
    ended = cli("backends")
    assert max(map(len, ended.out.splitlines())) <= 20
    assert "…" not in ended.out


@pytest.mark.parametrize("columns", ["0", "1", "11"])
def test_where_no_column_fits_lines_are_whole(capsys, monkeypatch, columns):
    monkeypatch.setenv("COLUMNS", columns)
    console.table([("rows", "several words", "é")])
    assert capsys.readouterr().out.split() == ["rows", "several", "words", "é"]


def test_numbers_that_do_not_fit_follow_in_a_table_of_their_own(capsys, monkeypatch):
    header = ("file", "class", "cat", "dog", "snail")
    rows = [("a/1.jpg", "cat", "0.9000", "0.0500", "0.0500")]
    monkeypatch.setenv("COLUMNS", "28")
    console.table(rows, header, numbers=True)
    assert capsys.readouterr().out.splitlines() == [
        "file      class      cat",
        "────────────────────────",
        "a/1.jpg     cat   0.9000",
        "",
        "file         dog    snail",
        "─────────────────────────",
        "a/1.jpg   0.0500   0.0500",
    ]
    console.table(rows, header, numbers=True, keys=2)
    assert [line.split() for line in capsys.readouterr().out.splitlines()][4:] == [
        ["file", "class", "dog"],
        ["─" * 24],
        ["a/1.jpg", "cat", "0.0500"],
        [],
        ["file", "class", "snail"],
        ["─" * 24],
        ["a/1.jpg", "cat", "0.0500"],
    ]


@pytest.mark.parametrize(
    ("columns", "key", "number"),
    [("30", ("w", "a key of two"), "33333333333333"), ("20", ("a long key",), "1,234,567.89")],
)
def test_keys_are_broken_before_numbers_are(columns, key, number, capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", columns)
    console.table([(*key, "1", number)], (*key, "b", "c"), numbers=True, keys=len(key))
    lines = capsys.readouterr().out.splitlines()
    assert any(number in line for line in lines)
    assert max(map(len, lines)) <= int(columns)


def test_a_long_key_goes_on_in_the_next_line_and_numbers_stay_whole(capsys, monkeypatch):
    monkeypatch.setenv("COLUMNS", "30")
    console.table([("x" * 50, "0.1234", "0.5678")], ("file", "a", "b"), numbers=True)
    lines = capsys.readouterr().out.splitlines()
    assert max(map(len, lines)) <= 30
    assert lines[2].split()[1:] == ["0.1234", "0.5678"]
    assert sum(line.count("x") for line in lines) == 50


def test_text_is_never_taken_for_markup(capsys):
    console.table([("[red]", "[/] :smile:")], ("[bold]x", "y"))
    assert capsys.readouterr().out.split() == [
        *("[bold]x", "y"),
        *("─" * len("[bold]x   [/] :smile:"),),
        *("[red]", "[/]", ":smile:"),
    ]


def test_json_never_holds_what_json_has_not(capsys):
    with pytest.raises(ValueError, match="Out of range"):
        console.result_json({"loss": float("nan")})
    console.result_json({"name": "ü\udcff"})
    assert json.loads(capsys.readouterr().out) == {"name": "ü\udcff"}


def test_messages_are_one_line(capsys):
    console.error("a\nb\n  c\x1b[2J")
    console.warning("d\ne")
    assert capsys.readouterr().err == "error: a b c\\x1b[2J\nwarning: d e\n"


def history(epochs):
    return History("x", "why", {"epochs": epochs}, {}, {}, "", deterministic=True, compile_ms=0.0)


@pytest.mark.parametrize(
    ("epochs", "shown"), [(1, [1]), (100, range(1, 101)), (101, [1, 33, 65, 97, 101])]
)
def test_many_epochs_are_shown_twice_a_second(capsys, monkeypatch, epochs, shown):
    now = [1_000.0]
    monkeypatch.setattr(time, "monotonic", lambda: now[0])
    with EpochProgress() as progress:
        progress.on_train_begin(history(epochs))
        for epoch in range(1, epochs + 1):
            progress.on_epoch_end(EpochRecord(epoch, 0.5, 0.75, 1.0, 10, 10_000.0))
            now[0] += 1 / 64
    lines = capsys.readouterr().err.splitlines()
    assert lines == [f"epoch {epoch}/{epochs}  loss 0.5  accuracy 75.0%" for epoch in shown]


def test_validation_figures_are_shown(capsys):
    with EpochProgress() as progress:
        progress.on_train_begin(history(2))
        progress.on_epoch_end(EpochRecord(1, 0.5, None, 1.0, 10, 10_000.0, 0.1, 0.25, 0.875))
    shown = "epoch 1/2  loss 0.5  validation loss 0.25 and accuracy 87.5%\n"
    assert capsys.readouterr().err == shown
