"""A metric of a sweep against one factor, against two, and across all of them.

One scale of colours says how good a figure is: the darker, the better, in grey too.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize
from numpy.typing import NDArray

from samplewise.plots.figures import (
    CHARACTER,
    GRID,
    INK,
    PALETTE,
    QUIET,
    name_ticks,
    plain_logarithmic,
    png_bytes,
    styled_figure,
)
from samplewise.plots.limits import SMALLEST, drawn, logarithmic_limits
from samplewise.text import rounded

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOGARITHMIC = 20.0
"""Values that span more than this are drawn on a logarithmic axis."""
# The yellow end of viridis is too pale for a line on white.
_LIGHTEST = 0.9
# More points, as of a range, are not joined by a line.
_MOST_JOINED = 24
_MOST_CELL_TEXTS = 120
_MOST_TICKS = 5
_MOST_TEXTS = 12


def spans_decades(low: float, high: float) -> bool:
    """Return True where values from `low` to `high` need a logarithmic axis."""
    return low > 0 and float(high) / float(low) > LOGARITHMIC


def goodness_scale(low: float, high: float, *, greater_is_better: bool) -> ScalarMappable:
    """Return the colours of a metric from `low` to `high`; the best one is the darkest."""
    shades = colormaps["viridis"](np.linspace(0.0, _LIGHTEST, 256))
    norm = LogNorm if spans_decades(low, high) else Normalize
    colors = ListedColormap(shades[::-1] if greater_is_better else shades)
    return ScalarMappable(norm(*drawn((low, high))), colors)


def add_colour_bar(
    figure: Figure, axes: Axes, scale: ScalarMappable, metric: str, *, greater_is_better: bool
) -> None:
    """Draw the scale beside the axes, with the metric's name and its better end."""
    bar = figure.colorbar(scale, ax=axes, fraction=0.05, pad=0.03)
    better = "greater" if greater_is_better else "smaller"
    bar.set_label(f"{metric} ({better} is better)")
    bar.outline.set_visible(False)
    if isinstance(scale.norm, LogNorm):
        plain_logarithmic(bar.ax.yaxis)


def ink_on(color: Any) -> str:
    """Return the colour of a text that is readable on a colour, (red, green, blue, alpha)."""
    red, green, blue, _ = color
    return "black" if 0.299 * red + 0.587 * green + 0.114 * blue > 0.5 else "white"


def against_factor(
    values: Sequence[float],
    means: Sequence[float],
    margins: Sequence[float],
    names: tuple[str, str],
    title: str,
) -> bytes:
    """Return a PNG of means against the values of a factor, with their intervals.

    Args:
        values: ascending and finite, at least one.
        means: at each value, finite.
        margins: half the width of each interval, 0 where there is none.
        names: of the factor and of the metric.
        title: of the figure.
    """
    with styled_figure(7.2, 4.0, title, names) as figure:
        axes = figure.add_subplot()
        low, high = drawn((values[0], values[-1]))
        if spans_decades(low, high) or 0 < low < high < SMALLEST:
            axes.set_xscale("log")
            axes.set_xlim(*logarithmic_limits(low, high))
            plain_logarithmic(axes.xaxis)
        least, most = _bounds(names[1])
        axes.errorbar(
            drawn(values),
            drawn(means),
            yerr=_intervals(drawn(means), drawn(margins), least, most),
            color=PALETTE[0],
            linewidth=1.4 if len(values) <= _MOST_JOINED else 0.0,
            marker="o",
            markersize=4.5,
            elinewidth=0.9,
            capsize=3,
        )
        limits = axes.get_ylim()
        axes.set_yticks([tick for tick in axes.get_yticks() if least <= tick <= most])
        axes.set_ylim(limits)
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        axes.grid(axis="y")
        return png_bytes(figure)


def _bounds(metric: str) -> tuple[float, float]:
    """Return the least and the greatest number that a metric can be; a loss may be below 0."""
    name = metric.rpartition("_")[2]
    return {
        "accuracy": (0.0, 1.0),
        "r2": (-np.inf, 1.0),
        "rmse": (0.0, np.inf),
        "mae": (0.0, np.inf),
    }.get(name, (-np.inf, np.inf))


def _intervals(
    means: NDArray[np.float64], margins: NDArray[np.float64], least: float, most: float
) -> NDArray[np.float64]:
    """Return the lengths of intervals below and above their means, (2, n).

    Student's interval of few seeds may leave what a metric can be, and ends there.
    """
    room = np.array([means - least, most - means])
    return np.minimum(margins, np.maximum(room, 0.0))


def heat_map(
    means: NDArray[np.float64],
    rows: tuple[str, Sequence[str]],
    columns: tuple[str, Sequence[str]],
    metric: str,
    title: str,
    *,
    greater_is_better: bool,
) -> bytes:
    """Return a PNG of means against two factors, as shades with the numbers in them.

    The best is the darkest; a cell without a mean is grey.

    Args:
        means: (rows, columns), NaN where there is none.
        rows: name of their factor, and its values as texts.
        columns: likewise.
        metric: name of the means.
        title: of the figure.
        greater_is_better: whether the best mean is the greatest.
    """
    longest = CHARACTER * max(map(len, rows[1]))
    width_of_cell = min(0.75, 9.0 / len(columns[1]))
    slanted = CHARACTER * max(map(len, columns[1])) > width_of_cell
    width = width_of_cell * len(columns[1]) + longest + 1.9
    # The name of the colour bar needs some height, however few the rows.
    height = max(min(0.4 * len(rows[1]), 8.0), 1.6) + 1.6
    with styled_figure(max(width, 4.0), height, title, (*rows[1], *columns[1])) as figure:
        axes = figure.add_subplot()
        low, high = float(np.nanmin(means)), float(np.nanmax(means))
        scale = goodness_scale(low, high, greater_is_better=greater_is_better)
        axes.set_facecolor(GRID)
        shades = scale.to_rgba(drawn(means))
        # Where all means are equal, matplotlib's scale gives a missing one their colour.
        shades[np.isnan(means)] = 0.0
        axes.imshow(shades, aspect="auto")
        add_colour_bar(figure, axes, scale, metric, greater_is_better=greater_is_better)
        name_ticks(axes, columns[1], rows[1], slanted=slanted)
        axes.set_xlabel(columns[0])
        axes.set_ylabel(rows[0])
        if means.size <= _MOST_CELL_TEXTS:
            for row, column in zip(*np.nonzero(np.isfinite(means)), strict=True):
                text, color = rounded(means[row, column], 3), ink_on(shades[row, column])
                axes.text(column, row, text, ha="center", va="center", color=color, size=8)
        return png_bytes(figure)


def parallel_coordinates(
    columns: Mapping[str, Sequence[float | str]], title: str, *, greater_is_better: bool
) -> bytes:
    """Return a PNG of a line for each candidate, coloured by the metric; the best are darkest.

    Args:
        columns: by name, at least two, a value for each candidate: finite numbers, or texts; the
            last one is the metric, in numbers.
        title: of the figure.
        greater_is_better: whether the best has the greatest metric.
    """
    axes_of = [_axis(values) for values in columns.values()]
    heights = np.array([positions for positions, _ in axes_of])
    *_, (metric, figures) = columns.items()
    means = drawn(figures)
    scale = goodness_scale(means.min(), means.max(), greater_is_better=greater_is_better)
    colors = scale.to_rgba(means)
    worst_first = np.argsort(means if greater_is_better else -means, kind="stable")
    with styled_figure(max(1.7 * len(columns), 5.0) + 0.8, 3.8, title, tuple(columns)) as figure:
        axes = figure.add_subplot()
        for one in worst_first:
            axes.plot(heights[:, one], color=colors[one], linewidth=1.3, alpha=0.8)
        for place, (_, ticks) in enumerate(axes_of):
            axes.axvline(place, color=QUIET, linewidth=0.9)
            for height, text in ticks:
                axes.annotate(
                    text,
                    xy=(place, height),
                    xytext=(4, 0),
                    textcoords="offset points",
                    va="center",
                    size=8,
                    color=INK,
                    bbox={"facecolor": "white", "edgecolor": "none", "alpha": 0.7, "pad": 0.5},
                )
        axes.set_xticks(range(len(columns)), list(columns))
        axes.set_xlim(-0.1, len(columns) - 0.5)
        axes.set_yticks([])
        axes.spines[:].set_visible(False)
        add_colour_bar(figure, axes, scale, metric, greater_is_better=greater_is_better)
        return png_bytes(figure)


def _axis(values: Sequence[float | str]) -> tuple[NDArray[np.float64], list[tuple[float, str]]]:
    """Return the heights of values in [0, 1], and heights and texts of the ticks."""
    numbers = [value for value in values if not isinstance(value, str)]
    if len(numbers) < len(values):
        texts = list(dict.fromkeys(map(str, values)))
        places = np.linspace(0, 1, len(texts)) if len(texts) > 1 else np.array([0.5])
        step = -(-len(texts) // _MOST_TEXTS)
        ticks = list(zip(places.tolist(), texts, strict=True))[::step]
        return places[[texts.index(str(value)) for value in values]], ticks
    numbers = drawn(numbers).tolist()
    low, high = min(numbers), max(numbers)
    if low == high:
        return np.full(len(values), 0.5), [(0.5, f"{low:g}")]
    is_whole = all(value.is_integer() for value in numbers)
    is_logarithmic = spans_decades(low, high)
    spaced = np.geomspace if is_logarithmic else np.linspace
    marks = np.array(sorted(set(numbers)))
    if len(marks) > _MOST_TICKS:
        marks = spaced(low, high, _MOST_TICKS)
        marks = np.rint(marks) if is_whole else marks

    def heights(of: NDArray[np.float64]) -> NDArray[np.float64]:
        if is_logarithmic:
            return (np.log(of) - np.log(low)) / (np.log(high) - np.log(low))
        return (of - low) / (high - low)

    marked = zip(heights(marks).tolist(), marks.tolist(), strict=True)
    # Rounded first: "1000", not "1e+03".
    ticks = [(height, f"{float(f'{mark:.3g}'):g}") for height, mark in marked]
    return heights(np.array(numbers)), ticks
