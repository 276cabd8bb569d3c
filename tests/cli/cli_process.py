"""How the tests start samplewise in a process of its own."""

import signal
import subprocess
import sys

_MAIN = "import sys; from samplewise.cli.app import main; sys.exit(main())"
SAMPLEWISE = [sys.executable, "-c", _MAIN]
_KILLED = """
import os, signal, sys
from samplewise.cli.app import main
from samplewise.training.callbacks.checkpoint import Checkpoint
count = Checkpoint.on_epoch_end
def count_or_die(self, record):
    if record.epoch == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    count(self, record)
Checkpoint.on_epoch_end = count_or_die
sys.exit(main())
"""


def train_until_killed(*words):
    """Run `samplewise train` with checkpoints; it kills itself in the third epoch."""
    command = [sys.executable, "-c", _KILLED, "train", *words]
    process = subprocess.run(command, check=False, timeout=120)
    assert process.returncode == -signal.SIGKILL
