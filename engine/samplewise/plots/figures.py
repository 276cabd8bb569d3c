"""Loss curves, confusion matrices and predicted images, drawn without pyplot or a screen."""

from __future__ import annotations

import io
import itertools
import math
import textwrap
from collections.abc import Mapping, Sequence
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import matplotlib as mpl
import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.ticker import LogFormatterSciNotation, MaxNLocator
from numpy.typing import NDArray

from samplewise.checks import printable
from samplewise.plots.fonts import cells, drawable, families, quiet
from samplewise.plots.limits import drawn

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from matplotlib.axes import Axes
    from matplotlib.axis import Axis

DPI = 120
# Mean width of a character at the edge of a confusion matrix, in inches.
CHARACTER = 0.09
# Of the title, in bold 12 point.
CHARACTERS_PER_INCH, TITLE_LINE = 8.6, 0.2
INK, QUIET, GRID = "#1f2430", "#5b6270", "#e3e6eb"
# Okabe and Ito's palette without its yellow, which is too pale for a line on white.
PALETTE = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9")
WRONG = "#b34700"
MARKERS = "os^Dv*"
DASHES = ("-", "--", ":", "-.")
MARKED_EPOCHS = 10
LONGEST_NAME, LONGEST_TITLE = 18, 78
# Beyond these many classes, numbers in the cells and names at the edges would overlap.
MOST_COUNTS, MOST_NAMES = 16, 32
MOST_IN_ROW = 5

_STYLE: dict[str, Any] = {
    "font.size": 10,
    # Names come from files: "$" in one must not start a formula.
    "text.parse_math": False,
    "text.color": INK,
    "axes.labelcolor": QUIET,
    "axes.edgecolor": QUIET,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.grid": False,
    "grid.color": GRID,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "figure.facecolor": "white",
    "legend.frameon": False,
}


def loss_curves(
    curves: Mapping[str, Sequence[float]],
    title: str,
    runs: Mapping[str, Sequence[Sequence[float]]] | None = None,
    *,
    best_epoch: int | None = None,
) -> bytes:
    """Return a PNG of losses against epochs, one curve a name.

    Args:
        curves: the loss of each epoch, from epoch 1 on; finite; at least one curve.
        title: of the figure.
        runs: the runs that a curve is the mean of, by its name; thin lines behind it.
        best_epoch: whose weights were kept, as a vertical line; None draws none.
    """
    with styled_figure(7.2, 4.0, title, curves) as figure:
        axes = figure.add_subplot()
        strokes = zip(itertools.cycle(PALETTE), itertools.cycle(MARKERS), strict=False)
        means = []
        for number, ((name, losses), (color, marker)) in enumerate(
            zip(curves.items(), strokes, strict=False)
        ):
            epochs = range(1, len(losses) + 1)
            for of_run in (runs or {}).get(name, ()):
                axes.plot(epochs, drawn(of_run), color=color, linewidth=0.8, alpha=0.4, zorder=1.5)
            means += axes.plot(
                epochs,
                drawn(losses),
                color=color,
                linestyle=DASHES[number // len(PALETTE) % len(DASHES)],
                linewidth=1.8,
                marker=marker,
                markersize=4.5,
                # A mark at every one of forty epochs would hide the curve.
                markevery=max(1, len(losses) // MARKED_EPOCHS),
            )
        axes.set_xlabel("epoch")
        axes.set_ylabel("mean loss of the epoch")
        axes.xaxis.set_major_locator(MaxNLocator(integer=True, min_n_ticks=1))
        axes.set_xlim(left=max(0.5, axes.get_xlim()[0]))
        # Poisson's loss may be negative.
        axes.set_ylim(bottom=min(0.0, axes.get_ylim()[0]))
        axes.grid(axis="y")
        names = [_short(name, 2 * LONGEST_NAME) for name in curves]
        if best_epoch is not None:
            means.append(axes.axvline(best_epoch, color=QUIET, linestyle=":", linewidth=1.2))
            names.append(f"weights kept:\nepoch {best_epoch}")
        figure.legend(means, names, loc="outside right center", handlelength=2.4)
        return png_bytes(figure)


def confusion(counts: NDArray[np.integer[Any]], class_names: Sequence[str], title: str) -> bytes:
    """Return a PNG of a confusion matrix, each cell shaded by its share of the true class.

    Args:
        counts: [true class, predicted class], shape (classes, classes).
        class_names: one for each class.
        title: of the figure.
    """
    classes = len(class_names)
    names = [_short(name, LONGEST_NAME) for name in class_names]
    longest = max(map(cells, names))
    side = min(max(0.55 * classes, 2.3), 7.5)
    label = CHARACTER * longest
    slanted = label > side / classes
    height = side + (0.65 * label if slanted else 0.0) + 1.1
    with styled_figure(side + label + 0.9, height, title, class_names) as figure:
        axes = figure.add_subplot()
        shares = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1)
        image = axes.imshow(shares, cmap="Blues", vmin=0, vmax=1)
        if classes <= MOST_COUNTS:
            _write_counts(axes, counts, shares)
        else:
            figure.colorbar(image, ax=axes, fraction=0.05, pad=0.03, format="{x:.0%}")
        if classes <= MOST_NAMES:
            name_ticks(axes, names, names, slanted=slanted)
        axes.tick_params(length=0)
        axes.spines[:].set_color(GRID)
        axes.spines[:].set_visible(True)
        axes.set_xlabel("predicted class")
        axes.set_ylabel("true class")
        return png_bytes(figure)


def name_ticks(axes: Axes, columns: Sequence[str], rows: Sequence[str], *, slanted: bool) -> None:
    """Write the names of columns below an image, and of rows beside it."""
    turn: dict[str, Any] = {"rotation": 40, "ha": "right", "rotation_mode": "anchor"}
    axes.set_xticks(range(len(columns)), columns, **(turn if slanted else {}))
    axes.set_yticks(range(len(rows)), rows)


def predicted_images(
    images: NDArray[Any],
    captions: Sequence[str],
    title: str,
    wrong: Sequence[bool] | None = None,
) -> bytes:
    """Return a PNG of grey images in a grid, a caption below each.

    Args:
        images: shape (k, height, width), at least one; larger is lighter.
        captions: one for each image; may hold line feeds.
        title: of the figure.
        wrong: whether the prediction of each image is wrong: its caption is then coloured.
    """
    columns = min(len(images), MOST_IN_ROW)
    rows = math.ceil(len(images) / columns)
    lines = max(caption.count("\n") for caption in captions) + 1
    # A single image would be narrower than its own title.
    width = max(1.5 * columns, 3.2) + 0.2
    with styled_figure(width, rows * (1.4 + 0.18 * lines) + 0.6, title, captions) as figure:
        cells = figure.subplots(rows, columns, squeeze=False).ravel()
        images = drawn(images)
        darkest, lightest = min(0.0, float(images.min())), float(images.max())
        for axes in cells:
            axes.axis("off")
        for position, (image, caption) in enumerate(zip(images, captions, strict=True)):
            cells[position].imshow(image, cmap="gray", vmin=darkest, vmax=lightest)
            bad = wrong is not None and wrong[position]
            _write_caption(cells[position], caption, lines, bad=bad)
        return png_bytes(figure)


def _write_caption(axes: Axes, caption: str, lines: int, *, bad: bool) -> None:
    text = [_short(line, LONGEST_NAME) for line in caption.split("\n")]
    axes.set_title(
        # Every caption takes the same height, so that the images of a row stay level.
        "\n".join(text + [""] * (lines - len(text))),
        loc="center",
        y=-0.05,
        pad=0,
        va="top",
        fontsize=9.5,
        color=WRONG if bad else INK,
        fontweight="bold" if bad else "normal",
    )


def _write_counts(
    axes: Axes, counts: NDArray[np.integer[Any]], shares: NDArray[np.float64]
) -> None:
    for true, predicted in np.ndindex(*counts.shape):
        share = shares[true, predicted]
        color = "white" if share > 0.55 else INK if share > 0 else "#9aa1ac"
        text = f"{counts[true, predicted]:,}"
        cell = axes.text(predicted, true, text, ha="center", va="center", color=color)
        # It lies inside the axes; measuring a hundred of them for the layout takes 0.1 s.
        cell.set_in_layout(False)


def _short(text: str, longest: int) -> str:
    """Return a text that can be drawn, of at most so many Latin letters' width."""
    safe = drawable(printable(text))
    if cells(safe) <= longest:
        return safe
    widths = itertools.accumulate(map(cells, safe))
    return safe[: sum(width < longest for width in widths)] + "…"


class PlainLogFormatter(LogFormatterSciNotation):
    """Marks a logarithmic axis as "0.01" and "300": formulas are not drawn in the house style."""

    def __call__(self, x: float, pos: int | None = None) -> str:
        """Return the text of a tick; "" where the ticks stand too close for one."""
        # Of many decades, the tick after the last one may be beyond all numbers.
        return f"{x:g}" if math.isfinite(x) and super().__call__(x, pos) else ""


def plain_logarithmic(axis: Axis) -> None:
    """Give plain numbers to an axis that is logarithmic already."""
    axis.set_major_formatter(PlainLogFormatter())
    axis.set_minor_formatter(PlainLogFormatter())


@contextmanager
def styled_figure(
    width: float, height: float, title: str, names: Iterable[str] = ()
) -> Iterator[Figure]:
    """Give a figure in the house style, whatever the user's matplotlibrc says.

    Args:
        width: inches.
        height: inches, with a title of one line.
        title: broken into lines where the figure ends.
        names: all that else comes from data, such as classes: fonts are found that have them.
    """
    style: Any = {**dict(mpl.rcParamsDefault), **_STYLE, "font.family": families(title, *names)}
    # Naming a backend here would load it.
    del style["backend"]
    short = _short(title, LONGEST_TITLE)
    wide = cells(short) / max(len(short), 1)
    lines = textwrap.wrap(short, int(width * CHARACTERS_PER_INCH / max(wide, 1)))
    # An axis of extreme numbers tries ticks beyond the largest one, and leaves them out.
    with mpl.rc_context(style), quiet(), np.errstate(all="ignore"):
        figure = Figure(figsize=(width, height + TITLE_LINE * (len(lines) - 1)), dpi=DPI)
        figure.set_layout_engine("constrained", w_pad=0.1, h_pad=0.1)
        figure.suptitle("\n".join(lines), x=0.02, ha="left", size=12, weight="bold")
        FigureCanvasAgg(figure)
        yield figure


def png_bytes(figure: Figure, dpi: int = DPI) -> bytes:
    """Return a figure as a PNG whose bytes follow from the drawing alone."""
    content = io.BytesIO()
    # A software entry would change with matplotlib's version.
    figure.savefig(content, format="png", dpi=dpi, metadata={"Software": None})
    return content.getvalue()
