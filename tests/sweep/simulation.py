"""The sweep's own loop, groups and journal on simulated workers, whose training only takes time.

`python tests/sweep/simulation.py 1000 1000000` simulates 1,000 workers and 1,000,000 trials, and
lets the clock wait for what the loop takes on this machine. A folder as third argument is kept:
the same command then goes on with what it holds.
"""

import heapq
import sys
import tempfile
import time
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import psutil

from samplewise.data.dataset import Dataset
from samplewise.sweep import run
from samplewise.sweep.definition import Sweep
from samplewise.sweep.dispatch import dispatched
from samplewise.sweep.executors import Death, Executor
from samplewise.sweep.groups import Groups, PlannedTrial
from samplewise.sweep.journal import FILE, Journal
from samplewise.sweep.training import TrainedGroup, entries_of
from samplewise.sweep.trials import Trial

# Figures as long as those of a real trial.
RESULT = {
    "status": "done",
    "figures": {
        **dict.fromkeys(("test_accuracy", "test_loss", "training_loss"), 0.1234567890123456),
        **dict.fromkeys(("test_rmse", "test_mae", "test_r2")),
        **dict.fromkeys(("validation_accuracy", "validation_loss")),
        "epochs_run": 100,
        "stopped": "epochs",
        "train_ms": 125.12345678901234,
        "networks_at_once": 32,
        "backend_used": "numba_cpu",
        "plan_used": "stepwise",
        "notes": 0,
    },
}
# An experiment as far as groups look at it.
EXPERIMENT = SimpleNamespace(training=SimpleNamespace(epochs=100))


class SimulatedWorkers(Executor):
    """Workers that train a group by letting the clock pass.

    Args:
        count: of the workers.
        trial_s: seconds of a trial.
        deaths: probability that a worker dies in a group, half-way.
        loop_s: called once for each group that ended; seconds that the loop took for it.
    """

    def __init__(self, count, trial_s, deaths=0.0, loop_s=lambda: 0.0):
        super().__init__()
        self._count, self._trial_s, self._deaths, self._loop_s = count, trial_s, deaths, loop_s
        self._rng = np.random.default_rng(0)
        self._out = []
        self.clock_s = self.busy_s = 0.0
        self.died = self.submitted = 0

    @property
    def slots(self):
        return self._count

    def _start(self, trials, died):
        del died
        future, seconds = Future(), self._trial_s * len(trials)
        dies = self._rng.random() < self._deaths
        if dies:
            seconds /= 2
        self.busy_s += seconds
        self.submitted += 1
        heapq.heappush(
            self._out, (self.clock_s + seconds, self.submitted, future, trials, seconds, dies)
        )
        return future

    def next_ended(self):
        end_s, _, future, trials, seconds, dies = heapq.heappop(self._out)
        self.clock_s = max(end_s, self.clock_s + self._loop_s())
        if dies:
            self.died += 1
            future.set_exception(BrokenExecutor("killed"))
        else:
            future.set_result(
                TrainedGroup([RESULT] * len(trials), [None] * len(trials), seconds, seconds)
            )
        return super().next_ended()

    def death(self, future):
        return Death("killed") if future.exception() else None


def simulated(workers, trials, folder):
    """Run the loop; return the journal, as `run_sweep` writes it."""
    planned = [
        PlannedTrial(
            Trial(f"{n:020x}", n, {"learning_rate": n / trials}, 0, EXPERIMENT), "all", 1000
        )
        for n in range(trials)
    ]
    groups, journal = Groups(planned), Journal(Path(folder) / FILE, {}, "")
    for group, trained in dispatched(groups, workers):
        entries = entries_of(group, trained.results)
        journal.append(*entries)
        groups.took(group, entries, trained.seconds)
    return journal


class Stopwatch:
    """Gives the processor seconds since it was last asked."""

    def __init__(self):
        self._last_s = time.process_time()

    def __call__(self):
        before_s, self._last_s = self._last_s, time.process_time()
        return self._last_s - before_s


def grid(trials):
    """Return a sweep of so many trials, a multiple of 1,000."""
    space = {
        "learning_rate": np.linspace(0.001, 0.1, 100).tolist(),
        "momentum": np.linspace(0.0, 0.9, trials // 1000).tolist(),
    }
    return Sweep(space, {"backend": "reference", "hidden": (4,)}, seeds=10)


class Measured(SimulatedWorkers):
    """Notes processor seconds and memory at the first group and after the last."""

    first = last = None

    def _start(self, trials, died):
        self.first = self.first or figures()
        return super()._start(trials, died)

    def close(self):
        self.last = figures()


def figures():
    """Return the processor seconds and the resident megabytes of this process."""
    return time.process_time(), psutil.Process().memory_info().rss / 1e6


def main(count, trials, folder=None, trial_s=0.125):
    rng = np.random.default_rng(0)
    rows = Dataset("noise", rng.standard_normal((40, 3)), np.arange(40) % 2, ("left", "right"))
    workers = Measured(count, trial_s, deaths=0.001, loop_s=Stopwatch())
    run.executor_for = lambda rows, n_jobs: workers
    begin_s, begin_mb = figures()
    with tempfile.TemporaryDirectory() as temporary:
        result = run.run_sweep(grid(trials), folder or temporary, data=rows)
        size = (Path(folder or temporary) / FILE).stat().st_size
    (first_s, first_mb), (last_s, last_mb), (end_s, end_mb) = workers.first, workers.last, figures()
    loop_s = last_s - first_s
    done = sum(row["status"] == "done" for row in result.rows)
    sys.stdout.write(
        f"{trials:,} trials of {trial_s} s on {count:,} workers: {workers.clock_s:,.0f} s, "
        f"{workers.submitted:,} groups, {workers.died} deaths, {done:,} done, "
        f"journal {size / 1e6:,.0f} MB; workers {workers.busy_s / workers.clock_s / count:.0%} "
        f"busy\nto the first group {first_s - begin_s:.1f} s of the processor, then the loop took "
        f"{loop_s:.0f} s, {1e3 * loop_s / workers.submitted:.1f} ms a group, and the table "
        f"{end_s - last_s:.0f} s\nmemory {begin_mb:,.0f} MB, at the first group {first_mb:,.0f}, "
        f"after the last {last_mb:,.0f}, with the table {end_mb:,.0f}\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
