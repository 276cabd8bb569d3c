"""Whether a backend is right, in one call."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from samplewise import registry
from samplewise.checks import one_of
from samplewise.contract import Backend
from samplewise.errors import ContractError
from samplewise.testing import ladder
from samplewise.threads import limited

SHOWN_FAILURES = 10


@dataclass(frozen=True)
class RungResult:
    """What one rung found.

    Args:
        rung: its name.
        plan: that the backend was asked for.
        cases: problems compared on.
        checks: comparisons that passed.
        largest_ratio: largest difference / tolerance of them, at most 1.
        nearest: where that was.
    """

    rung: str
    plan: str
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
        rows = [
            f"{self.backend} keeps the contract",
            "rung      plan     cases  checks  largest/allowed",
        ]
        rows += [
            f"{r.rung:<8}  {r.plan:<7} {r.cases:>6}  {r.checks:>6}  {r.largest_ratio:>15.2g}"
            for r in self.rungs
        ]
        return "\n".join(rows)


def check_backend(name: str, rungs: Iterable[str] | None = None) -> Certificate:
    """Compare an installed backend with the reference, and check that it keeps the contract.

    It takes seconds on one core, and what the backend needs to compile.

    Args:
        name: what `backend=` takes.
        rungs: names of `ladder.RUNGS`; None takes all that its capabilities speak of.

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
    names = _rungs(backend) if rungs is None else rungs
    chosen = [one_of("rung", rung, ladder.RUNGS) for rung in names]
    failures: list[str] = []
    # Matrix products on several threads need not give the same bits twice.
    with limited(1):
        results = tuple(result for rung in chosen for result in _climb(backend, rung, failures))
    if failures:
        shown = "\n  ".join(failures[:SHOWN_FAILURES])
        more = len(failures) - SHOWN_FAILURES
        rest = f"\n  and {more} more" if more > 0 else ""
        raise ContractError(f"{backend.name} failed {len(failures)} checks:\n  {shown}{rest}")
    return Certificate(backend.name, results)


def _rungs(backend: Backend) -> list[str]:
    """Return all rungs; that of several networks only where the backend offers it."""
    return [rung for rung in ladder.RUNGS if rung != "many" or backend.capabilities.many]


def _climb(backend: Backend, rung: str, failures: list[str]) -> list[RungResult]:
    """Climb one rung under every plan and case that the backend offers, adding to `failures`."""
    cases = ladder.offered(backend, rung)
    if not cases:
        failures.append(f"{backend.name}, {rung} rung: its capabilities cover no case")
    found = []
    for plan in ladder.plans(backend, rung):
        checks, largest, nearest = 0, 0.0, ""
        for case in cases:
            for measure in ladder.climb(backend, rung, case, plan):
                if not measure.passed:
                    failures.append(f"{ladder.named(backend, rung, case, plan)}: {measure}")
                    continue
                checks += 1
                if measure.ratio > largest:
                    largest, nearest = measure.ratio, f"{case}: {measure}"
        found.append(RungResult(rung, plan, len(cases), checks, largest, nearest))
    return found
