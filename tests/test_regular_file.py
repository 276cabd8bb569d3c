"""Files that are none, and files that move."""

import errno
import os
from pathlib import Path

import pytest

from samplewise.errors import DataError
from samplewise.io import reading as regular_file
from samplewise.io.reading import check_bytes, open_unchanged


def read(path):
    with open_unchanged(path) as file:
        return file.readall()


def touch(path):
    os.utime(path, ns=(1, 1))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (Path.absolute, "cannot read .*No such file"),
        (Path.mkdir, "is a folder"),
        (os.mkfifo, "is a FIFO"),
        (lambda path: path.symlink_to("/dev/null"), "is a character device"),
        (lambda path: path.write_bytes(b""), "is empty"),
        (lambda path: path.symlink_to(path.name), "cannot read"),
    ],
    ids=["missing", "folder", "fifo", "device", "empty", "loop"],
)
def test_what_is_no_regular_file(tmp_path, make, message):
    make(tmp_path / "x.npz")
    with pytest.raises(DataError, match=message):
        read(tmp_path / "x.npz")


def test_pipe_put_in_place_of_a_file_does_not_block(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "x.npz")
    check = regular_file.check_regular
    asked = []

    def blind_at_first(path, mode):
        asked.append(path)
        if len(asked) > 1:
            check(path, mode)

    monkeypatch.setattr(regular_file, "check_regular", blind_at_first)
    with pytest.raises(DataError, match="is a FIFO"):
        read(tmp_path / "x.npz")


def test_path_with_a_nul_character():
    with pytest.raises(DataError, match="cannot read"):
        read(Path("x\0.npz"))


def test_path_in_messages_is_escaped(tmp_path):
    with pytest.raises(DataError) as caught:
        read(tmp_path / "\x1b[31m.npz")
    assert "\x1b" not in str(caught.value)


def test_file_that_stays_the_same_is_read(tmp_path):
    (tmp_path / "x").write_bytes(b"content")
    assert read(tmp_path / "x") == b"content"


@pytest.mark.parametrize("change", [lambda path: path.write_bytes(b"longer"), touch])
def test_file_that_changes_while_it_is_read(tmp_path, change):
    (tmp_path / "x").write_bytes(b"short")
    with (
        pytest.raises(DataError, match="changed while it was read"),
        open_unchanged(tmp_path / "x"),
    ):
        change(tmp_path / "x")


def test_change_is_reported_rather_than_the_damage_it_makes(tmp_path):
    (tmp_path / "x").write_bytes(b"short")

    def damaged():
        touch(tmp_path / "x")
        raise DataError("damaged")

    with (
        pytest.raises(DataError, match="changed while it was read") as caught,
        open_unchanged(tmp_path / "x"),
    ):
        damaged()
    assert str(caught.value.__cause__) == "damaged"


def test_damage_without_a_change_stays_as_it_is(tmp_path):
    (tmp_path / "x").write_bytes(b"short")
    with pytest.raises(DataError, match="^damaged$"), open_unchanged(tmp_path / "x"):
        raise DataError("damaged")


def test_failing_disk_is_a_data_error(tmp_path):
    (tmp_path / "x").write_bytes(b"short")
    with pytest.raises(DataError, match="Input/output error"), open_unchanged(tmp_path / "x"):
        raise OSError(errno.EIO, os.strerror(errno.EIO))


def test_as_many_bytes_as_are_allowed_are_taken():
    check_bytes(100, 100, "x")
    with pytest.raises(DataError, match="x takes 101 bytes, but at most 100 are allowed"):
        check_bytes(101, 100, "x")


def test_half_free_memory_where_the_system_does_not_tell(monkeypatch):
    assert 2**20 < regular_file.half_free_memory() < 2**50
    monkeypatch.delattr(os, "sysconf")
    assert regular_file.half_free_memory() == regular_file.MEMORY_WHERE_UNKNOWN // 2
