"""A metric of a sweep against one factor, and against two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samplewise.plots.figures import (
    CHARACTER,
    GRID,
    PALETTE,
    name_ticks,
    plain_logarithmic,
    png_bytes,
    styled_figure,
)
from samplewise.plots.goodness import add_colour_bar, goodness_scale, ink_on, spans_decades
from samplewise.plots.limits import SMALLEST, drawn, logarithmic_limits

# More points, as of a range, are not joined by a line.
_MOST_JOINED = 24
_MOST_CELL_TEXTS = 120


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
        axes.errorbar(
            drawn(values),
            drawn(means),
            yerr=drawn(margins),
            color=PALETTE[0],
            linewidth=1.4 if len(values) <= _MOST_JOINED else 0.0,
            marker="o",
            markersize=4.5,
            elinewidth=0.9,
            capsize=3,
        )
        if names[1].endswith("accuracy"):
            # Student's interval of few seeds may leave what an accuracy can be.
            low, high = axes.get_ylim()
            axes.set_ylim(max(low, 0.0), min(high, 1.02))
        axes.set_xlabel(names[0])
        axes.set_ylabel(names[1])
        axes.grid(axis="y")
        return png_bytes(figure)


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
                text, color = f"{means[row, column]:.3g}", ink_on(shades[row, column])
                axes.text(column, row, text, ha="center", va="center", color=color, size=8)
        return png_bytes(figure)
