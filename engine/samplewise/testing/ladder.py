"""The parity ladder: one forward pass, one gradient, one epoch, a whole run, against `reference`.

Each rung takes a backend, a case and a plan, and returns measures. A fault is best sought on the
lowest rung that rejects it. Three rungs stand beside the ladder: difference and contract need no
reference, and many compares several networks at once with each alone.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, Capabilities, Program, Steps
from samplewise.contract.capabilities import Need
from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise.network import SGD
from samplewise.testing import contract_checks, design, differences, measures, tolerances
from samplewise.testing.cases import Case
from samplewise.testing.design import SMALL_ROWS, Trial
from samplewise.testing.many import many, many_trials
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

# Of which a forward or backward pass is compared.
SOME_ROWS = 12
# Steps of a call where an epoch is cut: blocks of any built-in backend are cut, too.
CUT_STEPS = 5
# Of a small network, in one training: shuffled, cut, with what the first epoch left.
SHORT_EPOCHS = 2

Rung = Callable[[Backend, Any, str | None], list[Measure]]


def _both(backend: Backend, case: Case, plan: str | None) -> tuple[Program, Program]:
    """Return the programs of the backend and of the reference."""
    return compiled(backend, case, plan), compiled(registry.load(REFERENCE), case)


def kernel(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare the logits of some rows and of one, and the losses that the first step sees."""
    drawn, allowed = problem(case), tolerances.tolerance("forward", case.dtype)
    program, reference = _both(backend, case, plan)
    found, some = [], min(case.rows, SOME_ROWS)
    for what, X in (("logits", drawn.X[:some]), ("logits of one row", drawn.X[-1:])):
        got, want = (p.predict(drawn.parameters, X) for p in (program, reference))
        found.append(measures.entries(what, got, want, allowed))
    for what, rows in (("loss of one row", 1), ("losses of one batch", some)):
        got, want = (_first_losses(p, drawn, rows) for p in (program, reference))
        found.append(measures.entries(what, got, want, allowed))
    return found


def _first_losses(program: Program, drawn: Problem, rows: int) -> NDArray[Any]:
    losses = np.full(rows, np.nan, dtype=drawn.dtype)
    steps = Steps(batches.fixed_order(rows), 0, rows, rows, drawn.learning_rate)
    program.run_epoch(drawn.state(), drawn.X[:rows], drawn.Y[:rows], steps, losses)
    return losses


def gradient(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare the mean loss and its gradient, of some rows and of one."""
    drawn, some = problem(case), min(case.rows, SOME_ROWS)
    program, reference = _both(backend, case, plan)
    found = []
    for X, Y in ((drawn.X[:some], drawn.Y[:some]), (drawn.X[:1], drawn.Y[:1])):
        loss, got = program.gradients(drawn.parameters, X, Y)
        wanted_loss, want = reference.gradients(drawn.parameters, X, Y)
        allowed = tolerances.tolerance("forward", case.dtype)
        found.append(
            measures.entries("mean loss", np.array([loss]), np.array([wanted_loss]), allowed)
        )
        allowed = tolerances.tolerance("gradient", case.dtype)
        found += measures.layers("gradient", drawn.network.layout, got, want, allowed)
    return found


def difference(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare the gradient with central differences of the loss of the backend's own logits."""
    return differences.gradient_is_the_slope(compiled(backend, case, plan), problem(case))


def epoch(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare losses and state after one epoch: as the rows lie, and shuffled in short calls.

    Small networks of any kind are trained once, for two shuffled epochs in short calls.
    """
    trainings: list[tuple[int, bool, int | None]]
    trainings = [(1, False, None), (1, True, CUT_STEPS * case.batch_size)]
    if case.rows == SMALL_ROWS:
        trainings = [(SHORT_EPOCHS, True, CUT_STEPS * case.batch_size)]
    found = []
    for epochs, shuffle, stretch in trainings:
        allowed = tolerances.after_training(case.optimizer, epochs * case.steps, case.dtype)
        program = compiled(backend, case, plan, shuffle=shuffle)
        got = trained(program, case, epochs, shuffle, stretch=stretch)
        found += compare_runs(case, got, expected(case, epochs, shuffle), allowed)
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
    """Check what every program does, whatever it computes."""
    program = compiled(backend, case, plan)
    # First, as rates that the workload did not foretell may make a program change its plan.
    found = []
    if plan is not None and _may_be_asked_for(plan, case):
        found = keeps_to_workload(backend, program, case, plan)
    found += contract_checks.keeps_contract(backend, program, problem(case), case.batch_size)
    return found


def _may_be_asked_for(plan: str, case: Case) -> bool:
    """Return whether a backend that offers a plan must train the case by it."""
    rule, first = case.optimizer, case.network.layers[0]
    return plan == DIRECT or (isinstance(rule, SGD) and rule.is_linear and first.kind == "dense")


def repeat(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Check that the same calls give the same bits."""
    program, drawn = compiled(backend, case, plan), problem(case)
    steps = contract_checks.epoch_of(drawn, case.batch_size)
    return contract_checks.same_bits_again(program, drawn, steps)


def _training_trials(offered: Capabilities, strength: int) -> Iterator[Trial]:
    yield from design.networks(offered, strength)
    yield from design.plans(offered, strength)
    yield from design.edges(offered, strength)


def _untrained_trials(offered: Capabilities, strength: int) -> Iterator[Trial]:
    yield from design.networks(offered, strength)
    yield from design.edges(offered, strength)


Trials = Callable[[Capabilities, int], Iterator[Trial]]
RUNGS: dict[str, tuple[Rung, Trials]] = {
    "kernel": (kernel, _untrained_trials),
    "gradient": (gradient, _untrained_trials),
    "difference": (difference, design.slopes),
    "epoch": (epoch, _training_trials),
    "run": (run, design.whole_runs),
    "contract": (contract, design.contracts),
    "repeat": (repeat, design.contracts),
    "many": (many, many_trials),
}
# What a rung is for where the backend offers it, and no case needs by itself.
_PURPOSES: dict[str, Need] = {
    "repeat": ("deterministic", "the same bits again"),
    "many": ("many", "several networks at once"),
}


def rungs_for(offered: Capabilities) -> list[str]:
    """Return the rungs that a backend has to climb."""
    left_out = {"repeat": offered.deterministic, "many": offered.many}
    return [rung for rung in RUNGS if left_out.get(rung, True)]


@cache
def trials(rung: str, offered: Capabilities, strength: int = 2) -> tuple[Trial, ...]:
    """Return what a backend is tried on: all cases of the rung that its capabilities cover.

    Args:
        rung: a key of `RUNGS`.
        offered: by the backend.
        strength: 2 where any two capabilities are to meet, 3 for any three.
    """
    _, found = RUNGS[rung]
    every = (t for t in found(offered, strength) if t.case.is_offered(offered, t.plan))
    return tuple(dict.fromkeys(every))


def tested_by(rung: str, trial: Trial) -> list[Need]:
    """Return the capabilities that a trial tests on a rung."""
    purpose = [_PURPOSES[rung]] if rung in _PURPOSES else []
    needs = trial.case.needs(trial.plan)
    return [*purpose, *((kind, name) for kind, name in needs if _takes_part(kind, name, rung))]


def _takes_part(kind: str, name: str, rung: str) -> bool:
    """Return whether a rung would notice it: no update is made on some, and auto is no plan."""
    untrained = rung in ("kernel", "gradient", "difference")
    return name != AUTO_PLAN and not (untrained and kind in ("optimizer", "plan", "step field"))


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
            return [measures.condition(f"raised {type(error).__name__}: {error}", holds=False)]


def failures(backend: Backend, rung: str, case: Any, plan: str | None = None) -> list[str]:
    """Return a line for each failed measure, naming backend, rung, case and layer."""
    where = f"{backend.name}, {rung} rung, {Trial(case, plan)}"
    found = climb(backend, rung, case, plan)
    return [f"{where}: {measure}" for measure in found if not measure.passed]
