"""The parity ladder: one forward pass, one gradient, one epoch, a whole run, against `reference`.

Each rung takes a backend, a case and a plan, and returns measures. A fault is best sought on the
lowest rung that rejects it. Two rungs stand beside the ladder: contract needs no reference, and
many compares several networks at once with each alone.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import PLANS, Backend, Program, Steps
from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.testing import measures, tolerances
from samplewise.testing.cases import CALM_CASES, CONTRACT_CASES, EDGE_CASES, Case
from samplewise.testing.contract_checks import keeps_contract
from samplewise.testing.many import MANY_CASES, many
from samplewise.testing.measures import Measure
from samplewise.testing.problems import REFERENCE, Problem, problem
from samplewise.testing.runs import (
    RUN_EPOCHS,
    compare_runs,
    compiled,
    expected,
    trained,
    yardstick,
)
from samplewise.testing.workload_checks import keeps_to_workload
from samplewise.training import batches

# Steps of a call where an epoch is cut: blocks of any built-in backend are cut, too.
CUT_STEPS = 5

Rung = Callable[[Backend, Any, str | None], list[Measure]]


def _both(backend: Backend, case: Case, plan: str | None) -> tuple[Program, Program]:
    """Return the programs of the backend and of the reference."""
    return compiled(backend, case, plan), compiled(registry.load(REFERENCE), case)


def kernel(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare the logits of all rows and of one, and the losses that the first step sees."""
    drawn, allowed = problem(case), tolerances.tolerance("forward", case.dtype)
    program, reference = _both(backend, case, plan)
    found = []
    for what, X in (("logits", drawn.X), ("logits of one row", drawn.X[-1:])):
        got, want = (p.predict(drawn.parameters, X) for p in (program, reference))
        found.append(measures.entries(what, got, want, allowed))
    for what, rows in (("loss of one row", 1), ("losses of one batch", case.rows)):
        got, want = (_first_losses(p, drawn, rows) for p in (program, reference))
        found.append(measures.entries(what, got, want, allowed))
    return found


def _first_losses(program: Program, drawn: Problem, rows: int) -> NDArray[Any]:
    losses = np.full(rows, np.nan, dtype=drawn.dtype)
    steps = Steps(batches.fixed_order(rows), 0, rows, rows, drawn.learning_rate)
    program.run_epoch(drawn.state(), drawn.X[:rows], drawn.Y[:rows], steps, losses)
    return losses


def gradient(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare the mean loss and its gradient, of all rows and of one."""
    drawn = problem(case)
    program, reference = _both(backend, case, plan)
    found = []
    for X, Y in ((drawn.X, drawn.Y), (drawn.X[:1], drawn.Y[:1])):
        loss, got = program.gradients(drawn.parameters, X, Y)
        wanted_loss, want = reference.gradients(drawn.parameters, X, Y)
        allowed = tolerances.tolerance("forward", case.dtype)
        found.append(
            measures.entries("mean loss", np.array([loss]), np.array([wanted_loss]), allowed)
        )
        allowed = tolerances.tolerance("gradient", case.dtype)
        found += measures.layers("gradient", drawn.network.layout, got, want, allowed)
    return found


def epoch(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare losses and state after one epoch: as the rows lie, shuffled, and in short calls."""
    allowed = tolerances.after_steps(case.steps, case.dtype)
    found = []
    for shuffle, stretch in ((False, None), (True, None), (True, CUT_STEPS * case.batch_size)):
        program = compiled(backend, case, plan, shuffle=shuffle)
        got = trained(program, case, 1, shuffle, stretch=stretch)
        found += compare_runs(case, got, expected(case, 1, shuffle), allowed)
    return found


def run(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare losses and state after some epochs, by the own yardstick of problem and order."""
    found = []
    for shuffle in (False, True):
        allowed = tolerances.of_run(yardstick(case, shuffle), case.dtype)
        program = compiled(backend, case, plan, shuffle=shuffle)
        got = trained(program, case, RUN_EPOCHS, shuffle)
        found += compare_runs(case, got, expected(case, RUN_EPOCHS, shuffle), allowed)
    return found


def contract(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Check what a program promises whatever it computes."""
    program = compiled(backend, case, plan)
    # First, as rates that the workload did not foretell may make a program change its plan.
    found = [] if plan is None else keeps_to_workload(backend, program, case, plan)
    return [*found, *keeps_contract(backend, program, problem(case), case.batch_size)]


RUNGS: dict[str, tuple[Rung, tuple[Any, ...]]] = {
    "kernel": (kernel, CALM_CASES + EDGE_CASES),
    "gradient": (gradient, CALM_CASES + EDGE_CASES),
    "epoch": (epoch, CALM_CASES + EDGE_CASES),
    "run": (run, CALM_CASES),
    "contract": (contract, CONTRACT_CASES),
    "many": (many, MANY_CASES),
}


def climb(backend: Backend, rung: str, case: Any, plan: str | None = None) -> list[Measure]:
    """Return the measures of one rung on one case.

    What a backend raises is a failed measure: it must not end the check of the other cases.

    Args:
        backend: that is compared.
        rung: a key of `RUNGS`.
        case: of that rung.
        plan: that the backend is asked for; None gives it no workload.
    """
    step, _ = RUNGS[rung]
    # Unusual numbers are the point of some cases; a NaN is found in the results.
    with np.errstate(all="ignore"):
        try:
            return step(backend, case, plan)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            return [measures.promise(f"raised {type(error).__name__}: {error}", kept=False)]


def named(backend: Backend, rung: str, case: Any, plan: str | None) -> str:
    """Return where a failure is: backend, plan, rung and case."""
    how = f" ({plan})" if plan not in (None, DIRECT, AUTO_PLAN) else ""
    return f"{backend.name}{how}, {rung} rung, {case}"


def failures(backend: Backend, rung: str, case: Any, plan: str | None = None) -> list[str]:
    """Return a line for each failed measure, naming backend, rung, case and layer."""
    where = named(backend, rung, case, plan)
    found = climb(backend, rung, case, plan)
    return [f"{where}: {measure}" for measure in found if not measure.passed]


def plans(backend: Backend, rung: str) -> tuple[str, ...]:
    """Return the plans under which a backend climbs a rung: each that it offers."""
    if rung == "many":
        return (AUTO_PLAN,) if backend.capabilities.many else ()
    return tuple(plan for plan in PLANS if plan in backend.capabilities.plans)


def covers(backend: Backend, rung: str, case: Any) -> bool:
    """Return whether the backend's capabilities cover a case of a rung."""
    offers = backend.capabilities
    return bool(plans(backend, rung)) and not any(
        offers.missing(member.network, member.loss, member.optimizer, np.dtype(member.dtype))
        for member in getattr(case, "members", (case,))
    )


def offered(backend: Backend, rung: str) -> list[Any]:
    """Return the cases of a rung that the backend's capabilities cover."""
    _, cases = RUNGS[rung]
    return [case for case in cases if covers(backend, rung, case)]
