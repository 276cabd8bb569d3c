"""What the benchmarks of this folder share: rows, contestants, and how each is made ready."""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import cache
from typing import TYPE_CHECKING

from samplewise.report.published import published_rows

if TYPE_CHECKING:
    from samplewise.bench.problems import Problem, Run
    from samplewise.experiment.run import Prepared

ROWS = {row.id: row for row in published_rows()}
# Written out, not asked of the registry: asv compares commits by these names.
BACKENDS = ("reference", "vectorized", "numba_cpu")
PLAIN = "plain_numpy"
DTYPES = ("float64", "float32")
FINAL = "final-1"


def interleaved_rounds() -> int:
    """Return how often interleaved figures are taken; `make bench-quick` asks for one.

    Not named `rounds`: asv takes a module's attribute of that name for a setting of its own.
    """
    return int(os.environ.get("SAMPLEWISE_BENCH_ROUNDS", "5"))


@cache
def warmed(
    row: str,
    backend: str,
    dtype: str = "float64",
    batch_size: int = 1,
    data: Prepared | None = None,
) -> Problem:
    """Return a row ready to train; asv calls setup before every sample, so it is kept."""
    from samplewise.bench.problems import prepare

    return prepare(ROWS[row], backend, dtype, batch_size, data)


def contestant(row: str, name: str, dtype: str, batch_size: int) -> Callable[[], Run]:
    """Return what trains a row once from fresh weights: a backend, or the plain loop."""
    from benchmarks.plain_numpy import run_once

    if name == PLAIN:
        problem = warmed(row, "reference", dtype, batch_size)
        return lambda: run_once(problem)
    return warmed(row, name, dtype, batch_size).run_once
