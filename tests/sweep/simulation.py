"""The sweep's own loop, groups and journal on simulated workers, whose training only takes time.

`python tests/sweep/simulation.py 1000 1000000` simulates 1,000 workers and 1,000,000 trials, and
lets the clock wait for what the loop takes on this machine.
"""

import heapq
import sys
import tempfile
import time
from concurrent.futures import BrokenExecutor, Future
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from samplewise.sweep.dispatch import dispatched
from samplewise.sweep.executors import Executor
from samplewise.sweep.groups import Groups, Planned
from samplewise.sweep.journal import FILE, Journal
from samplewise.sweep.training import Trained, entries_of
from samplewise.sweep.trials import Trial

# Figures as long as those of a real trial.
RESULT = {
    "status": "done",
    "figures": {
        **dict.fromkeys(("test_accuracy", "test_loss", "training_loss"), 0.1234567890123456),
        **dict.fromkeys(("test_r2", "validation_accuracy", "validation_loss")),
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

    repeats = 2

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

    def _start(self, trials):
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
                Trained([RESULT] * len(trials), [None] * len(trials), seconds, seconds)
            )
        return super().next_ended()

    def death(self, future):
        return "killed" if future.exception() else None


def simulated(workers, trials, folder):
    """Run the loop; return the journal, as `run_sweep` writes it."""
    planned = [
        Planned(Trial(f"{n:020x}", n, {"learning_rate": n / trials}, 0, EXPERIMENT), "all", 1000)
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


def main(count, trials, trial_s=0.125):
    workers = SimulatedWorkers(count, trial_s, deaths=0.001, loop_s=Stopwatch())
    start_s = time.process_time()
    with tempfile.TemporaryDirectory() as folder:
        journal = simulated(workers, trials, folder)
        size = journal.path.stat().st_size
    loop_s = time.process_time() - start_s
    sys.stdout.write(
        f"{trials:,} trials of {trial_s} s on {count:,} workers: {workers.clock_s:,.0f} s, "
        f"{workers.submitted:,} groups, {workers.died} deaths, {len(journal.entries):,} entries, "
        f"journal {size / 1e6:,.0f} MB; workers {workers.busy_s / workers.clock_s / count:.0%} "
        f"busy; the loop took {loop_s:.0f} s, {1e3 * loop_s / workers.submitted:.2f} ms a group\n"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), *map(float, sys.argv[3:]))
