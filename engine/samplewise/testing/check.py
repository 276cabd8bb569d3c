"""The check of a backend in one call."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from samplewise import registry
from samplewise._version import __version__
from samplewise.checks import one_of
from samplewise.contract import Backend, Capabilities
from samplewise.contract.capabilities import Need
from samplewise.errors import ContractError
from samplewise.testing import ladder
from samplewise.testing.cases import Trial
from samplewise.testing.certificate import CapabilityResult, Certificate, RungResult
from samplewise.testing.conclusions import suspects, untested
from samplewise.testing.many import ManyCase
from samplewise.testing.measures import Measure
from samplewise.threads import limited

PAIRWISE, THOROUGH = 2, 3


def check_backend(
    name: str, *, thorough: bool = False, rungs: Iterable[str] | None = None
) -> Certificate:
    """Test all that an installed backend offers against the reference, and return a certificate.

    It takes about twenty seconds on one core, and the time that the backend needs to compile.

    Args:
        name: of the backend, as `backend=` takes it.
        thorough: let any three capabilities meet in a trial, not any two; takes minutes.
        rungs: names of `ladder.RUNGS`; None takes all that its capabilities ask for.

    Raises:
        ContractError: a comparison failed; the message names the capabilities that failures
            follow, and lists the first failures.
        UnknownBackendError, UnavailableBackendError: as `registry.load`.
        ParameterError: a rung has another name.
    """
    certificate = certify(registry.load(name), thorough=thorough, rungs=rungs)
    if not certificate.passed:
        raise ContractError(certificate.complaint())
    return certificate


def certify(
    backend: Backend, *, thorough: bool = False, rungs: Iterable[str] | None = None
) -> Certificate:
    """As `check_backend`, for a backend that need not be installed; failures do not raise.

    Returns:
        The certificate; `passed` and `failures` are its verdict.

    Raises:
        ParameterError: a rung has another name.
    """
    offered = backend.capabilities
    chosen = ladder.rungs_for(offered) if rungs is None else rungs
    names = [one_of("rung", rung, ladder.RUNGS) for rung in chosen]
    strength = THOROUGH if thorough else PAIRWISE
    # Matrix products on several threads need not give the same bits twice.
    with limited(1):
        found = _climb(backend, names, strength)
    return _certificate(backend.name, offered, strength, found)


@dataclass(frozen=True)
class Climb:
    """A rung climbed."""

    backend: str
    rung: str
    outcomes: list[tuple[Trial, list[Measure]]]

    def failures(self) -> Iterator[str]:
        """Yield a line for each failed measure."""
        if not self.outcomes:
            yield f"{self.backend}, {self.rung} rung: its capabilities cover no case"
        for trial, measures in self.outcomes:
            where = f"{self.backend}, {self.rung} rung, {trial}"
            yield from (f"{where}: {each}" for each in measures if not each.passed)

    def tested(self) -> list[tuple[list[Need], bool, float]]:
        """Return for each trial: capabilities tested, whether it failed, and its largest ratio."""
        return [
            (ladder.tested_by(self.rung, trial), *_summary(measures))
            for trial, measures in self.outcomes
        ]


def _summary(measures: Sequence[Measure]) -> tuple[bool, float]:
    passed = [measure.ratio for measure in measures if measure.passed]
    return len(passed) < len(measures), max(passed, default=0.0)


def _climb(backend: Backend, rungs: Sequence[str], strength: int) -> list[Climb]:
    """Climb rungs with one network after the other.

    Code that a backend compiled for a network then serves all rungs.
    """
    trials = {rung: ladder.trials_of(rung, backend.capabilities, strength) for rung in rungs}
    every = [(rung, trial) for rung in rungs for trial in trials[rung]]
    found = {
        (rung, trial): ladder.climb(backend, rung, trial.case, trial.plan)
        for rung, trial in sorted(every, key=lambda pair: _compiled_alike(pair[1]))
    }
    return [
        Climb(backend.name, rung, [(trial, found[rung, trial]) for trial in trials[rung]])
        for rung in rungs
    ]


def _compiled_alike(trial: Trial) -> tuple[str, ...]:
    """Return the parts of a trial that decide compiled code."""
    case = trial.case
    if isinstance(case, ManyCase):
        return (str(case),)
    return tuple(map(repr, (case.network, case.loss, case.dtype, case.optimizer, case.batch_size)))


def _certificate(
    name: str, offered: Capabilities, strength: int, climbs: Sequence[Climb]
) -> Certificate:
    rows = [row for climb in climbs for row in climb.tested()]
    capabilities = tuple(_capability_results(rows))
    tested = {(result.kind, result.name) for result in capabilities}
    return Certificate(
        name,
        __version__,
        strength,
        tuple(map(_rung_result, climbs)),
        capabilities,
        tuple(untested(offered, tested, [climb.rung for climb in climbs], strength)),
        tuple(line for climb in climbs for line in suspects(climb.rung, climb.tested())),
        tuple(line for climb in climbs for line in climb.failures()),
    )


def _rung_result(climb: Climb) -> RungResult:
    found = [(m, trial) for trial, measures in climb.outcomes for m in measures]
    passed = [pair for pair in found if pair[0].passed]
    nearest, where = max(passed, key=lambda pair: pair[0].ratio, default=(None, None))
    counts = len(climb.outcomes), len(found), len(found) - len(passed)
    if nearest is None:
        return RungResult(climb.rung, *counts, 0.0, "")
    return RungResult(climb.rung, *counts, nearest.ratio, f"{where}: {nearest}")


def _capability_results(
    rows: Iterable[tuple[list[Need], bool, float]],
) -> Iterator[CapabilityResult]:
    """Yield the result of each capability, by kind and name."""
    trials: dict[Need, list[tuple[bool, float]]] = defaultdict(list)
    for needs, failed, ratio in rows:
        for need in needs:
            trials[need].append((failed, ratio))
    for (kind, name), outcomes in sorted(trials.items()):
        wrong = sum(failed for failed, _ in outcomes)
        yield CapabilityResult(kind, name, len(outcomes), wrong, max(r for _, r in outcomes))
