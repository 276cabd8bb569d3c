"""The announcement of a compile: how long it took a process on this machine before."""

import os

import pytest

from samplewise_backends.numba_cpu.compile import compile_time, kernel_cache


@pytest.fixture
def kept(tmp_path, monkeypatch):
    """The file of the longest compile, in a cache that a first process finds empty."""
    folder = tmp_path / "kernels" / "of-this-version"
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: folder)
    monkeypatch.setattr(compile_time, "_spent", [])
    return tmp_path / compile_time._FILE


def test_a_first_compile_takes_as_long_as_on_the_machine_that_was_measured(kept):
    assert compile_time.in_words() == compile_time.USUAL


def test_a_later_one_takes_as_long_as_the_longest_of_a_process(kept, monkeypatch):
    for seconds in (0.3, 4.0, 2.5):
        compile_time.add(seconds)
    assert compile_time.in_words() == "up to 7 s"
    monkeypatch.setattr(compile_time, "_spent", [])
    compile_time.add(5.0)
    assert compile_time.in_words() == "up to 7 s"


def test_a_short_compile_is_not_kept(kept):
    compile_time.add(0.9)
    assert not kept.exists()


@pytest.mark.parametrize("content", [b"", b"nan\n", b"-4", b"inf", b"1e9", b"\xff" * 99, b"long"])
def test_a_damaged_file_counts_for_nothing_and_is_replaced(kept, content):
    kept.write_bytes(content)
    assert compile_time.in_words() == compile_time.USUAL
    compile_time.add(3.0)
    assert compile_time.in_words() == "up to 3 s"


def test_a_fifo_counts_for_nothing_and_is_replaced(kept):
    os.mkfifo(kept)
    assert compile_time.in_words() == compile_time.USUAL
    compile_time.add(3.0)
    assert compile_time.in_words() == "up to 3 s"


def test_where_nothing_can_be_written_there_is_the_usual_time(kept):
    kept.mkdir()
    (kept / "file").touch()
    compile_time.add(3.0)
    assert compile_time.in_words() == compile_time.USUAL


def test_without_a_folder_there_is_the_usual_time(monkeypatch):
    monkeypatch.setattr(kernel_cache, "cache_folder", lambda: None)
    compile_time.add(3.0)
    assert compile_time.in_words() == compile_time.USUAL
