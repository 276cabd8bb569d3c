"""The folder that `samplewise bench --peers` leaves: Markdown, JSON and a picture."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path
from typing import Any

from samplewise.files import new_folder, write_bytes, write_text
from samplewise_bench.peers.results import Comparison, Result
from samplewise_bench.peers.table import against, markdown

PICTURE, MARKDOWN, RESULTS = "peers.png", "peers.md", "peers.json"
FILES = (PICTURE, MARKDOWN, RESULTS)
FORMAT = 1


def write_comparison(comparison: Comparison, folder: Path, *, force: bool) -> None:
    """Write a comparison to a folder, whole or not at all.

    Args:
        comparison: what was measured.
        folder: where; missing parents are made.
        force: replace the folder of an earlier comparison.

    Raises:
        OutputError: as `check_output_folder`, or the disk is full.
    """
    with new_folder(folder, force=force, known=FILES) as new:
        write_text(new / MARKDOWN, markdown(comparison, PICTURE))
        text = json.dumps(to_json(comparison), indent=2, allow_nan=False)
        write_text(new / RESULTS, text + "\n")
        write_bytes(new / PICTURE, picture(comparison))


def to_json(comparison: Comparison) -> dict[str, Any]:
    """Return all figures as JSON values, times in milliseconds."""
    calibration = comparison.calibration
    return {
        "format": FORMAT,
        "dtype": comparison.dtype,
        "rounds": comparison.rounds,
        "conditions": comparison.conditions,
        "peers": [dataclasses.asdict(info) for info in comparison.peers],
        "results": [dataclasses.asdict(result) for result in comparison.results],
        "calibration": {
            "gflops": {str(product): rate for product, rate in calibration.gflops.items()},
            "exp_per_us": calibration.exp_per_us,
        },
    }


def picture(comparison: Comparison) -> bytes:
    """Return the times as a PNG of bars."""
    from samplewise_bench.peers.plot import bars

    panels = [panel for result in comparison.results if (panel := _panel(result)) is not None]
    title = f"samplewise beside other libraries, {comparison.dtype}; shorter is better"
    return bars(panels, title, "matrix products alone, at this core's best rate")


def _panel(result: Result) -> Any:
    from samplewise_bench.peers.plot import Bar, Panel

    scale = 1e3 if result.calls else 1.0
    timed = [entry for entry in result.entries if entry.spread is not None]
    shown = [
        Bar(
            entry.way if entry.peer == "samplewise" else entry.label,
            entry.peer,
            entry.spread.median_ms * scale,
            entry.spread.min_ms * scale,
            entry.spread.max_ms * scale,
            against(entry, result),
        )
        for entry in timed
        if entry.spread is not None
    ]
    floor = result.floor_ms
    return Panel(result.title, "us" if result.calls else "ms", shown, floor) if shown else None
