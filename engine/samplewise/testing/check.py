"""Whether a backend is right, in one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from samplewise import registry
from samplewise.checks import one_of
from samplewise.contract import Backend
from samplewise.errors import ContractError
from samplewise.testing import ladder
from samplewise.training.threads import limited

SHOWN_FAILURES = 10


@dataclass(frozen=True)
class RungResult:
    """What one rung found.

    Args:
        rung: its name.
        cases: problems compared on.
        checks: comparisons that passed.
        largest_ratio: largest difference / tolerance of them, at most 1.
        nearest: where that was.
    """

    rung: str
    cases: int
    checks: int
    largest_ratio: float
    nearest: str


@dataclass(frozen=True)
class Certificate:
    """A backend that passed every rung that was asked for."""

    backend: str
    rungs: tuple[RungResult, ...]

    def __str__(self) -> str:
        rows = [f"{self.backend} keeps the contract", "rung      cases  checks  largest/allowed"]
        rows += [
            f"{r.rung:<8} {r.cases:>6}  {r.checks:>6}  {r.largest_ratio:>15.2g}" for r in self.rungs
        ]
        return "\n".join(rows)


def check_backend(name: str, rungs: Iterable[str] | None = None) -> Certificate:
    """Compare an installed backend with the reference, and check that it keeps the contract.

    It takes seconds on one core, and what the backend needs to compile.

    Args:
        name: what `backend=` takes.
        rungs: names of `ladder.RUNGS`; None takes all.

    Raises:
        ContractError: a rung rejects it; the message lists the first failures.
        UnknownBackendError, UnavailableBackendError: as `registry.load`.
        ParameterError: there is no such rung.
    """
    return check(registry.load(name), rungs)


def check(backend: Backend, rungs: Iterable[str] | None = None) -> Certificate:
    """Do what `check_backend` does, for a backend that need not be installed.

    Raises:
        ContractError: a rung rejects it, or its capabilities cover no case.
        ParameterError: there is no such rung.
    """
    chosen = [one_of("rung", rung, ladder.RUNGS) for rung in rungs or ladder.RUNGS]
    failures: list[str] = []
    # Matrix products on several threads need not give the same bits twice.
    with limited(1):
        results = tuple(_climb(backend, rung, failures) for rung in chosen)
    if failures:
        shown = "\n  ".join(failures[:SHOWN_FAILURES])
        more = len(failures) - SHOWN_FAILURES
        rest = f"\n  and {more} more" if more > 0 else ""
        raise ContractError(f"{backend.name} failed {len(failures)} checks:\n  {shown}{rest}")
    return Certificate(backend.name, results)


def _climb(backend: Backend, rung: str, failures: list[str]) -> RungResult:
    """Climb one rung on every case that the backend offers, adding to `failures`."""
    cases = ladder.offered(backend, rung)
    if not cases:
        failures.append(f"{backend.name}, {rung} rung: its capabilities cover no case")
    checks, largest, nearest = 0, 0.0, ""
    for case in cases:
        for measure in ladder.climb(backend, rung, case):
            if not measure.passed:
                failures.append(f"{backend.name}, {rung} rung, {case}: {measure}")
                continue
            checks += 1
            if measure.ratio > largest:
                largest, nearest = measure.ratio, f"{case}: {measure}"
    return RungResult(rung, len(cases), checks, largest, nearest)
