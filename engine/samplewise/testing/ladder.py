"""The parity ladder: one forward pass, one gradient, one epoch, a whole run, against `reference`.

A fault is best sought on the lowest rung that rejects it. Some rungs stand beside the ladder:
difference, contract, repeat and device need no reference, and many compares several networks at
once with each alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np

from samplewise.contract import Backend, Capabilities
from samplewise.contract.capabilities import Need
from samplewise.contract.plan import AUTO_PLAN
from samplewise.errors import ContractError, raised_by_signal_handler
from samplewise.testing import measures, rungs, trials
from samplewise.testing.cases import Trial
from samplewise.testing.device_checks import device, device_trials
from samplewise.testing.many import many, many_trials
from samplewise.testing.measures import Measure

Rung = Callable[[Backend, Any, str | None], list[Measure]]
Trials = Callable[[Capabilities, int], Iterator[Trial]]


RUNGS: dict[str, tuple[Rung, tuple[Trials, ...]]] = {
    "kernel": (rungs.kernel, (trials.networks, trials.edges)),
    "gradient": (rungs.gradient, (trials.networks, trials.edges)),
    "difference": (rungs.difference, (trials.differences,)),
    "epoch": (rungs.epoch, (trials.networks, trials.plans, trials.edges)),
    "run": (rungs.run, (trials.whole_runs,)),
    "contract": (rungs.contract, (trials.contracts,)),
    "repeat": (rungs.repeat, (trials.contracts,)),
    "device": (device, (device_trials,)),
    "many": (many, (many_trials,)),
}
# The capability that a rung is for; no case needs it by itself.
_PURPOSES: dict[str, Need] = {
    "repeat": ("deterministic", "the same bits again"),
    "many": ("many", "several networks at once"),
}


def rungs_for(offered: Capabilities) -> list[str]:
    """Return the rungs that a backend has to climb."""
    left_out = {"repeat": offered.deterministic, "many": offered.many}
    return [rung for rung in RUNGS if left_out.get(rung, True)]


@cache
def trials_of(rung: str, offered: Capabilities, strength: int = 2) -> tuple[Trial, ...]:
    """Return the trials of a backend: all cases of the rung that its capabilities cover.

    Args:
        rung: a key of `RUNGS`.
        offered: by the backend.
        strength: 2 where any two capabilities are to meet, 3 for any three.
    """
    _, kinds = RUNGS[rung]
    every = (trial for kind in kinds for trial in kind(offered, strength))
    return tuple(dict.fromkeys(t for t in every if t.case.is_offered(offered, t.plan)))


def tested_by(rung: str, trial: Trial) -> list[Need]:
    """Return the capabilities that a trial tests on a rung."""
    purpose = [_PURPOSES[rung]] if rung in _PURPOSES else []
    needs = trial.case.needs(trial.plan)
    return [*purpose, *((kind, name) for kind, name in needs if _takes_part(kind, name, rung))]


def _takes_part(kind: str, name: str, rung: str) -> bool:
    """Return True if a rung would notice it: no update is made on some, and auto is not a plan."""
    untrained = rung in ("kernel", "gradient", "difference")
    return name != AUTO_PLAN and not (untrained and kind in ("optimizer", "plan", "step field"))


def climb(backend: Backend, rung: str, case: Any, plan: str | None = None) -> list[Measure]:
    """Return the measures of one rung on one case.

    An exception of the backend is a failed measure: it must not end the check of the other cases.
    """
    step, _ = RUNGS[rung]
    # Unusual numbers are the point of some cases; a NaN is found in the results.
    with np.errstate(all="ignore"):
        try:
            return step(backend, case, plan)
        except Exception as error:
            if raised_by_signal_handler(error):
                raise
            cause = error.__cause__ if isinstance(error, ContractError) else None
            raised = cause or error
            return [measures.condition(f"raised {type(raised).__name__}: {raised}", holds=False)]
