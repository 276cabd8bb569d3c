"""Fixtures of the tests of backends."""

import threading

import pytest


@pytest.fixture
def no_thread_left():
    """Fail where a test leaves a thread behind."""
    # Those of earlier tests may end meanwhile.
    before = set(threading.enumerate())
    yield
    assert set(threading.enumerate()) <= before
