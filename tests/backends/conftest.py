"""Fixtures of the tests of backends."""

import threading

import pytest


@pytest.fixture
def no_thread_left():
    """Fail where a test leaves a thread behind."""
    # Those of earlier tests may end meanwhile.
    before = set(threading.enumerate())
    yield
    left = set(threading.enumerate()) - before
    for thread in left:
        # A timer that is cancelled ends a moment later.
        thread.join(timeout=5)
    assert not [thread for thread in left if thread.is_alive()]
