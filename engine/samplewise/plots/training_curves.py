"""Loss and accuracy of training and validation, side by side."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.ticker import MaxNLocator, PercentFormatter

from samplewise.plots.figures import PALETTE, png_bytes, styled_figure
from samplewise.plots.limits import drawn

if TYPE_CHECKING:
    from matplotlib.axes import Axes

Runs = Sequence[Sequence[float]]
"""A curve of each run: one value an epoch, all of one length, at least one run."""


def training_curves(
    losses: Mapping[str, Runs], accuracies: Mapping[str, Runs], title: str
) -> bytes:
    """Return a PNG of two panels, losses and accuracies against epochs.

    The mean of the runs is a thick line, each run a thin one behind it.

    Args:
        losses: of all runs on the rows trained on, and on the validation rows, by name; finite.
        accuracies: likewise, in [0, 1].
        title: of the figure.
    """
    with styled_figure(9.0, 3.4, title) as figure:
        left, right = figure.subplots(1, 2)
        for axes, curves, label in ((left, losses, "mean loss"), (right, accuracies, "accuracy")):
            _draw(axes, curves)
            axes.set_xlabel("epoch")
            axes.set_ylabel(label)
            axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
            axes.grid(axis="y")
        left.set_ylim(bottom=0.0)
        # A little room, so that a curve at 100 % does not vanish behind the edge.
        right.set_ylim(right.get_ylim()[0], 1.01)
        right.yaxis.set_major_formatter(PercentFormatter(1.0))
        left.legend(loc="best")
        return png_bytes(figure)


def _draw(axes: Axes, curves: Mapping[str, Runs]) -> None:
    for (name, runs), color, dashes in zip(curves.items(), PALETTE, ("-", "--"), strict=False):
        epochs = range(1, len(runs[0]) + 1)
        # Of a single epoch, a line would show nothing.
        marker = "o" if len(epochs) == 1 else None
        for run in runs if len(runs) > 1 else ():
            axes.plot(epochs, drawn(run), color=color, linewidth=0.8, alpha=0.4)
        means = [sum(values) / len(values) for values in zip(*runs, strict=True)]
        axes.plot(
            epochs,
            drawn(means),
            color=color,
            linestyle=dashes,
            linewidth=1.8,
            marker=marker,
            label=name,
        )
