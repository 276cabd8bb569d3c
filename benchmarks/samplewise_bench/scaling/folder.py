"""The folder that `samplewise scaling` leaves: Markdown, JSON and a picture, whole or absent."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from samplewise.files import new_folder, write_bytes, write_text
from samplewise.report.wording import three_digits
from samplewise_bench.scaling.curves import Curve, Point, Scaling
from samplewise_bench.scaling.plot import Line, Panel
from samplewise_bench.scaling.plot import scaling as drawn
from samplewise_bench.scaling.table import HEADERS, caption, cells, to_json

PICTURE, MARKDOWN, RESULTS = "scaling.png", "scaling.md", "scaling.json"
FILES = (PICTURE, MARKDOWN, RESULTS)


def write_scaling(scaling: Scaling, folder: Path, *, force: bool) -> None:
    """Write picture, Markdown and JSON to a folder, whole or not at all.

    Args:
        scaling: what was measured.
        folder: where; missing parents are made.
        force: replace the folder of an earlier measurement.

    Raises:
        OutputError: as `check_output_folder`, or the disk is full.
    """
    with new_folder(folder, force=force, known=FILES) as new:
        write_text(new / MARKDOWN, markdown(scaling))
        write_text(new / RESULTS, json.dumps(to_json(scaling), indent=2, allow_nan=False) + "\n")
        write_bytes(new / PICTURE, picture(scaling))


def markdown(scaling: Scaling) -> str:
    """Return the exponents, the picture, and the figures of every point as Markdown."""
    parts = [
        "# Cost of training against size",
        _table(HEADERS, [cells(curve) for curve in scaling.curves]),
        f"![time and peak memory against each size]({PICTURE})",
        caption(scaling).replace("\n", "\n\n"),
    ]
    header = ("method", "size", "plan", "ms (min..max)", "MiB")
    for axis, curves in groupby(scaling.curves, key=lambda curve: curve.axis.label):
        rows = [
            (str(curve.method), *_point_cells(point)) for curve in curves for point in curve.points
        ]
        if rows:
            parts += [f"## {axis[0].upper()}{axis[1:]}", _table(header, rows)]
    return "\n\n".join(parts) + "\n"


def _point_cells(point: Point) -> tuple[str, ...]:
    mib = three_digits(point.peak_bytes / 2**20)
    return f"{point.size:,}", point.plan.name, str(point.spread), mib


def _table(header: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    lines = [header, ("---",) * len(header), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def picture(scaling: Scaling) -> bytes:
    """Return the curves as PNG: time above, peak memory below, a column an axis."""
    curves = [curve for curve in scaling.curves if curve.points]
    by_axis = [list(group) for _, group in groupby(curves, key=lambda curve: curve.axis.name)]
    rows = [[_times(group) for group in by_axis], [_memory(group) for group in by_axis]]
    title = f"Cost of training against size, one core, {scaling.dtype}"
    return drawn(rows, title, "rows, targets and parameters")


def _times(curves: Sequence[Curve]) -> Panel:
    lines = []
    for curve in curves:
        ends = () if curve.law is None else (curve.law.first, curve.law.last)
        lines.append(
            Line(
                str(curve.method),
                [point.size for point in curve.points],
                [point.spread.min_ms for point in curve.points],
                [point.plan.name for point in curve.points],
                (ends, [curve.law.cost(end) for end in ends] if curve.law else ()),
                "" if curve.law is None else f"{curve.method}: {curve.law}",
            )
        )
    return Panel(curves[0].axis.label, "least training time, ms", lines)


def _memory(curves: Sequence[Curve]) -> Panel:
    lines = [
        Line(
            str(curve.method),
            [point.size for point in curve.points],
            [point.peak_bytes / 2**20 for point in curve.points],
            [point.plan.name for point in curve.points],
        )
        for curve in curves
    ]
    longest = max(curves, key=lambda curve: len(curve.points)).points
    floor = [point.size for point in longest], [point.given_bytes / 2**20 for point in longest]
    return Panel(curves[0].axis.label, "peak memory, MiB", lines, floor)
