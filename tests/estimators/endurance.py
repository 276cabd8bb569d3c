"""Many fits in one process, whose memory, threads and handles stay, and workers with cold caches.

`python tests/estimators/endurance.py 1000 20` does 1,000 fits, then 20 rounds of two new worker
processes that compile the same kernels at once.
"""

import gc
import os
import sys
import tempfile
import threading
import time
import warnings
from pathlib import Path
from typing import NamedTuple

import numpy as np
from joblib import Parallel, delayed
from joblib.externals.loky import get_reusable_executor

from samplewise import MLPClassifier, MLPRegressor

BACKENDS = ("reference", "vectorized", "numba_cpu")
# Of a process that frees and takes memory; a fit that kept its rows would soon be beyond it.
MOST_BYTES = 4 << 20
ROWS = np.random.default_rng(5).normal(size=(400, 20))
CLASSES = (ROWS[:, 0] > 0).astype(int)


class Held(NamedTuple):
    """The memory, threads and files that this process holds."""

    memory: int
    threads: int
    handles: int


def held():
    """Return the resident bytes, threads (of any library), and open files of this process."""
    gc.collect()
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    tasks, handles = (len(list(Path(f"/proc/self/{kind}").iterdir())) for kind in ("task", "fd"))
    return Held(pages * os.sysconf("SC_PAGE_SIZE"), max(tasks, threading.active_count()), handles)


def fit(number):
    """Fit an estimator, of each kind and backend in turn."""
    kind = (MLPClassifier, MLPRegressor)[number % 2]
    backend = BACKENDS[number % 3]
    rows = 20 if backend == "reference" else 400
    estimator = kind(hidden_layer_sizes=3, max_iter=1, backend=backend, random_state=number)
    estimator.fit(ROWS[:rows], CLASSES[:rows])


def growth(fits, fit=fit, wait_s=10.0):
    """Return what so many fits add to what is held after some.

    Args:
        fits: their number.
        fit: called with the number of each.
        wait_s: seconds for which threads are awaited that a fit has ended, but that still run.
    """
    for number in range(12):
        fit(number)
    before = held()
    for number in range(fits):
        fit(number)
    until_s = time.monotonic() + wait_s
    while (now := held()).threads > before.threads and time.monotonic() < until_s:
        time.sleep(0.01)
    return Held(*np.subtract(now, before).tolist())


def cold_round():
    """Fit in two new processes that share an empty folder of kernels; return both loss curves."""
    with tempfile.TemporaryDirectory() as folder:
        before = os.environ.get("SAMPLEWISE_CACHE_DIR")
        os.environ["SAMPLEWISE_CACHE_DIR"] = folder
        try:
            return Parallel(n_jobs=2)(delayed(loss_curve)() for _ in range(2))
        finally:
            get_reusable_executor().shutdown()
            os.environ.pop("SAMPLEWISE_CACHE_DIR")
            if before is not None:
                os.environ["SAMPLEWISE_CACHE_DIR"] = before


def loss_curve():
    """Return the losses of a fit by compiled kernels."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        estimator = MLPClassifier(2, max_iter=2, backend="numba_cpu", random_state=0)
        return estimator.fit(ROWS[:20], CLASSES[:20]).loss_curve_


def main(fits, rounds):
    """Print what was found; raise where something grew or differed."""
    warnings.simplefilter("ignore")
    grown = growth(fits)
    sys.stdout.write(f"{fits} fits: {grown}\n")
    assert grown.memory <= MOST_BYTES, grown
    assert (grown.threads, grown.handles) == (0, 0), grown
    wanted = loss_curve()
    for number in range(1, rounds + 1):
        assert cold_round() == [wanted, wanted], f"round {number}: other losses"
        sys.stdout.write(f"round {number} of {rounds}: no error\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main(*map(int, sys.argv[1:3]))
