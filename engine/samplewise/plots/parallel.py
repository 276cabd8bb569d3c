"""Candidates of a sweep as lines across an axis for each factor and one for the metric."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from samplewise.plots.figures import INK, QUIET, png_bytes, styled_figure
from samplewise.plots.goodness import add_colour_bar, goodness_scale, spans_decades
from samplewise.plots.limits import drawn

_MOST_TICKS = 5
_MOST_TEXTS = 12


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
    is_logarithmic = spans_decades(low, high)
    spaced = np.geomspace if is_logarithmic else np.linspace
    marks = np.array(sorted(set(numbers)))
    if len(marks) > _MOST_TICKS:
        marks = spaced(low, high, _MOST_TICKS)

    def heights(of: NDArray[np.float64]) -> NDArray[np.float64]:
        if is_logarithmic:
            return (np.log(of) - np.log(low)) / (np.log(high) - np.log(low))
        return (of - low) / (high - low)

    marked = zip(heights(marks).tolist(), marks.tolist(), strict=True)
    # Rounded first: "1000", not "1e+03".
    ticks = [(height, f"{float(f'{mark:.3g}'):g}") for height, mark in marked]
    return heights(np.array(numbers)), ticks
