"""The limits of time that tests set end what they watch."""

import subprocess
import sys
import threading
import time

import pytest

from limits import exit_code, forked, joined, killed_late

SILENT = [sys.executable, "-S", "-c", "import time; time.sleep(60)"]
# Its child holds the pipe, too.
PARENT = [sys.executable, "-S", "-c", f"import subprocess; subprocess.run({SILENT!r})"]


@pytest.mark.parametrize(("command", "group"), [(SILENT, False), (PARENT, True)])
def test_the_pipe_of_a_process_that_says_nothing_ends(command, group):
    with (
        subprocess.Popen(command, stdout=subprocess.PIPE, start_new_session=group) as process,
        killed_late(process, 0.5),
    ):
        assert process.stdout.readline() == b""
    assert process.returncode < 0


def test_a_process_that_ends_in_time_is_left_alone():
    with killed_late(subprocess.Popen([sys.executable, "-S", "-c", ""])) as process:
        assert process.wait(60) == 0


@pytest.mark.filterwarnings("ignore:.*multi-threaded:DeprecationWarning")
def test_forked_processes_end_with_what_they_return_or_raise_and_in_time():
    def fails():
        raise ValueError

    assert [exit_code(forked(work)) for work in (lambda: 0, lambda: True, fails)] == [0, 1, 255]
    assert exit_code(forked(lambda: time.sleep(60)), 0.1) < 0


def test_a_thread_that_does_not_end_fails_the_test():
    end = threading.Event()
    thread = threading.Thread(target=end.wait)
    thread.start()
    with pytest.raises(AssertionError):
        joined(thread, seconds=0.05)
    end.set()
    joined(thread)
