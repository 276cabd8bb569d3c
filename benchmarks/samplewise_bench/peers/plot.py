"""Times of several libraries as bars on a logarithmic axis, a panel a piece of work."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter

from samplewise.plots.figures import GRID, INK, PALETTE, QUIET, _figure, _png

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

WIDTH, BAR, FRAME = 8.0, 0.24, 0.75
# More panels than this stand in two columns.
MOST_BELOW_ONE_ANOTHER = 3
# A bar starts at this share of the shortest time; the texts end beyond the longest by the other.
BELOW, BEYOND = 0.6, 12.0
# So that the floor's line does not strike out what is told beyond a bar.
BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}


@dataclass(frozen=True)
class Bar:
    """One contestant.

    Args:
        name: beside the bar.
        group: decides the colour.
        value: above 0, with its range from `least` to `most`.
        told: beyond the bar's end.
    """

    name: str
    group: str
    value: float
    least: float
    most: float
    told: str


@dataclass(frozen=True)
class Panel:
    """One piece of work.

    Args:
        title: above the bars.
        unit: of the values.
        bars: from top to bottom, at least one.
        floor: a value marked by a dashed line; None for none.
    """

    title: str
    unit: str
    bars: Sequence[Bar]
    floor: float | None = None


def bars(panels: Sequence[Panel], title: str, floor: str) -> bytes:
    """Return a PNG of panels below one another, or in two columns where there are many.

    Args:
        panels: may be none.
        title: of the figure.
        floor: what the dashed lines show.
    """
    groups = list(dict.fromkeys(bar.group for panel in panels for bar in panel.bars))
    colors = {group: PALETTE[number % len(PALETTE)] for number, group in enumerate(groups)}
    across = 1 if len(panels) <= MOST_BELOW_ONE_ANOTHER else 2
    rows = [panels[start : start + across] for start in range(0, len(panels), across)]
    heights = [BAR * max(len(panel.bars) for panel in row) + FRAME for row in rows]
    with _figure(WIDTH * across, sum(heights) + 1.0, title) as figure:
        if rows:
            grid = figure.subplots(len(rows), across, squeeze=False, height_ratios=heights)
            for cells, row in zip(grid, rows, strict=True):
                for axes, panel in zip(cells, row, strict=False):
                    _draw(axes, panel, colors)
                for axes in cells[len(row) :]:
                    axes.axis("off")
            keys: list[Artist] = [Patch(color=color) for color in colors.values()]
            keys.append(Line2D([], [], color=QUIET, linestyle="--", linewidth=1.2))
            told = [*colors, floor]
            figure.legend(keys, told, loc="outside lower center", ncols=len(told))
        return _png(figure)


def _draw(axes: Axes, panel: Panel, colors: dict[str, str]) -> None:
    shown = panel.bars
    places = range(len(shown))
    axes.barh(
        places,
        [bar.value for bar in shown],
        color=[colors[bar.group] for bar in shown],
        xerr=[[b.value - b.least for b in shown], [b.most - b.value for b in shown]],
        error_kw={"ecolor": QUIET, "elinewidth": 1},
        height=0.72,
    )
    axes.set_xscale("log")
    low = min(bar.least for bar in shown)
    floor = [] if panel.floor is None else [panel.floor]
    axes.set_xlim(BELOW * min(low, *floor, low), BEYOND * max(bar.most for bar in shown))
    for place, bar in zip(places, shown, strict=True):
        text = f"  {_plain(bar.value)} {panel.unit}   {bar.told}"
        axes.text(bar.most, place, text, va="center", color=INK, size=8.5, bbox=BEHIND_TEXT)
    for value in floor:
        axes.axvline(value, color=QUIET, linestyle="--", linewidth=1.2, zorder=1.5)
    axes.set_yticks(places, [bar.name for bar in shown])
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_title(panel.title, loc="left", size=10, color=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{_plain(value)} {panel.unit}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=GRID)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
