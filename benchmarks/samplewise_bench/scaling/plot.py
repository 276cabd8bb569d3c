"""Costs against sizes on logarithmic axes: time above, peak memory below; a column is an axis."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import groupby
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from samplewise.plots.figures import INK, PALETTE, QUIET, png_bytes, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from samplewise_bench.scaling.curves import Curve, Scaling

# In inches: a panel, the narrowest figure, a name in the legend.
WIDTH, HEIGHT, LEAST_WIDTH, KEY_WIDTH = 2.75, 2.9, 6.0, 2.2
COSTS = ("least training time, ms", "peak memory, MiB")
FITTED, FLOOR = "fitted law: exponent ± its error", "rows, targets and parameters"
# A shape a plan, so that it is recognised without its colour.
SHAPES = ("o", "s", "^", "D", "v", "P")
MOST_TICKS = 4
# Shares of a panel's height: a line of text, and between text and curves.
TEXT_LINE, TEXT_GAP = 0.085, 0.04
MIB = 2**20


def picture(scaling: Scaling) -> bytes:
    """Return the curves as a PNG; each row of panels has one scale of costs."""
    curves = [curve for curve in scaling.curves if curve.points]
    columns = [list(group) for _, group in groupby(curves, key=lambda curve: curve.axis.name)]
    names = list(dict.fromkeys(str(curve.method) for curve in curves))
    plans = list(dict.fromkeys(point.plan.name for curve in curves for point in curve.points))
    colors = {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(names)}
    shapes = {plan: SHAPES[number % len(SHAPES)] for number, plan in enumerate(plans)}
    across = len(columns)
    width = max(WIDTH * across, LEAST_WIDTH)
    title = f"Cost of training against size, one core, {scaling.dtype}"
    with styled_figure(width, HEIGHT * 2 + 0.9, title) as figure:
        grid = figure.subplots(2, across, sharey="row", sharex="col", squeeze=False)
        for (above, below), column in zip(grid.T, columns, strict=True):
            for axes, draw in ((above, _draw_times), (below, _draw_memory)):
                axes.set_xscale("log")
                axes.set_yscale("log")
                draw(axes, column, colors, shapes)
                _set_ticks(axes, column)
            below.set_xlabel(column[0].axis.label)
        laws = max(sum(curve.law is not None for curve in column) for column in columns)
        for (first, *_), cost, lines in zip(grid, COSTS, (laws, 0), strict=True):
            first.set_ylabel(cost)
            _leave_room(first, lines)
        keys = {
            **{name: Line2D([], [], color=color, linewidth=2) for name, color in colors.items()},
            **{
                plan: Line2D([], [], color=QUIET, marker=shape, linestyle="")
                for plan, shape in shapes.items()
            },
            FITTED: Line2D([], [], color=INK, linewidth=1),
            FLOOR: Line2D([], [], color=QUIET, linestyle="--", linewidth=1.2),
        }
        figure.legend(
            [*keys.values()],
            [*keys],
            loc="outside lower center",
            ncols=int(width // KEY_WIDTH),
            handlelength=1.8,
        )
        return png_bytes(figure)


def _leave_room(axes: Axes, lines: int) -> None:
    """Raise the upper end of the costs, so that text above the curves does not cover them."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** (TEXT_LINE * lines + TEXT_GAP))


def _draw_times(
    axes: Axes, curves: Sequence[Curve], colors: Mapping[str, str], shapes: Mapping[str, str]
) -> None:
    for curve in curves:
        least_ms = [point.spread.min_ms for point in curve.points]
        _draw_points(axes, curve, least_ms, colors[str(curve.method)], shapes)
        if curve.law is not None:
            ends = (curve.law.first, curve.law.last)
            axes.plot(ends, [curve.law.cost(end) for end in ends], color=INK, linewidth=1, zorder=3)
    fitted = [curve for curve in curves if curve.law is not None]
    for number, curve in enumerate(fitted):
        axes.annotate(
            f"{curve.method}: {curve.law}",
            (0.04, 0.97 - TEXT_LINE * number),
            xycoords="axes fraction",
            va="top",
            color=colors[str(curve.method)],
            size=8.5,
        )


def _draw_memory(
    axes: Axes, curves: Sequence[Curve], colors: Mapping[str, str], shapes: Mapping[str, str]
) -> None:
    longest = _longest(curves).points
    sizes = [point.size for point in longest]
    floor = [point.given_bytes / MIB for point in longest]
    axes.plot(sizes, floor, color=QUIET, linestyle="--", linewidth=1.2)
    for curve in curves:
        peaks = [point.peak_bytes / MIB for point in curve.points]
        _draw_points(axes, curve, peaks, colors[str(curve.method)], shapes)


def _set_ticks(axes: Axes, curves: Sequence[Curve]) -> None:
    sizes = [point.size for point in _longest(curves).points]
    axes.set_xticks(sizes[:: -(-len(sizes) // MOST_TICKS)])
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(which="major")


def _draw_points(
    axes: Axes, curve: Curve, costs: Sequence[float], color: str, shapes: Mapping[str, str]
) -> None:
    sizes = [point.size for point in curve.points]
    axes.plot(sizes, costs, color=color, linewidth=1.2, alpha=0.6)
    for point, cost in zip(curve.points, costs, strict=True):
        axes.plot(point.size, cost, color=color, marker=shapes[point.plan.name], markersize=5)


def _longest(curves: Sequence[Curve]) -> Curve:
    return max(curves, key=lambda curve: len(curve.points))


def _plain(value: float, _: int) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
