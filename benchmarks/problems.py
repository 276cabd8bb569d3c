"""What the benchmarks of this folder share: rows, contestants, and how each is made ready."""

from __future__ import annotations

import os
from functools import cache
from typing import TYPE_CHECKING

from samplewise.report.published import published_rows

if TYPE_CHECKING:
    from samplewise.bench.problems import Problem
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
    name: str,
    dtype: str = "float64",
    batch_size: int = 1,
    data: Prepared | None = None,
) -> Problem:
    """Return a row ready to train on a backend or by the plain loop.

    It is kept, because asv calls setup before every sample.
    """
    from benchmarks.plain_numpy import PlainLoop
    from samplewise.bench.problems import Problem

    if name == PLAIN:
        return PlainLoop(ROWS[row], "reference", dtype, batch_size, data)
    return Problem(ROWS[row], name, dtype, batch_size, data)
