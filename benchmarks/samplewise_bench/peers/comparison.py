"""The comparison: every peer on every piece of work, on one core, one thread each."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from samplewise.contract.plan import AUTO_PLAN, PLANS
from samplewise.errors import ParameterError
from samplewise.registry import PREFERENCE
from samplewise.threads import limited
from samplewise_bench.calibration import SQUARE, calibrate
from samplewise_bench.conditions import conditions, one_core
from samplewise_bench.peers.race import Peers, run_race
from samplewise_bench.peers.results import Comparison, Result, finished
from samplewise_bench.peers.task import OWN, PEERS
from samplewise_bench.peers.workloads import DTYPE, WORKLOADS, Workload
from samplewise_bench.timing import ROUNDS

# Processes that want a core, at rest. More of them take time from what is measured.
BUSY = 0.5


@dataclass(frozen=True)
class Choice:
    """What takes part; empty means all.

    Args:
        workloads: names of `WORKLOADS`.
        peers: names of `task.PEERS`.
        plans: of samplewise, names of `PLANS` or "auto".
        backends: of samplewise.
    """

    workloads: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()

    def wants(self, peer: str, way: str) -> bool:
        """Whether a way of a peer takes part."""
        if peer != OWN:
            return True
        backend, plan, *_ = way.split(" ")
        has_plan = plan in (*PLANS, AUTO_PLAN)
        return (not self.backends or backend in self.backends) and (
            not self.plans or not has_plan or plan in self.plans
        )


def compare_peers(
    choice: Choice | None = None,
    *,
    rounds: int = ROUNDS,
    workloads: Mapping[str, Workload] = WORKLOADS,
    told: Callable[[str], None] = lambda _: None,
) -> Comparison:
    """Compare peers on workloads: first that they agree, then how long they take.

    Each peer is a process that is kept on the same core, and only one of them works at a time.

    Args:
        choice: what takes part; None means all.
        rounds: turns of each, fewer for those whose runs take long.
        workloads: by name.
        told: is told what happens, a line at a time.
    """
    choice = choice or Choice()
    cores, load = usable_cores(), load_average()
    results, calibrations = [], []
    if load is not None and load > BUSY:
        told(f"this machine is busy (load {load:.1f}): times will be too long, and vary")
    with one_core(), ExitStack() as stack, limited(1):
        peers = Peers(cores, stack)
        for name in choice.workloads or tuple(workloads):
            workload = workloads[name]
            told(f"{name}: {workload.title}")
            task = workload.build()
            if task.cores > len(cores):
                told(f"  left out: it takes {task.cores} cores, and there is {len(cores)}")
                continue
            calibrations.append(calibrate(DTYPE))
            names = [p for p in choice.peers or tuple(PEERS) if p in workload.peers]
            raw = Result(name, workload.title, task.cores, task.calls, task.flops, ())
            try:
                entries = run_race(task, names, peers, choice.wants, rounds, told)
                results.append(replace(raw, entries=tuple(entries)))
            except ParameterError as error:
                # As where it is too chaotic to tell right from wrong; the others must not be lost.
                told(f"  {error}")
                results.append(replace(raw, note=str(error)))
        # Other work slows a measurement of the core, and would raise the shares reached.
        best = max(calibrations, default=None, key=lambda found: found.gflops[SQUARE])
        best = best or calibrate(DTYPE)
        done = tuple(finished(result, best, PREFERENCE) for result in results)
        found = {**conditions(), "load_average": load}
        return Comparison(DTYPE, rounds, peers.infos, done, best, found)


def usable_cores() -> list[int]:
    """Return the numbers of the cores that this process may use, ascending."""
    if hasattr(os, "sched_getaffinity"):
        return sorted(os.sched_getaffinity(0))
    return list(range(os.cpu_count() or 1))


def load_average() -> float | None:
    """Return how many processes wanted a core over the last minute, None where nobody counts."""
    try:
        return os.getloadavg()[0]
    except (AttributeError, OSError):
        return None
