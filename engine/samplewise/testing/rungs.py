"""The comparisons of one case: each rung takes a backend, a case and a plan, and returns measures.

`kernel`, `gradient`, `epoch` and `run` compare with the reference: one forward pass, one gradient,
one epoch, a whole run. `difference`, `contract` and `repeat` need no reference.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, Program, Steps
from samplewise.contract.plan import DIRECT
from samplewise.network import SGD, Network
from samplewise.testing import contract_checks, measures, tolerances
from samplewise.testing.cases import Case
from samplewise.testing.epochs_at_once import epochs_at_once
from samplewise.testing.measures import Measure
from samplewise.testing.problems import REFERENCE, Problem, problem
from samplewise.testing.runs import (
    RUN_EPOCHS,
    at_finite_rate,
    compare_runs,
    compiled,
    expected,
    program_of,
    trained,
    yardstick,
)
from samplewise.testing.trials import SMALL_ROWS
from samplewise.testing.workload_checks import keeps_to_workload
from samplewise.training import batches

# Rows of a forward or backward pass.
SOME_ROWS = 12
# Steps of a call where an epoch is cut: a block of any built-in backend has more.
CUT_STEPS = 5
# Of a small network, in one training: shuffled, cut, with slots that the first epoch left.
SHORT_EPOCHS = 2


def kernel(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare the logits of some rows and of one, and the losses before the first step."""
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


def _both(backend: Backend, case: Case, plan: str | None) -> tuple[Program, Program]:
    """Return the programs of the backend and of the reference."""
    return program_of(backend, case, plan), program_of(registry.load(REFERENCE), case)


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
    program, drawn = program_of(backend, case, plan), problem(case)
    _, got = program.gradients(drawn.parameters, drawn.X, drawn.Y)

    # From the logits: half the work of `gradients`.
    def mean_loss(parameters: NDArray[Any]) -> float:
        return drawn.loss.mean(program.predict(parameters, drawn.X), drawn.Y)

    want = only_trained(drawn.network, central_difference(mean_loss, drawn))
    allowed = tolerances.tolerance("central_difference", drawn.dtype.name)
    return measures.layers("gradient", drawn.network.layout, got, want, allowed)


def central_difference(value: Callable[[NDArray[Any]], float], drawn: Problem) -> NDArray[Any]:
    """Return the derivative of a function by each parameter of a problem, (P,), gaps 0."""
    found = drawn.network.layout.zeros(drawn.dtype)
    for slot in drawn.network.layout.slots:
        for p in range(slot.offset, slot.offset + slot.size):
            h = tolerances.DIFFERENCE_STEP * max(1.0, abs(float(drawn.parameters[p])))
            above, below = drawn.parameters.copy(), drawn.parameters.copy()
            above[p] += h
            below[p] -= h
            found[p] = (value(above) - value(below)) / (above[p] - below[p])
    return found


def only_trained(network: Network, gradient: NDArray[Any]) -> NDArray[Any]:
    """Return a gradient (P,) with 0 for the parameters of frozen layers."""
    kept = np.zeros_like(gradient)
    for part in network.trained:
        kept[part] = gradient[part]
    return kept


def epoch(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare losses and state after one epoch: as the rows lie, and shuffled in short calls.

    Small networks of any kind are trained once, for two shuffled epochs in short calls, and once
    for whole epochs at once.
    """
    small, cut = case.rows == SMALL_ROWS, CUT_STEPS * case.batch_size
    trainings = [(SHORT_EPOCHS, True, cut)] if small else [(1, False, None), (1, True, cut)]
    found = []
    for epochs, shuffle, chunk in trainings:
        case = at_finite_rate(case, epochs, shuffle)
        allowed = tolerances.after_training(case.optimizer, epochs * case.steps, case.dtype)
        session = compiled(backend, case, plan, shuffle=shuffle)
        got = trained(session, case, epochs, shuffle, chunk=chunk)
        found += compare_runs(case, got, expected(case, epochs, shuffle), allowed)
    if small and plan is not None:
        case = at_finite_rate(case, RUN_EPOCHS, shuffle=True)
        found += epochs_at_once(backend, [case], plan, [allowed])
    return found


def run(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Compare losses and state after some epochs, by the yardstick of problem and order."""
    found = []
    for shuffle in (False, True):
        case = at_finite_rate(case, RUN_EPOCHS, shuffle)
        allowed = tolerances.of_run(yardstick(case, shuffle), case.dtype)
        session = compiled(backend, case, plan, shuffle=shuffle)
        got = trained(session, case, RUN_EPOCHS, shuffle)
        found += compare_runs(case, got, expected(case, RUN_EPOCHS, shuffle), allowed)
    return found if plan is None else found + epochs_at_once(backend, [case], plan, [allowed])


def contract(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Check the duties of every program, whatever it computes."""
    program = program_of(backend, case, plan)
    found = []
    # First, as rates that the workload did not announce may make a program change its plan.
    if plan is not None and _may_be_asked_for(plan, case):
        found = keeps_to_workload(backend, program, case, plan)
    found += contract_checks.keeps_contract(backend, program, problem(case), case.batch_size)
    return found


def _may_be_asked_for(plan: str, case: Case) -> bool:
    """Return True if a backend that offers a plan must train the case by it."""
    optimizer, first = case.optimizer, case.network.layers[0]
    linear = isinstance(optimizer, SGD) and optimizer.is_linear
    return plan == DIRECT or (linear and first.kind == "dense" and first.trainable)


def repeat(backend: Backend, case: Case, plan: str | None) -> list[Measure]:
    """Check that the same calls give the same bits."""
    program, drawn = program_of(backend, case, plan), problem(case)
    steps = contract_checks.epoch_of(drawn, case.batch_size)
    return contract_checks.same_bits_again(program, drawn, steps)
