"""The loss while the learning rate grows."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.plots.figures import INK, PALETTE, plain_logarithmic, png_bytes, styled_figure
from samplewise.plots.limits import drawn, logarithmic_limits


def rate_sweep(
    rates: Sequence[float],
    losses: Sequence[float],
    smoothed: Sequence[float],
    suggestion: float,
    title: str,
) -> bytes:
    """Return a PNG of the losses of a sweep against the rate, with the suggested one.

    Args:
        rates: above 0, ascending, at least one.
        losses: at each rate, finite.
        smoothed: likewise.
        suggestion: a rate.
        title: of the figure.
    """
    with styled_figure(7.2, 4.0, title) as figure:
        axes = figure.add_subplot()
        x, y, color = drawn(rates), drawn(smoothed), PALETTE[0]
        axes.set_xscale("log")
        axes.set_xlim(*logarithmic_limits(x[0], x[-1]))
        plain_logarithmic(axes.xaxis)
        axes.plot(x, drawn(losses), color=color, linewidth=0.8, alpha=0.4, label="as it came")
        # Of a single rate, a line would show nothing.
        marker = "o" if len(x) == 1 else None
        axes.plot(x, y, color=color, linewidth=1.8, marker=marker, label="smoothed")
        axes.axvline(
            float(drawn(suggestion)),
            color=INK,
            linestyle="--",
            linewidth=1.2,
            label=f"suggested: {suggestion:.3g}",
        )
        # One spike of a single sample would press the curve to the floor.
        low, high = y.min(), y.max()
        margin = 0.1 * (high - low) or max(1.0, 0.1 * abs(high))
        axes.set_ylim(low - margin, high + margin)
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss before each update")
        axes.grid(axis="y")
        axes.legend(loc="best")
        return png_bytes(figure)
