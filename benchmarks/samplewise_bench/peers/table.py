"""A comparison of peers as tables and the text around them, as Markdown, and as JSON values."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from samplewise.checks import printable
from samplewise.report.markdown import grid
from samplewise.text import three_digits
from samplewise_bench.calibration import SQUARE
from samplewise_bench.conditions import load_in_words
from samplewise_bench.output import cell
from samplewise_bench.peers.results import (
    REFUSED,
    PeerComparison,
    PeerEntry,
    PeerInfo,
    WorkloadResult,
)

FORMAT = 2
PEER_HEADERS = ("peer", "version", "import s", "")
LEGEND = """\
process: median wall time (min..max) of a whole new process, from its start to its end: the \
interpreter, imports, conversion of data, compiling and training.
call: of the public call on NumPy arrays, in a process that has done it before.
first epoch: from the start of a process to the end of one that trains a single epoch.
inside: of all steps from fresh weights, losses included; data are converted and programs \
compiled before. Predictions have this clock alone, of one of them. Rounds are taken in turns, \
and are fewer where runs take long.
core: processor time over wall time. Below 100 % a core, other work took the rest meanwhile, and \
the times are too long by as much.
against samplewise: how many times slower or faster the call is than that of the line marked \
"baseline", which is what samplewise does by itself.
gemm: inside, rate of the textbook's matrix products, as a share of that of one large product on \
the same cores in the same run; above 100 % where a plan needs fewer products.
off by: what differs most from a run in float64, and what may: 100 times what moving the first \
weights by one unit in the last place does."""


def headers(result: WorkloadResult) -> tuple[str, ...]:
    """Return the heads of a result's columns."""
    return (
        *("peer", "process s (min..max)", "call ms (min..max)", "first epoch s"),
        *("against samplewise", f"inside {result.unit} (min..max)", "rounds", "core"),
        *("gemm", "compile s", "off by (allowed)"),
    )


def cells(entry: PeerEntry, result: WorkloadResult) -> tuple[str, ...]:
    """Return a line of a result's table; an entry without a time has the reason in its name."""
    if entry.spread is None:
        return f"{entry.label}: {entry.state}", *["-"] * (len(headers(result)) - 1)
    return (
        entry.label,
        cell(entry.process, lambda process: str(process.scaled(1e-3))),
        cell(entry.call),
        cell(entry.first_epoch_s, three_digits),
        against(entry, result),
        str(entry.spread.scaled(result.scale)),
        str(entry.rounds),
        cell(entry.core_share, "{:.0%}".format),
        cell(entry.of_floor, "{:.1%}".format),
        cell(entry.compile_s, "{:.2f}".format),
        f"{entry.difference:.1e} ({entry.allowed:.1e})",
    )


def against(entry: PeerEntry, result: WorkloadResult) -> str:
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


def notes(result: WorkloadResult) -> list[str]:
    """Return the notes to single lines of a result."""
    lines = [
        f"{entry.label}: {entry.state + ', ' if entry.state == REFUSED else ''}{entry.note}"
        for entry in result.entries
        if entry.note
    ]
    return [printable(line) for line in [*lines, *filter(None, [result.note])]]


def title(result: WorkloadResult) -> str:
    """Return the workload with the floor of its matrix products."""
    if result.floor_ms is None:
        return result.title
    return f"{result.title}; floor of the textbook's products {three_digits(result.floor_ms)} ms"


def peer_cells(info: PeerInfo) -> tuple[str, ...]:
    """Return a line of the table of peers."""
    if info.absent:
        return info.name, "not installed", "-", f"{info.install}  ({printable(info.absent)})"
    return info.name, info.version, three_digits(info.import_s or 0.0), ""


def machine(comparison: PeerComparison) -> list[tuple[str, str]]:
    """Return the machine that the figures were taken on, as pairs."""
    found, rate = comparison.conditions, comparison.calibration.gflops[SQUARE]
    pinned = found["pinned_to"]
    return [
        ("processor", found["processor"]),
        ("cores", "not pinned" if pinned is None else f"one, pinned to core {pinned[0]}"),
        ("large matrix product", f"{three_digits(rate)} GFLOP/s in {comparison.dtype} ({SQUARE})"),
        ("load when it began", load_in_words(found)),
        ("platform", found["platform"]),
        ("versions", ", ".join(f"{name} {v}" for name, v in found["versions"].items())),
    ]


def markdown(comparison: PeerComparison, picture: str) -> str:
    """Return the comparison as Markdown that shows a picture of this file name."""
    parts = [
        "# samplewise beside other libraries",
        f"Each on the same network, data, weights, order and steps, in {comparison.dtype}.",
        f"![times on a logarithmic axis]({picture})",
    ]
    for result in comparison.results:
        lines = [cells(entry, result) for entry in result.entries]
        parts += [f"## {title(result)}", grid(headers(result), lines, numbers=False)]
        parts += [f"- {line}" for line in notes(result)]
    parts += ["## Peers", grid(PEER_HEADERS, map(peer_cells, comparison.peers), numbers=False)]
    parts += ["## How to read it", *LEGEND.split("\n")]
    parts += ["## The machine", grid(("", ""), machine(comparison), numbers=False)]
    return "\n\n".join(parts) + "\n"


def to_json(comparison: PeerComparison) -> dict[str, Any]:
    """Return all figures as JSON values, times in milliseconds."""
    return {
        "format": FORMAT,
        **vars(comparison),
        "peers": [asdict(info) for info in comparison.peers],
        "results": [asdict(result) for result in comparison.results],
        "calibration": comparison.calibration.to_json(),
    }
