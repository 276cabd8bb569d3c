"""A metric of a sweep against one factor, and against two."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from matplotlib.ticker import FuncFormatter
from numpy.typing import NDArray

from samplewise.plots.figures import CHARACTER, PALETTE, png_bytes, styled_figure

LOGARITHMIC = 30.0
"""A factor whose values span more than this is drawn on a logarithmic axis."""
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
        axes.errorbar(
            *(values, means, margins),
            color=PALETTE[0],
            linewidth=1.4 if len(values) <= _MOST_JOINED else 0.0,
            marker="o",
            markersize=4.5,
            elinewidth=0.9,
            capsize=3,
        )
        if values[0] > 0 and values[-1] / values[0] > LOGARITHMIC:
            axes.set_xscale("log")
            axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
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
    title: str,
) -> bytes:
    """Return a PNG of means against two factors, as shades with the numbers in them.

    Args:
        means: (rows, columns), NaN where there is none.
        rows: name of their factor, and its values as texts.
        columns: likewise.
        title: of the figure.
    """
    longest = CHARACTER * max(map(len, rows[1]))
    width = min(0.75 * len(columns[1]), 9.0) + longest + 1.6
    height = min(0.4 * len(rows[1]), 8.0) + 1.6
    with styled_figure(max(width, 4.0), height, title, (*rows[1], *columns[1])) as figure:
        axes = figure.add_subplot()
        image = axes.imshow(means, cmap="viridis", aspect="auto")
        middle = (np.nanmin(means) + np.nanmax(means)) / 2
        figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03)
        axes.set_xticks(range(len(columns[1])), columns[1], rotation=40, ha="right")
        axes.set_yticks(range(len(rows[1])), rows[1])
        axes.set_xlabel(columns[0])
        axes.set_ylabel(rows[0])
        if means.size <= _MOST_CELL_TEXTS:
            for row, column in zip(*np.nonzero(np.isfinite(means)), strict=True):
                value = float(means[row, column])
                color = "black" if value > middle else "white"
                text = f"{value:.3g}"
                axes.text(column, row, text, ha="center", va="center", color=color, size=8)
        return png_bytes(figure)
