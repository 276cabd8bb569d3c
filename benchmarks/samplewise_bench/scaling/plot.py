"""Costs against sizes on logarithmic axes, in panels side by side."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.ticker import FuncFormatter, NullFormatter, NullLocator

from samplewise.plots.figures import INK, PALETTE, QUIET, _figure, _png

if TYPE_CHECKING:
    from matplotlib.axes import Axes

# In inches: a panel, the narrowest figure, a name in the legend.
WIDTH, HEIGHT, LEAST_WIDTH, KEY_WIDTH = 2.75, 2.9, 6.0, 2.2
FITTED = "fitted law: exponent ± its error"
# A shape a kind, so that it can be told without its colour.
SHAPES = ("o", "s", "^", "D", "v", "P")
MOST_TICKS = 4
# Shares of a panel's height: a line of text, and between text and curves.
TEXT_LINE, TEXT_GAP = 0.085, 0.04


@dataclass(frozen=True)
class Line:
    """One curve of a panel.

    Args:
        name: the same name has the same colour in every panel.
        sizes, costs: above 0, ascending sizes.
        kinds: what each point is marked as, one a point.
        fitted: sizes and costs at both ends of a fitted law, or empty.
        told: of the curve, written into the panel; may be empty.
    """

    name: str
    sizes: Sequence[float]
    costs: Sequence[float]
    kinds: Sequence[str]
    fitted: tuple[Sequence[float], Sequence[float]] = ((), ())
    told: str = ""


@dataclass(frozen=True)
class Panel:
    """One pair of axes.

    Args:
        size, cost: what the axes show, with the unit.
        lines: curves; a panel may have none.
        floor: sizes and costs of a dashed line, or empty.
    """

    size: str
    cost: str
    lines: Sequence[Line]
    floor: tuple[Sequence[float], Sequence[float]] = ((), ())


def scaling(rows: Sequence[Sequence[Panel]], title: str, floor: str) -> bytes:
    """Return a PNG of panels in a grid; each row has one scale of costs.

    Args:
        rows: equally many panels each.
        title: of the figure.
        floor: what the dashed lines show.
    """
    panels = [panel for row in rows for panel in row]
    names = list(dict.fromkeys(line.name for panel in panels for line in panel.lines))
    kinds = list(dict.fromkeys(kind for p in panels for line in p.lines for kind in line.kinds))
    colors = {name: PALETTE[number % len(PALETTE)] for number, name in enumerate(names)}
    shapes = {kind: SHAPES[number % len(SHAPES)] for number, kind in enumerate(kinds)}
    across = len(rows[0])
    width = max(WIDTH * across, LEAST_WIDTH)
    with _figure(width, HEIGHT * len(rows) + 0.9, title) as figure:
        grid = figure.subplots(len(rows), across, sharey="row", sharex="col", squeeze=False)
        for cells, row in zip(grid, rows, strict=True):
            for axes, panel in zip(cells, row, strict=True):
                _draw(axes, panel, colors, shapes)
            cells[0].set_ylabel(row[0].cost)
            _leave_room(cells[0], max(_written(panel) for panel in row))
        for axes, panel in zip(grid[-1], rows[-1], strict=True):
            axes.set_xlabel(panel.size)
        keys = {
            **{name: Line2D([], [], color=color, linewidth=2) for name, color in colors.items()},
            **{
                kind: Line2D([], [], color=QUIET, marker=shape, linestyle="")
                for kind, shape in shapes.items()
            },
            FITTED: Line2D([], [], color=INK, linewidth=1),
            floor: Line2D([], [], color=QUIET, linestyle="--", linewidth=1.2),
        }
        figure.legend(
            [*keys.values()],
            [*keys],
            loc="outside lower center",
            ncols=int(width // KEY_WIDTH),
            handlelength=1.8,
        )
        return _png(figure)


def _written(panel: Panel) -> int:
    return sum(bool(line.told) for line in panel.lines)


def _leave_room(axes: Axes, lines: int) -> None:
    """Raise the upper end of the costs, so that text above the curves does not cover them."""
    low, high = axes.get_ylim()
    axes.set_ylim(low, high * (high / low) ** (TEXT_LINE * lines + TEXT_GAP))


def _draw(axes: Axes, panel: Panel, colors: dict[str, str], shapes: dict[str, str]) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    axes.plot(*panel.floor, color=QUIET, linestyle="--", linewidth=1.2)
    for line in panel.lines:
        color = colors[line.name]
        axes.plot(line.sizes, line.costs, color=color, linewidth=1.2, alpha=0.6)
        for size, cost, kind in zip(line.sizes, line.costs, line.kinds, strict=True):
            axes.plot(size, cost, color=color, marker=shapes[kind], markersize=5)
        axes.plot(*line.fitted, color=INK, linewidth=1, zorder=3)
    for number, line in enumerate(line for line in panel.lines if line.told):
        axes.annotate(
            line.told,
            (0.04, 0.97 - TEXT_LINE * number),
            xycoords="axes fraction",
            va="top",
            color=colors[line.name],
            size=8.5,
        )
    if panel.lines:
        longest = max((line.sizes for line in panel.lines), key=len)
        axes.set_xticks(longest[:: -(-len(longest) // MOST_TICKS)])
        axes.xaxis.set_minor_locator(NullLocator())
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter(FuncFormatter(_plain))
        axis.set_minor_formatter(NullFormatter())
    axes.grid(which="major")


def _plain(value: float, _: int) -> str:
    return f"{value:,.0f}" if value >= 1 else f"{value:g}"
