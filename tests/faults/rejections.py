"""Faults put into any backend, and the comparison that rejects each.

`PYTHONPATH=tests python -m faults.rejections jax` prints them as a table, and ends with 1 where
one is not rejected.
"""

from __future__ import annotations

import dataclasses
import sys
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass

from faults.capability_faults import capability_faults
from faults.catalogue import FAULTS, faulty_backend
from faults.frozen_faults import FROZEN_FAULTS, FrozenFaultBackend
from samplewise import registry
from samplewise.contract import Backend
from samplewise.network import SGD
from samplewise.testing import ladder
from samplewise.testing.cases import LONG_ROWS, Trial
from samplewise.testing.many import ManyCase


@dataclass(frozen=True)
class Fault:
    """A backend with a fault.

    Args:
        name: of the fault.
        backend: that has it.
        rungs: those that reject it.
    """

    name: str
    backend: Backend
    rungs: Collection[str]


def families(inner: str) -> Iterator[list[Fault]]:
    """Yield faults put into the backend `inner`; those of a list offer the same capabilities."""
    yield [Fault(name, faulty_backend(name, inner), rungs) for name, (_, rungs) in FAULTS.items()]
    yield [
        Fault(f"frozen layer: {name}", FrozenFaultBackend(name, program, inner), rungs)
        for name, (program, _, rungs) in FROZEN_FAULTS.items()
    ]
    offered = registry.load(inner).capabilities.names()
    yield [
        Fault(str(fault), dataclasses.replace(fault.backend, inner=inner), {fault.rung})
        for fault in capability_faults()
        if fault.everywhere or fault.need[1] in offered[fault.need[0]]
    ]


def rejections(faults: Sequence[Fault]) -> dict[str, str]:
    """Return fault -> rung, trial and comparison that rejects it, of those that are rejected.

    All faults climb one trial before any climbs the next: a backend that compiles networks then
    compiles each once.
    """
    found: dict[str, str] = {}
    for rung in ladder.RUNGS:
        left = [fault for fault in faults if rung in fault.rungs and fault.name not in found]
        for trial in _trials(left, rung):
            for fault in left:
                line = _rejection(fault.backend, rung, trial)
                if line:
                    found[fault.name] = line
            left = [fault for fault in left if fault.name not in found]
            if not left:
                break
    return found


def _trials(faults: Sequence[Fault], rung: str) -> list[Trial]:
    """Return the trials of a rung, those whose optimizer has options first; without long ones."""
    if not faults:
        return []
    trials = ladder.trials_of(rung, faults[0].backend.capabilities)
    return sorted(
        (trial for trial in trials if _first(trial).rows < LONG_ROWS),
        key=lambda trial: _first(trial).optimizer == SGD(),
    )


def _first(trial: Trial):
    return trial.case.members[0] if isinstance(trial.case, ManyCase) else trial.case


def _rejection(backend: Backend, rung: str, trial: Trial) -> str:
    measures = ladder.climb(backend, rung, trial.case, trial.plan)
    return next((f"{rung} rung, {trial}: {each}" for each in measures if not each.passed), "")


def main(inner: str) -> int:
    """Print the table of a backend; return the number of faults that nothing rejects."""
    accepted = 0
    sys.stdout.write("| fault | comparison |\n|---|---|\n")
    for faults in families(inner):
        found = rejections(faults)
        for fault in faults:
            line = found.get(fault.name, "nothing rejects it")
            sys.stdout.write(f"| {fault.name} | {line} |\n")
        sys.stdout.flush()
        accepted += len(faults) - len(found)
    return accepted


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1]), 1))
