"""A training that is killed at chosen points, and goes on in a new process from its checkpoints.

`python tests/training/crashes.py 1000` kills so many times, at points and at random moments.
"""

import hashlib
import mmap
import os
import random
import shutil
import signal
import sys
import tempfile
import time
import warnings
from collections import Counter
from pathlib import Path

import numpy as np

from samplewise import Adam, Checkpoint, Dense, Dropout, Network, TrainingSettings, train
from samplewise.io import writing
from samplewise.training import batches
from samplewise.training.checkpoints import folder as folder_module

RNG = np.random.default_rng(3)
X = RNG.standard_normal((40, 6))
LABELS = (X[:, 0] * X[:, 1] > 0).astype(int)
NETWORK = Network((6,), (Dense(5, "tanh"), Dropout(0.2), Dense(1)))
SETTINGS = TrainingSettings(
    epochs=12,
    batch_size=8,
    shuffle=True,
    optimizer=Adam(),
    learning_rate=0.02,
    validation_fraction=0.25,
    backend="vectorized",
)
EVERY = 2
POINTS = ("step", "half written", "file synced", "renamed", "folder synced", "old removed")


def kill_here():
    os.kill(os.getpid(), signal.SIGKILL)


class Points:
    """Kills this process the n-th time that it comes to a point."""

    def __init__(self, point, count):
        self._point, self._left = point, count

    def pass_(self, point):
        if point == self._point:
            self._left -= 1
            if self._left == 0:
                kill_here()

    def install(self):
        """Let the writing of files pass the points; only a process that may die does this."""
        sync, replace, unlink, save = os.fsync, Path.replace, Path.unlink, writing.write_bytes

        def fsync(descriptor):
            sync(descriptor)
            folder = Path(f"/proc/self/fd/{descriptor}").is_dir()
            self.pass_("folder synced" if folder else "file synced")

        def half(path, content):
            if self._point == "half written":
                self._left -= 1
                if self._left == 0:
                    path.with_name(f".{path.name}.dead.tmp").write_bytes(
                        content[: len(content) // 2]
                    )
                    kill_here()
            save(path, content)

        os.fsync = fsync
        Path.replace = lambda path, target: (replace(path, target), self.pass_("renamed"))[0]
        Path.unlink = lambda path, **more: (unlink(path, **more), self.pass_("old removed"))[0]
        folder_module.save_snapshot.__globals__["write_bytes"] = half


def child(folder, points, progress):
    """Go on from the newest checkpoint; write each epoch's number, then the end's digest."""
    batches.chunk_samples_of_all = lambda *_: 8
    checkpoint = Checkpoint(folder, EVERY)
    if points is not None:
        points.install()

    def note(record):
        progress[0] = record.epoch
        if points is not None:
            for _ in range(4):
                points.pass_("step")

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        initial, callbacks = checkpoint.snapshot(), [note, checkpoint]
        result = train(NETWORK, X, LABELS, SETTINGS, initial=initial, callbacks=callbacks)
    losses = repr([record.loss for record in result.history.epochs]).encode()
    progress[8:40] = hashlib.sha256(result.parameters.tobytes() + losses).digest()


def run(folder, points=None, kill_after_s=None):
    """Run a child; return the last epoch it measured, and the digest of its end or None."""
    progress = mmap.mmap(-1, 64)
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            child(folder, points, progress)
            code = 0
        finally:
            os._exit(code)
    if kill_after_s is not None:
        time.sleep(kill_after_s)
        os.kill(pid, signal.SIGKILL)
    _, status = os.waitpid(pid, 0)
    killed = os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL
    assert killed or os.waitstatus_to_exitcode(status) == 0, f"the child failed: {status}"
    return progress[0], None if killed else bytes(progress[8:40])


def uninterrupted(scratch):
    """Return the digest of a training without a kill, and its seconds once modules are loaded."""
    for number in range(2):
        progress, began_s = mmap.mmap(-1, 64), time.perf_counter()
        child(scratch / f"whole-{number}", None, progress)
    return bytes(progress[8:40]), time.perf_counter() - began_s


def torture(kills, seed, scratch):
    """Kill so many times; count the points, and check that nothing is unreadable or lost.

    For a process of its own, which leaves the children every module loaded and little to copy.

    Returns:
        How often a child was killed at each point and in each third of the training.
    """
    rng, found = random.Random(seed), Counter()
    whole, whole_s = uninterrupted(Path(scratch))
    done = trainings = 0
    while done < kills:
        folder, epoch = Path(scratch) / f"run-{trainings}", 0
        trainings += 1
        while True:
            point = rng.choice((*POINTS, "moment")) if done < kills else None
            points = Points(point, rng.randint(1, 9)) if point in POINTS else None
            moment = rng.uniform(0, whole_s) if point == "moment" else None
            last, digest = run(folder, points, moment)
            if digest is not None:
                assert digest == whole, f"training {trainings} ended with other bits"
                break
            done += 1
            epoch = max(epoch, last)
            found[point] += 1
            found["early" if epoch <= 4 else "middle" if epoch <= 8 else "late"] += 1
            snapshot = Checkpoint(folder).snapshot()
            kept = 0 if snapshot is None else snapshot.epoch - 1
            assert kept >= epoch - EVERY, f"epoch {epoch} was reached, but {kept} is kept"
        shutil.rmtree(folder)
    return found


if __name__ == "__main__":
    warnings.simplefilter("error")
    with tempfile.TemporaryDirectory() as scratch:
        counted = torture(int(sys.argv[1]), int((sys.argv[2:] or ["0"])[0]), scratch)
    kinds = ", ".join(f"{name}: {count}" for name, count in sorted(counted.items()))
    sys.stdout.write(f"{kinds}\n0 unreadable, 0 lost beyond the interval, 0 ended otherwise\n")
