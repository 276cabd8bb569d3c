"""Fits that leave nothing behind; `make torture` does 1,000 of them."""

import mmap
import os
import threading
from pathlib import Path

import pytest
from endurance import MOST_BYTES, fit, growth

pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.skipif(not Path("/proc/self/statm").exists(), reason="it reads Linux's /proc"),
]


def test_fits_one_after_the_other_hold_no_more_memory_threads_or_files():
    grown = growth(60)
    assert grown.memory <= MOST_BYTES
    assert (grown.threads, grown.handles) == (0, 0)


def test_memory_that_fits_leave_behind_is_seen():
    kept = []

    def leaves(number):
        fit(number)
        # Pages of its own: memory that earlier tests gave back would take an array.
        pages = mmap.mmap(-1, 1 << 18)
        pages.write(bytes(1 << 18))
        kept.append(pages)

    assert growth(60, leaves).memory > MOST_BYTES


def test_a_file_and_a_thread_that_fits_leave_behind_are_seen():
    files, waiting = [], threading.Event()

    def leaves(number):
        fit(number)
        files.append(os.open(os.devnull, os.O_RDONLY))
        threading.Thread(target=waiting.wait, daemon=True).start()

    try:
        grown = growth(3, leaves, wait_s=0)
    finally:
        waiting.set()
        for file in files:
            os.close(file)
    assert (grown.threads, grown.handles) == (3, 3)
