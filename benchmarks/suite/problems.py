"""Names and trainings that the benchmarks of this folder share."""

from __future__ import annotations

import dataclasses
import os
from functools import cache
from typing import TYPE_CHECKING

from samplewise.report.published import published_rows

if TYPE_CHECKING:
    from samplewise.experiment.prepared import Prepared
    from samplewise_bench.training import Training


def interleaved_rounds() -> int:
    """Return the number of interleaved rounds; `make bench-quick` asks for one.

    Not named `rounds`: asv takes a module's attribute of that name for a setting of its own.
    """
    return int(os.environ.get("SAMPLEWISE_BENCH_ROUNDS", "5"))


ROWS = {row.id: row for row in published_rows()}
# Written out, not asked of the registry: asv compares commits by these names.
BACKENDS = ("reference", "vectorized", "numba_cpu")
FASTEST = "numba_cpu"
PLANS = ("auto", "direct", "blocked", "dual")
PLAIN = "plain_numpy"
WORKLOADS = ("784-128-32-10-adam", "cnn")
# One sample at a time it takes 100 times as long: so many rows of each workload, by one epoch.
REFERENCE_ROWS = 64
DTYPES = ("float64", "float32")
FINAL = "final-1"
FINAL_SHAPE = "784-10-1, batch 1"
MOMENTUM_SHAPE = "784-128-10, batch 16"
WIDE_SHAPE = "wide 500x20000-32-1, batch 1"
SHAPES = (
    *(
        f"784-{layers}, batch {batch_size}"
        for layers in ("10-1", "60-1", "256-1", "128-10")
        for batch_size in (1, 16, 32)
    ),
    WIDE_SHAPE,
)

# A quick look runs every benchmark, but not every cell of it: asv starts a process for each.
QUICK = interleaved_rounds() == 1
MEASURED_ROWS = ("neurons-60", FINAL) if QUICK else tuple(ROWS)
MEASURED_DTYPES = DTYPES[:1] if QUICK else DTYPES
MEASURED_SHAPES = (MOMENTUM_SHAPE, WIDE_SHAPE) if QUICK else SHAPES
WEIGHED_SHAPES = (WIDE_SHAPE,) if QUICK else (FINAL_SHAPE, MOMENTUM_SHAPE, WIDE_SHAPE)


@cache
def warmed(
    row: str,
    name: str,
    dtype: str = "float64",
    batch_size: int = 1,
    data: Prepared | None = None,
) -> Training:
    """Return a row ready to train on a backend or by the plain loop.

    It is kept, because asv calls setup before every sample.
    """
    from samplewise_bench.rows import row_problem
    from samplewise_bench.training import Training
    from suite.plain_numpy import PlainLoop

    problem = row_problem(ROWS[row], dtype, batch_size, data)
    return PlainLoop(problem, "reference") if name == PLAIN else Training(problem, name)


@cache
def planned(plan: str, shape: str, backend: str = FASTEST, networks: int = 0) -> Training:
    """Return a shape of `samplewise_bench.shapes` ready to train by a plan.

    `networks` trains so many at once, from different parameters; 0 trains one by its own program.

    Raises:
        NotImplementedError: the backend lacks the plan, or trains one network at a time; asv then
            skips the cell.
    """
    from samplewise import registry
    from samplewise_bench.shapes import SHAPES as KNOWN
    from samplewise_bench.training import Training

    offered = registry.load(backend).capabilities
    if plan not in ("auto", *offered.plans):
        raise NotImplementedError(f"{backend} has no plan {plan}")
    if networks and not offered.many:
        raise NotImplementedError(f"{backend} trains one network at a time")
    problem = KNOWN[shape].problem()
    return Training(problem.seeded(networks) if networks else problem, backend, plan)


@cache
def workload(name: str, backend: str) -> Training:
    """Return a workload of `samplewise bench --peers` ready to train.

    `reference` is given `REFERENCE_ROWS` of its rows, and one epoch.
    """
    from samplewise_bench.peers.workloads import WORKLOADS as KNOWN
    from samplewise_bench.training import Training

    problem = KNOWN[name].build().problem
    if backend == "reference":
        X, Y = problem.X[:REFERENCE_ROWS], problem.Y[:REFERENCE_ROWS]
        problem = dataclasses.replace(problem, X=X, Y=Y, epochs=1)
    return Training(problem, backend)
