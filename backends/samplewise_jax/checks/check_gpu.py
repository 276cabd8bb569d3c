"""Is the backend right and fast on a graphics processor? About two minutes, in check_gpu.sh.

    check_gpu.sh [--cpu-only] [--out FOLDER]

It certifies a sample of the capabilities, holds some of the report's networks and a small CNN to
`reference`, and times five works on the GPU, with JAX on the CPU and with numba_cpu. FOLDER gets
check.json and check.md. The exit code is 1 where something is wrong, and 3 without a GPU.
"""

from __future__ import annotations

import argparse
import json
import sys
import warnings
from collections.abc import Iterator
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import agreement
import times

from samplewise import registry
from samplewise.contract import Capabilities
from samplewise.errors import UnavailableBackendError
from samplewise.report.experiments import PART_ONE, PART_TWO
from samplewise.testing import certify

WRONG, NO_GPU = 1, 3
GPU, CPU = "gpu:0", "cpu"
NUMBA = ("numba_cpu", CPU)
# XLA takes a second for each network, so a few capabilities and one rung are certified.
RUNGS = ("epoch",)
SAMPLE = Capabilities.of(
    layers=["dense"],
    activations=["identity", "tanh"],
    losses=["categorical_cross_entropy"],
    optimizers=["sgd"],
    dtypes=["float32"],
)
ROWS = ((PART_ONE, "neurons-5"), (PART_ONE, "final-1"), (PART_TWO, "optimal"), (PART_TWO, "cnn"))
# Of the rows; the reference trains them one by one.
HELD_OUT = 0.9


class Sampled:
    """The backend on a device with few capabilities."""

    def __init__(self, device: str) -> None:
        self._backend = registry.load("jax", device)
        offered = self._backend.capabilities
        self.capabilities = replace(
            SAMPLE, device=offered.device, deterministic=offered.deterministic
        )

    def __getattr__(self, name: str) -> Any:
        return getattr(self._backend, name)


def agreements(device: str) -> Iterator[agreement.Agreement]:
    """Yield how near the losses of the report's rows are to the reference's after an epoch."""
    for part, row in ROWS:
        for name, training in agreement.trainings(part, agreement.SYNTHETIC, 1, split=HELD_OUT):
            if name.endswith(f", {row}"):
                yield agreement.agreement(name, training, "jax", device)


def checked(device: str) -> dict[str, Any]:
    """Return the results on a device as JSON values; `right` says whether all is."""
    certificate = certify(Sampled(device), rungs=list(RUNGS))
    near = list(agreements(device))
    columns = [("jax", device), *([("jax", CPU)] if device != CPU else []), NUMBA]
    return {
        "device": registry.load("jax", device).capabilities.device,
        "kernels": getattr(registry.load("jax", device), "kernels", ""),
        "right": certificate.passed and all(found.share <= 1 for found in near),
        "certificate": str(certificate),
        "agreement": [asdict(found) for found in near],
        "columns": [" on ".join(column) for column in columns],
        "epoch_ms": {work: list(each.values()) for work, each in times.times(columns)},
    }


def markdown(found: dict[str, Any]) -> str:
    """Return the results as a page."""
    columns = found["columns"]
    rows = [
        f"| {work} | {' | '.join(map(times.cell, each))} |"
        for work, each in found["epoch_ms"].items()
    ]
    near = [
        f"| {one['row']} | {one['difference']:.1e} | {one['share']:.2g} | {one['compared']} |"
        for one in found["agreement"]
    ]
    return "\n".join(
        [
            f"# jax on {found['device']}: {'right' if found['right'] else 'WRONG'}\n",
            f"{found['kernels']}\n",
            "## Losses beside the reference's\n",
            "| row | largest difference | of what is allowed | compared |\n|---|---|---|---|",
            *near,
            "\n## Wall time of an epoch in ms: median (smallest to largest) of turns, float32\n",
            f"| work | {' | '.join(columns)} |\n|---|{'---|' * len(columns)}",
            *rows,
            f"\n## Certificate of a sample\n\n```text\n{found['certificate']}\n```\n",
        ]
    )


def main() -> int:
    """Check, write and print; return the exit code."""
    reader = argparse.ArgumentParser(prog="check_gpu.sh", description=__doc__)
    reader.add_argument("--cpu-only", action="store_true", help="the columns of the CPU alone")
    reader.add_argument("--out", type=Path, default=Path("gpu-check"), metavar="FOLDER")
    given = reader.parse_args()
    warnings.simplefilter("ignore")
    device = CPU if given.cpu_only else GPU
    try:
        registry.load("jax", device)
    except UnavailableBackendError as error:
        print(f"nothing was checked: {error}")
        return NO_GPU
    found = checked(device)
    given.out.mkdir(parents=True, exist_ok=True)
    given.out.joinpath("check.json").write_text(json.dumps(found, indent=2), encoding="utf-8")
    page = markdown(found)
    given.out.joinpath("check.md").write_text(page, encoding="utf-8")
    print(page)
    return 0 if found["right"] else WRONG


if __name__ == "__main__":
    sys.exit(main())
