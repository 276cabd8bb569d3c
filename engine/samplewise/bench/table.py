"""A comparison as one table for a terminal, or as JSON."""

from __future__ import annotations

import dataclasses
import json
from typing import TYPE_CHECKING

from samplewise.bench.calibration import SQUARE
from samplewise.bench.comparison import Comparison, Result

if TYPE_CHECKING:
    from rich.table import Table

FORMAT = 1
HEADERS = (
    "row",
    "backend",
    "batch",
    "ms, median (min..max)",
    "x reference",
    "x report",
    "of gemm rate",
    "final loss",
    "accuracy",
)


def caption(comparison: Comparison) -> str:
    """Return what the figures mean and what they were taken on."""
    square = comparison.calibration.gflops[SQUARE]
    shapes = ", ".join(
        f"{product} {rate:.1f}"
        for product, rate in comparison.calibration.gflops.items()
        if product != SQUARE
    )
    pinned = comparison.conditions["pinned_to"]
    core = f"core {pinned[0]}" if pinned is not None else "not pinned"
    return (
        f"{comparison.conditions['processor']}, {core}, 1 thread; {comparison.rounds} interleaved "
        f"rounds from fresh weights; synthetic data, classes 4 and 9.\n"
        f"x reference: times faster than the reference backend at the same batch. "
        f"x report: times faster than published, in a hosted notebook on an unknown CPU.\n"
        f"of gemm rate: against {SQUARE} in {comparison.dtype} at {square:.1f} GFLOP/s; "
        f"the step's own products run at {shapes}; "
        f"exp {comparison.calibration.exp_per_us:.0f} elements/us."
    )


def to_table(comparison: Comparison) -> Table:
    """Return one row a cell, ready to print."""
    from rich.table import Table

    table = Table(
        title=f"samplewise bench, {comparison.dtype}",
        caption=caption(comparison),
        caption_justify="left",
    )
    for header in HEADERS:
        table.add_column(header, justify="left" if header in HEADERS[:2] else "right")
    for result in comparison.results:
        table.add_row(*cells(result))
    return table


def cells(result: Result) -> tuple[str, ...]:
    """Return one row of the table, a text for each of `HEADERS`."""
    return (
        result.key.row,
        result.key.backend,
        str(result.key.batch_size),
        str(result.spread),
        times(result.over_reference),
        times(result.over_report),
        f"{result.of_floor:.1%}",
        f"{result.final_loss:.6f}",
        f"{result.accuracy:.3f}",
    )


def times(ratio: float | None) -> str:
    """Return a ratio as "31.5x", or a dash where there is none."""
    return "-" if ratio is None else f"{ratio:.1f}x"


def to_json(comparison: Comparison) -> str:
    """Return all figures as JSON."""
    calibration = comparison.calibration
    document = {
        "format": FORMAT,
        "dtype": comparison.dtype,
        "rounds": comparison.rounds,
        "conditions": comparison.conditions,
        "calibration": {
            "gflops": {str(product): rate for product, rate in calibration.gflops.items()},
            "exp_per_us": calibration.exp_per_us,
        },
        "results": [_flat(result) for result in comparison.results],
    }
    return json.dumps(document, indent=2, allow_nan=False)


def _flat(result: Result) -> dict[str, object]:
    fields = dataclasses.asdict(result)
    return {**fields.pop("key"), **fields.pop("spread"), **fields}
