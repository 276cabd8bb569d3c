"""The comparison: every peer on every piece of work, on one core, one thread each."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace

from samplewise.contract.plan import AUTO_PLAN, PLANS
from samplewise.errors import ParameterError
from samplewise.registry import PREFERENCE
from samplewise.threads import limited
from samplewise_bench.calibration import SQUARE, calibrate
from samplewise_bench.conditions import conditions, load_average, one_core, usable_cores
from samplewise_bench.peers.first_clocks import with_first_clocks
from samplewise_bench.peers.race import Peers, run_race
from samplewise_bench.peers.results import PeerComparison, WorkloadResult, finished
from samplewise_bench.peers.task import OWN, PEERS
from samplewise_bench.peers.workloads import DTYPE, WORKLOADS, PeerWorkload
from samplewise_bench.timing import ROUNDS

# Processes that want a core, at rest. More of them take time from the contestants.
BUSY = 0.5


@dataclass(frozen=True)
class PeerChoice:
    """The participants, by their names; empty means all. Plans and backends are samplewise's."""

    workloads: tuple[str, ...] = ()
    peers: tuple[str, ...] = ()
    plans: tuple[str, ...] = ()
    backends: tuple[str, ...] = ()

    def wants(self, peer: str, way: str) -> bool:
        """True if a way of a peer takes part."""
        if peer != OWN:
            return True
        backend, plan, *_ = way.split(" ")
        has_plan = plan in (*PLANS, AUTO_PLAN)
        return (not self.backends or backend in self.backends) and (
            not self.plans or not has_plan or plan in self.plans
        )


def compare_peers(
    choice: PeerChoice,
    *,
    rounds: int = ROUNDS,
    workloads: Mapping[str, PeerWorkload] = WORKLOADS,
    log: Callable[[str], None] = lambda _: None,
) -> PeerComparison:
    """Compare peers on workloads: first that they agree, then how long they take.

    Each peer is a process that is kept on the same core, and only one of them works at a time.
    """
    cores, load = usable_cores(), load_average()
    results, calibrations = [], []
    if load is not None and load > BUSY:
        log(f"this machine is busy (load {load:.1f}): times will be too long, and vary")
    with one_core(), ExitStack() as stack, limited(1):
        peers = Peers(cores, stack)
        for name in choice.workloads or tuple(workloads):
            workload = workloads[name]
            log(f"{name}: {workload.title}")
            task = workload.build()
            if task.cores > len(cores):
                log(f"  left out: it takes {task.cores} cores, and there is {len(cores)}")
                continue
            calibrations.append(calibrate(DTYPE))
            names = [p for p in choice.peers or tuple(PEERS) if p in workload.peers]
            raw = WorkloadResult(name, workload.title, task.cores, task.calls, task.flops, ())
            try:
                race = run_race(task, names, peers, choice.wants, rounds, log)
                entries = tuple(with_first_clocks(task, entry, log) for entry in race)
                results.append(replace(raw, entries=entries))
            except ParameterError as error:
                # As where it is too chaotic to tell right from wrong; the others must not be lost.
                log(f"  {error}")
                results.append(replace(raw, note=str(error)))
        # Other work slows a measurement of the core, and would raise the shares reached.
        best = max(calibrations or [calibrate(DTYPE)], key=lambda found: found.gflops[SQUARE])
        done = tuple(finished(result, best, PREFERENCE) for result in results)
        found = {**conditions(), "load_average": load}
        return PeerComparison(DTYPE, rounds, tuple(peers.infos.values()), done, best, found)
