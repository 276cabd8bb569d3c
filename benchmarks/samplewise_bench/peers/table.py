"""A comparison of peers as cells of tables and the text around them."""

from __future__ import annotations

from collections.abc import Sequence

from samplewise.checks import printable
from samplewise.report.wording import three_digits
from samplewise_bench.calibration import SQUARE
from samplewise_bench.peers.results import REFUSED, Comparison, Entry, PeerInfo, Result
from samplewise_bench.timing import Spread

PEER_HEADERS = ("peer", "version", "import s", "")
LEGEND = """\
ms, us: median wall time (min..max) of a whole training from fresh weights, losses included, or \
of one prediction; data are converted and programs compiled before. Rounds are taken in turns, \
and are fewer where runs take long.
core: processor time over wall time. Below 100 % a core, other work took the rest meanwhile, and \
the times are too long by as much.
against samplewise: how many times slower or faster than the line marked "baseline", which is \
what samplewise does by itself.
gemm: rate of the textbook's matrix products, as a share of that of one large product on the \
same cores in the same run; above 100 % where a plan needs fewer products.
off by: what differs most from a run in float64, and what may: 100 times what moving the first \
weights by one unit in the last place does."""


def headers(result: Result) -> tuple[str, ...]:
    """Return the heads of a result's columns."""
    unit = "us" if result.calls else "ms"
    return (
        *("peer", f"{unit} (min..max)", "rounds", "core", "against samplewise"),
        *("gemm", "compile s", "off by (allowed)"),
    )


def cells(entry: Entry, result: Result) -> tuple[str, ...]:
    """Return a line of a result's table; what has no time says why beside its name."""
    if entry.spread is None:
        return f"{entry.label}: {entry.state}", *["-"] * 7
    return (
        entry.label,
        str(_spread(entry.spread, 1e3 if result.calls else 1.0)),
        str(entry.rounds),
        "-" if entry.core_share is None else f"{entry.core_share:.0%}",
        against(entry, result),
        "-" if entry.of_floor is None else f"{entry.of_floor:.1%}",
        "-" if entry.compile_s is None else f"{entry.compile_s:.2f}",
        f"{entry.difference:.1e} ({entry.allowed:.1e})",
    )


def _spread(spread: Spread, factor: float) -> Spread:
    return Spread(spread.median_ms * factor, spread.min_ms * factor, spread.max_ms * factor)


def against(entry: Entry, result: Result) -> str:
    """Return the ratio to the baseline in words."""
    if entry.label == result.baseline:
        return "baseline"
    if entry.ratio is None:
        return "-"
    if f"{entry.ratio:.2f}" == "1.00":
        return "as fast"
    if entry.ratio < 1:
        return f"{three_digits(1 / entry.ratio)} x faster"
    return f"{three_digits(entry.ratio)} x slower"


def notes(result: Result) -> list[str]:
    """Return what must be said of single lines of a result."""
    told = [
        f"{entry.label}: {entry.state + ', ' if entry.state == REFUSED else ''}{entry.note}"
        for entry in result.entries
        if entry.note
    ]
    return [printable(line) for line in [*told, *filter(None, [result.note])]]


def title(result: Result) -> str:
    """Return the workload with the floor of its matrix products."""
    if result.floor_ms is None:
        return result.title
    return f"{result.title}; floor of the textbook's products {three_digits(result.floor_ms)} ms"


def peer_cells(info: PeerInfo) -> tuple[str, ...]:
    """Return a line of the table of peers."""
    if info.absent:
        return info.name, "not installed", "-", f"{info.install}  ({printable(info.absent)})"
    return info.name, info.version, three_digits(info.import_s or 0.0), ""


def machine(comparison: Comparison) -> list[tuple[str, str]]:
    """Return what the figures were taken on, as pairs."""
    found, rate = comparison.conditions, comparison.calibration.gflops[SQUARE]
    pinned = found["pinned_to"]
    load = found["load_average"]
    return [
        ("processor", found["processor"]),
        ("cores", "not pinned" if pinned is None else f"one, pinned to core {pinned[0]}"),
        ("large matrix product", f"{three_digits(rate)} GFLOP/s in {comparison.dtype} ({SQUARE})"),
        ("load when it began", "unknown" if load is None else f"{load:.2f}"),
        ("platform", found["platform"]),
        ("versions", ", ".join(f"{name} {v}" for name, v in found["versions"].items())),
    ]


def markdown(comparison: Comparison, picture: str) -> str:
    """Return the comparison as Markdown, with a picture beside it."""
    parts = [
        "# samplewise beside other libraries",
        f"Each on the same network, data, weights, order and steps, in {comparison.dtype}.",
        f"![times on a logarithmic axis]({picture})",
    ]
    for result in comparison.results:
        lines = [cells(entry, result) for entry in result.entries]
        parts += [f"## {title(result)}", _grid(headers(result), lines)]
        parts += [f"- {line}" for line in notes(result)]
    parts += ["## Peers", _grid(PEER_HEADERS, [peer_cells(info) for info in comparison.peers])]
    parts += ["## How to read it", *LEGEND.split("\n")]
    parts += ["## The machine", _grid(("", ""), machine(comparison))]
    return "\n\n".join(parts) + "\n"


def _grid(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    from samplewise.report.markdown import escape

    lines = [map(escape, header), ["---"] * len(header), *(map(escape, row) for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)
