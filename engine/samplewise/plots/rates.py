"""The loss while the learning rate grows."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.plots.figures import INK, PALETTE, plain_logarithmic, png_bytes, styled_figure


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
        axes.plot(rates, losses, color=PALETTE[0], linewidth=0.8, alpha=0.4, label="as it came")
        axes.plot(rates, smoothed, color=PALETTE[0], linewidth=1.8, label="smoothed")
        axes.axvline(
            suggestion,
            color=INK,
            linestyle="--",
            linewidth=1.2,
            label=f"suggested: {suggestion:.3g}",
        )
        axes.set_xscale("log")
        plain_logarithmic(axes.xaxis)
        # One spike of a single sample would press the curve to the floor.
        low, high = min(smoothed), max(smoothed)
        margin = 0.1 * (high - low) or 1.0
        axes.set_ylim(low - margin, high + margin)
        axes.set_xlabel("learning rate")
        axes.set_ylabel("loss before each update")
        axes.grid(axis="y")
        axes.legend(loc="best")
        return png_bytes(figure)
