"""A comparison as the cells of a table and the text below it, or as JSON values."""

from __future__ import annotations

import dataclasses
from typing import Any

from samplewise.report.wording import three_digits
from samplewise_bench.calibration import SQUARE
from samplewise_bench.comparison import Comparison, Result

FORMAT = 1
HEADERS = ("row", "backend", "batch", "ms (min..max)", "x ref", "x rep", "gemm", "loss", "acc")

LEGEND = """\
ms: median wall time of the training steps.
x ref: times faster than the reference backend at the same batch size.
x rep: times faster than the report, whose times come from a hosted notebook on an unknown CPU.
gemm: rate of the training's matrix products, as a share of that of one large product.
loss, acc: of the last epoch; on the test rows."""


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
        f"{result.final_loss:.4f}",
        "-" if result.accuracy is None else f"{result.accuracy:.3f}",
    )


def times(ratio: float | None) -> str:
    """Return a ratio with three digits, or a dash where there is none."""
    return "-" if ratio is None else three_digits(ratio)


def caption(comparison: Comparison) -> str:
    """Return what the figures mean and what they were taken on."""
    calibration = comparison.calibration
    rates = ", ".join(
        f"{product} {three_digits(rate)}" for product, rate in calibration.gflops.items()
    )
    pinned = comparison.conditions["pinned_to"]
    core = "not pinned" if pinned is None else f"core {pinned[0]}"
    run = (
        f"Data: {comparison.data}. Dtype: {comparison.dtype}. Rounds, interleaved, from fresh "
        f"weights: {comparison.rounds}."
    )
    machine = (
        f"Processor: {comparison.conditions['processor']}, {core}, 1 thread. Matrix products in "
        f"GFLOP/s: {rates} (large: {SQUARE}). "
        f"exp: {three_digits(calibration.exp_per_us)} elements/us."
    )
    return "\n".join([LEGEND, run, machine, *(f"Note: {note}." for note in comparison.notes)])


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return all figures as JSON values."""
    calibration = comparison.calibration
    return {
        "format": FORMAT,
        "dtype": comparison.dtype,
        "rounds": comparison.rounds,
        "data": comparison.data,
        "conditions": comparison.conditions,
        "calibration": {
            "gflops": {str(product): rate for product, rate in calibration.gflops.items()},
            "exp_per_us": calibration.exp_per_us,
        },
        "notes": comparison.notes,
        "results": [_flat(result) for result in comparison.results],
    }


def _flat(result: Result) -> dict[str, Any]:
    fields = dataclasses.asdict(result)
    return {**fields.pop("key"), **fields.pop("spread"), **fields}
