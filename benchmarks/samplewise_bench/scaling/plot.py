"""Costs against sizes on logarithmic axes: time above, peak memory below; a column is an axis."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from samplewise.plots.figures import INK, PALETTE, QUIET, png_bytes, styled_figure

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from samplewise_bench.scaling.curves import Curve, Point, Scaling

    Colored = Sequence[tuple[Curve, str]]

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
DASHED: dict[str, Any] = {"color": QUIET, "linestyle": "--", "linewidth": 1.2}


def picture(scaling: Scaling) -> bytes:
    """Return the curves as a PNG; each row of panels has one scale of costs."""
    curves = [curve for curve in scaling.curves if curve.points]
    names = dict.fromkeys(str(curve.method) for curve in curves)
    plans = dict.fromkeys(point.plan.name for curve in curves for point in curve.points)
    colors = {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(names)}
    shapes = {plan: SHAPES[number % len(SHAPES)] for number, plan in enumerate(plans)}
    columns = [
        [(curve, colors[str(curve.method)]) for curve in group]
        for _, group in groupby(curves, key=lambda curve: curve.axis.name)
    ]
    width = max(WIDTH * len(columns), LEAST_WIDTH)
    title = f"Cost of training against size, one core, {scaling.dtype}"
    with styled_figure(width, HEIGHT * 2 + 0.9, title) as figure:
        grid = figure.subplots(2, len(columns), sharey="row", sharex="col", squeeze=False)
        for (above, below), column in zip(grid.T, columns, strict=True):
            _draw(above, column, lambda point: point.spread.min_ms, shapes)
            _draw_laws(above, column)
            _draw(below, column, lambda point: point.peak_bytes / MIB, shapes)
            longest = _longest(column).points
            given = [point.given_bytes / MIB for point in longest]
            below.plot([point.size for point in longest], given, **DASHED)
            below.set_xlabel(column[0][0].axis.label)
        laws = max(sum(curve.law is not None for curve, _ in column) for column in columns)
        for (first, *_), cost, lines in zip(grid, COSTS, (laws, 0), strict=True):
            first.set_ylabel(cost)
            _leave_room(first, lines)
        keys = _keys(colors, shapes)
        figure.legend(
            [*keys.values()],
            [*keys],
            loc="outside lower center",
            ncols=int(width // KEY_WIDTH),
            handlelength=1.8,
        )
        return png_bytes(figure)


def _keys(colors: dict[str, str], shapes: dict[str, str]) -> dict[str, Line2D]:
    """Return the lines of the legend by their names."""
    keys = {name: Line2D([], [], color=color, linewidth=2) for name, color in colors.items()}
    for plan, shape in shapes.items():
        keys[plan] = Line2D([], [], color=QUIET, marker=shape, linestyle="")
    keys[FITTED] = Line2D([], [], color=INK, linewidth=1)
    keys[FLOOR] = Line2D([], [], **DASHED)
    return keys


def _draw(
    axes: Axes, column: Colored, cost: Callable[[Point], float], shapes: dict[str, str]
) -> None:
    """Draw a cost of each point, and the axes."""
    axes.set_xscale("log")
    axes.set_yscale("log")
    for curve, color in column:
        sizes = [point.size for point in curve.points]
        axes.plot(sizes, [*map(cost, curve.points)], color=color, linewidth=1.2, alpha=0.6)
        for point in curve.points:
            mark = shapes[point.plan.name]
            axes.plot(point.size, cost(point), color=color, marker=mark, markersize=5)
    sizes = [point.size for point in _longest(column).points]
    axes.set_xticks(sizes[:: -(-len(sizes) // MOST_TICKS)])
    axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(which="major")


def _draw_laws(axes: Axes, column: Colored) -> None:
    """Draw the fitted laws, and their exponents as lines of text in the upper corner."""
    height = 0.97
    for curve, color in column:
        if curve.law is None:
            continue
        ends = (curve.law.first, curve.law.last)
        axes.plot(ends, [curve.law.cost(end) for end in ends], color=INK, linewidth=1, zorder=3)
        axes.annotate(
            f"{curve.method}: {curve.law}",
            (0.04, height),
            xycoords="axes fraction",
            va="top",
            color=color,
            size=8.5,
        )
        height -= TEXT_LINE


def _leave_room(axes: Axes, lines: int) -> None:
    """Raise the upper end of the costs, so that text above the curves does not cover them."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** (TEXT_LINE * lines + TEXT_GAP))


def _longest(column: Colored) -> Curve:
    return max((curve for curve, _ in column), key=lambda curve: len(curve.points))


def _plain(value: float, _: int) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
