"""One scale of colours for how good a figure is: the darker, the better, in grey too."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from matplotlib import colormaps
from matplotlib.cm import ScalarMappable
from matplotlib.colors import ListedColormap, LogNorm, Normalize

from samplewise.plots.figures import plain_logarithmic
from samplewise.plots.limits import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

LOGARITHMIC = 30.0
"""Values that span more than this are drawn on a logarithmic axis."""
# The yellow end of viridis is too pale for a line on white.
_LIGHTEST = 0.9


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
