"""A scaling measurement as tables and the text below them, as Markdown, and as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from itertools import groupby
from typing import Any

from samplewise.report.markdown import grid
from samplewise.text import three_digits
from samplewise_bench.conditions import machine
from samplewise_bench.output import cell
from samplewise_bench.scaling.curves import BASE, LINEAR, Curve, Point, Scaling

FORMAT = 1
HEADERS = (
    *("axis", "method", "sizes", "exponent", "fitted over"),
    *("plan", "ms (min..max)", "MiB", "x given"),
)
LEGEND = """\
exponent: of the least training time as a power of the size, fitted by least squares on logarithms
to the larger half of the sizes, with its standard error; 1 is linear cost.
ms: median processor time of a training at the largest size; compiling is not part of it.
MiB: most memory held at once at the largest size: rows, parameters and the program's buffers.
x given: that, by what rows, targets, parameters and optimizer state alone take."""


def cells(curve: Curve) -> tuple[str, ...]:
    """Return one row of the table, a text for each of `HEADERS`."""
    named = curve.axis.symbol, str(curve.method)
    if not curve.points:
        return (*named, *["-"] * (len(HEADERS) - 2))
    first, last = curve.points[0], curve.points[-1]
    return (
        *named,
        _range(first.size, last.size),
        cell(curve.law),
        cell(curve.law, lambda law: _range(law.first, law.last)),
        plans(curve),
        str(last.spread),
        _mib(last),
        f"{last.peak_bytes / last.given_bytes:.2f}",
    )


def plans(curve: Curve) -> str:
    """Return the plans along a curve, as in "blocked, dual from 1,568"."""
    names: list[str] = []
    for name, points in groupby(curve.points, key=lambda point: point.plan.name):
        start = next(points).size
        names.append(f"{name} from {start:,}" if names else name)
    return ", ".join(names)


def _range(first: int, last: int) -> str:
    return f"{first:,} to {last:,}"


def _mib(point: Point) -> str:
    return three_digits(point.peak_bytes / 2**20)


def remarks(scaling: Scaling) -> list[str]:
    """Return a line for each cost that is not linear, and for missing sizes."""
    found = []
    for curve in scaling.curves:
        name = f"{curve.axis.symbol}, {curve.method}"
        if curve.law is not None and not curve.is_linear:
            found.append(
                f"{name}: the exponent {curve.law} lies outside {LINEAR[0]} to {LINEAR[1]}; "
                f"plans: {plans(curve)}"
            )
        elif curve.points and curve.law is None:
            found.append(f"{name}: too few sizes for an exponent")
        if curve.remark:
            found.append(f"{name}: {curve.remark}")
    return found


def caption(scaling: Scaling) -> str:
    """Return the meaning of the figures, the machine, and the remarks, as lines below the table."""
    work = (
        f"Where its size is not the one varied, a training takes {BASE['rows']} rows of "
        f"{BASE['inputs']} inputs, {BASE['hidden']} hidden units, {BASE['epochs']} epochs, batch "
        f"size 1. Dtype: {scaling.dtype}. Timed trainings of each size, in turns, from fresh "
        f"weights: {scaling.rounds}."
    )
    lines = [f"Note: {remark}." for remark in remarks(scaling)]
    return "\n".join([LEGEND, work, machine(scaling.conditions), *lines])


def markdown(scaling: Scaling, picture: str) -> str:
    """Return exponents, a picture of this file name, and the figures of every point as Markdown."""
    parts = [
        "# Cost of training against size",
        grid(HEADERS, map(cells, scaling.curves), numbers=False),
        f"![time and peak memory against each size]({picture})",
        caption(scaling).replace("\n", "\n\n"),
    ]
    header = ("method", "size", "plan", "ms (min..max)", "MiB")
    for axis, curves in groupby(scaling.curves, key=lambda curve: curve.axis.label):
        rows = [
            (str(curve.method), f"{point.size:,}", point.plan.name, str(point.spread), _mib(point))
            for curve in curves
            for point in curve.points
        ]
        if rows:
            parts += [f"## {axis[0].upper()}{axis[1:]}", grid(header, rows, numbers=False)]
    return "\n\n".join(parts) + "\n"


def to_json(scaling: Scaling) -> dict[str, Any]:
    """Return all figures as JSON values."""
    more = {"base": dict(BASE), "remarks": remarks(scaling)}
    curves = [_curve(curve) for curve in scaling.curves]
    return {"format": FORMAT, **vars(scaling), **more, "curves": curves}


def _curve(curve: Curve) -> dict[str, Any]:
    return {
        "axis": curve.axis.name,
        "backend": curve.method.backend,
        "asked_plan": curve.method.plan,
        "law": curve.law and asdict(curve.law),
        "linear": curve.is_linear,
        "remark": curve.remark,
        "points": [
            {
                **{name: value for name, value in vars(point).items() if name != "spread"},
                **vars(point.spread),
                "plan": point.plan.name,
                "block": point.plan.block,
            }
            for point in curve.points
        ],
    }
