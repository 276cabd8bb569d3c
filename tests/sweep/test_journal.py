"""The journal: nothing that was finished is lost, whatever happens to the process or the disk."""

import errno
import fcntl
import json
import os
import signal
import subprocess
import sys
import threading
import zlib

import pytest

from samplewise.errors import DataError, OutputError, SamplewiseWarning
from samplewise.sweep import journal
from samplewise.sweep.journal import Journal, read

DEFINITION = {"settings": {"data": "iris"}, "space": {"epochs": [1, 2]}}
PROCESS = """
import os, signal, sys
from pathlib import Path
from samplewise.sweep.journal import Journal
journal = Journal(Path(sys.argv[1]), {definition!r}, "rows")
{body}
"""


def opened(path, definition=None, data="rows"):
    return Journal(path, definition or DEFINITION, data)


def process(path, body, *arguments):
    code = PROCESS.format(definition=DEFINITION, body=body)
    return subprocess.Popen([sys.executable, "-c", code, str(path), *map(str, arguments)])


@pytest.fixture
def path(tmp_path):
    return tmp_path / "journal.jsonl"


def test_entries_come_back_and_each_line_is_json_with_a_checksum(path):
    book = opened(path)
    entries = [{"key": f"{i}", "loss": 0.1 * i, "note": "Größe\n"} for i in range(3)]
    for entry in entries:
        book.append(entry)
    assert opened(path).entries == entries == read(path)[1]
    header, *lines = map(json.loads, path.read_text().splitlines())
    assert header["entry"]["definition"] == DEFINITION
    text = json.dumps(lines[0]["entry"], separators=(",", ":"))
    assert int(lines[0]["crc"], 16) == zlib.crc32(text.encode())


def test_cut_at_every_byte_no_finished_trial_is_lost(path, tmp_path, monkeypatch):
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)  # hundreds of openings
    book = opened(path)
    for i in range(2):
        book.append({"key": str(i)})
    content, cut = path.read_bytes(), tmp_path / "cut.jsonl"
    for length in range(len(content) + 1):
        cut.write_bytes(content[:length])
        whole = content[:length].count(b"\n") - 1
        torn = length > 0 and content[length - 1 : length] != b"\n"
        if torn:
            with pytest.warns(SamplewiseWarning, match="the last line was not finished"):
                again = opened(cut)
        else:
            again = opened(cut)
        assert [entry["key"] for entry in again.entries] == [str(i) for i in range(max(whole, 0))]
        again.append({"key": "new"})
        assert len(read(cut)[1]) == max(whole, 0) + 1


def test_an_append_after_a_torn_line_of_another_process_cuts_it_off(path):
    book = opened(path)
    book.append({"key": "0"})
    with path.open("ab") as file:
        file.write(b'{"crc":"0000')
    with pytest.warns(SamplewiseWarning, match="12 bytes"):
        book.append({"key": "1"})
    assert [entry["key"] for entry in opened(path).entries] == ["0", "1"]


def test_a_last_line_that_lost_its_bytes_is_cut_and_one_before_is_skipped(path):
    book = opened(path)
    for i in range(3):
        book.append({"key": str(i)})
    lines = path.read_bytes().splitlines(keepends=True)
    lines[1] = b"\0" * (len(lines[1]) - 1) + b"\n"
    lines[3] = lines[3].replace(b'"2"', b'"7"')
    path.write_bytes(b"".join(lines))
    with pytest.warns(SamplewiseWarning, match="the last line was not finished"):
        again = opened(path)
    with pytest.warns(SamplewiseWarning, match="line 2 is damaged; its trial is run again"):
        assert [entry["key"] for entry in again.entries] == ["1"]
    # Warned of once.
    assert [entry["key"] for entry in again.entries] == ["1"]
    with pytest.warns(SamplewiseWarning, match="line 2 is damaged; its trial is run again"):
        read(path)


def test_two_processes_append_a_thousand_lines_each_and_all_are_there(path):
    opened(path)
    body = (
        "os.fsync = lambda descriptor: None\n"
        "for i in range(1000): journal.append({'key': f'{sys.argv[2]}-{i}'})"
    )
    both = [process(path, body, number) for number in range(2)]
    assert [one.wait(timeout=60) for one in both] == [0, 0]
    keys = [entry["key"] for entry in opened(path).entries]
    for number in range(2):
        own = [key for key in keys if key.startswith(f"{number}-")]
        assert own == [f"{number}-{i}" for i in range(1000)]


def test_an_append_waits_for_the_process_that_holds_the_journal(path):
    book = opened(path)
    with path.open("rb") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        appending = threading.Thread(target=book.append, args=[{"key": "0"}])
        appending.start()
        appending.join(0.05)
        assert appending.is_alive()
        assert len(path.read_bytes().splitlines()) == 1
    appending.join(60)
    assert len(read(path)[1]) == 1


def test_a_process_killed_within_an_append_holds_no_lock_and_loses_no_finished_line(path):
    body = (
        "journal.append({'key': 'finished'})\n"
        "write = os.write\n"
        "def half(descriptor, line):\n"
        "    write(descriptor, line[: len(line) // 2])\n"
        "    os.kill(os.getpid(), signal.SIGKILL)\n"
        "os.write = half\n"
        "journal.append({'key': 'torn'})"
    )
    assert process(path, body).wait(timeout=60) == -signal.SIGKILL
    assert not path.read_bytes().endswith(b"\n")
    with pytest.warns(SamplewiseWarning, match="not finished"):
        assert [entry["key"] for entry in opened(path).entries] == ["finished"]


@pytest.mark.parametrize("failing", ["write", "fsync"])
def test_a_full_disk_is_a_clear_error_and_leaves_the_finished_lines(path, monkeypatch, failing):
    book = opened(path)
    book.append({"key": "0"})
    before, write = path.read_bytes(), os.write

    def full(descriptor, line=b""):
        write(descriptor, line[:5])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, failing, full)
        with pytest.raises(OutputError, match="No space left on device; trials that it holds"):
            book.append({"key": "1"})
    assert path.read_bytes() == before
    book.append({"key": "1"})
    assert len(opened(path).entries) == 2


def test_a_place_that_cannot_be_written_is_refused(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OutputError, match="cannot write"):
        opened(tmp_path / "file" / "journal.jsonl")


def test_the_journal_of_another_sweep_is_refused_by_the_part_that_differs(path):
    opened(path)
    other = {**DEFINITION, "space": {"epochs": [1, 3]}}
    with pytest.raises(OutputError, match=r"another sweep: space\.epochs differs; name another"):
        opened(path, other)
    with pytest.raises(OutputError, match="another sweep: data differs"):
        opened(path, data="other rows")


def test_another_version_is_a_warning(path, monkeypatch):
    with monkeypatch.context() as patch:
        patch.setattr(journal, "__version__", "0.0.1")
        opened(path)
    with pytest.warns(SamplewiseWarning, match=r"begun by samplewise 0\.0\.1"):
        opened(path)


@pytest.mark.parametrize(("make", "kind"), [(os.mkfifo, "is a FIFO"), (os.mkdir, "directory")])
def test_what_is_not_a_file_is_refused_by_its_kind(path, make, kind):
    make(path)
    with pytest.raises(DataError, match=kind):
        read(path)
    with pytest.raises((DataError, OutputError), match=kind):
        opened(path)


def test_a_fifo_that_takes_the_place_of_the_journal_is_refused(path):
    book = opened(path)
    path.unlink()
    os.mkfifo(path)
    with pytest.raises(DataError, match="is a FIFO"):
        book.append({"key": "0"})
    with pytest.raises(DataError, match="is a FIFO"):
        list(book)


@pytest.mark.parametrize("content", [b"no journal", b"\n", b'{"a": 1}\n' * 3])
def test_a_file_that_is_not_a_journal_is_refused_and_stays(path, content):
    path.write_bytes(content)
    with pytest.raises(DataError, match="is not the journal of a sweep"):
        read(path)
    with pytest.raises(DataError, match="is not the journal of a sweep"):
        opened(path)
    assert path.read_bytes() == content


def test_reading_leaves_a_torn_line_where_it_is(path):
    opened(path).append({"key": "0"})
    with path.open("ab") as file:
        file.write(b"torn")
    assert len(read(path)[1]) == 1
    assert path.read_bytes().endswith(b"torn")


def test_a_journal_joined_to_another_brings_its_trials(path, tmp_path):
    opened(path).append({"key": "0"})
    other = tmp_path / "other.jsonl"
    opened(other).append({"key": "1"})
    path.write_bytes(path.read_bytes() + other.read_bytes())
    assert [entry["key"] for entry in opened(path).entries] == ["0", "1"]
    assert [entry["key"] for entry in read(path)[1]] == ["0", "1"]


def test_lines_that_end_as_on_windows_are_read_and_added_to(path):
    opened(path).append({"key": "0"})
    path.write_bytes(path.read_bytes().replace(b"\n", b"\r\n"))
    opened(path).append({"key": "1"})
    assert path.read_bytes().count(b"\r\n") == 2
    assert [entry["key"] for entry in opened(path).entries] == ["0", "1"]
    assert [entry["key"] for entry in read(path)[1]] == ["0", "1"]


def test_a_missing_journal_is_an_error_of_reading(path):
    with pytest.raises(DataError, match="cannot read"):
        read(path)
