"""Times of several libraries as bars on a logarithmic axis, a panel a piece of work."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from matplotlib.lines import Line2D
from matplotlib.patches import Patch
from matplotlib.ticker import FuncFormatter, NullFormatter
from PIL import Image

from samplewise.plots.figures import GRID, INK, PALETTE, QUIET, png_bytes, styled_figure
from samplewise_bench.peers.table import against
from samplewise_bench.peers.task import OWN

if TYPE_CHECKING:
    from collections.abc import Mapping

    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

    from samplewise_bench.peers.results import PeerComparison, WorkloadResult

WIDTH, BAR, FRAME = 8.0, 0.24, 0.75
# More panels than this stand in two columns.
MOST_BELOW_ONE_ANOTHER = 3
# A bar starts at this share of the shortest time; the texts end beyond the longest by the other.
BELOW, BEYOND = 0.6, 12.0
# So that the floor's line does not strike out the text beyond a bar.
BEHIND_TEXT = {"facecolor": "white", "edgecolor": "none", "pad": 0.6}
FLOOR = "matrix products alone, at this core's best rate"
# Enough for text and bars; the whole comparison then takes a fifth of the bytes.
DPI, COLORS = 96, 16


def picture(comparison: PeerComparison) -> bytes:
    """Return a PNG of panels below one another, or in two columns where there are many."""
    shown = [result for result in comparison.results if result.timed]
    peers = list(dict.fromkeys(entry.peer for result in shown for entry, _ in result.timed))
    colors = {peer: PALETTE[number % len(PALETTE)] for number, peer in enumerate(peers)}
    across = 1 if len(shown) <= MOST_BELOW_ONE_ANOTHER else 2
    rows = [shown[start : start + across] for start in range(0, len(shown), across)]
    heights = [BAR * max(len(result.timed) for result in row) + FRAME for row in rows]
    title = f"samplewise beside other libraries, {comparison.dtype}; shorter is better"
    with styled_figure(WIDTH * across, sum(heights) + 1.0, title) as figure:
        if rows:
            grid = figure.subplots(len(rows), across, squeeze=False, height_ratios=heights).ravel()
            for axes, result in zip(grid, shown, strict=False):
                _draw(axes, result, colors)
            for axes in grid[len(shown) :]:
                axes.axis("off")
            keys: list[Artist] = [Patch(color=color) for color in colors.values()]
            keys.append(Line2D([], [], color=QUIET, linestyle="--", linewidth=1.2))
            names = [*colors, FLOOR]
            figure.legend(keys, names, loc="outside lower center", ncols=len(names))
        return few_colors(png_bytes(figure, DPI))


def few_colors(png: bytes) -> bytes:
    """Return a PNG as one with a palette of `COLORS`."""
    content = io.BytesIO()
    with Image.open(io.BytesIO(png)) as image:
        flat = image.convert("RGB")
        flat = flat.quantize(COLORS, Image.Quantize.FASTOCTREE, dither=Image.Dither.NONE)
        flat.save(content, "PNG", optimize=True)
    return content.getvalue()


def _draw(axes: Axes, result: WorkloadResult, colors: Mapping[str, str]) -> None:
    entries, times = zip(*result.timed, strict=True)
    places = range(len(entries))
    axes.barh(
        places,
        [each.median_ms for each in times],
        color=[colors[entry.peer] for entry in entries],
        xerr=[
            [each.median_ms - each.min_ms for each in times],
            [each.max_ms - each.median_ms for each in times],
        ],
        error_kw={"ecolor": QUIET, "elinewidth": 1},
        height=0.72,
    )
    axes.set_xscale("log")
    floor = [] if result.floor_ms is None else [result.floor_ms]
    least = min([*(each.min_ms for each in times), *floor])
    axes.set_xlim(BELOW * least, BEYOND * max(each.max_ms for each in times))
    for place, (entry, each) in enumerate(result.timed):
        text = f"  {_plain(each.median_ms)} {result.unit}   {against(entry, result)}"
        axes.text(each.max_ms, place, text, va="center", color=INK, size=8.5, bbox=BEHIND_TEXT)
    for value in floor:
        axes.axvline(value, color=QUIET, linestyle="--", linewidth=1.2, zorder=1.5)
    names = [entry.way if entry.peer == OWN else entry.label for entry in entries]
    axes.set_yticks(places, names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)
    axes.set_title(result.title, loc="left", size=10, color=INK)
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{_plain(value)} {result.unit}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.set_axisbelow(True)
    axes.grid(axis="x", color=GRID)


def _plain(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"
