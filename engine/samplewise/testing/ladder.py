"""The parity ladder: one forward pass, one gradient, one epoch, a whole run, against `reference`.

Each rung takes a backend and a case and returns measures. A fault is best sought on the lowest
rung that rejects it. The contract rung stands beside the ladder: it needs no reference.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, Program, Steps
from samplewise.network import SGD
from samplewise.streams import Streams
from samplewise.testing import measures, tolerances
from samplewise.testing.cases import CALM_CASES, CONTRACT_CASES, EDGE_CASES, Case
from samplewise.testing.measures import Measure
from samplewise.testing.problems import REFERENCE, Problem, problem
from samplewise.testing.promises import keeps_contract
from samplewise.training import batches

RUN_EPOCHS = 3
ORDER_SEED = 7

Rung = Callable[[Backend, Case], list[Measure]]
Trained = tuple[NDArray[Any], NDArray[Any]]


def compiled(backend: Backend, case: Case) -> Program:
    """Return the backend's program of a case."""
    drawn = problem(case)
    return backend.compile(drawn.network, drawn.loss, SGD(), drawn.dtype)


def trained(
    program: Program, case: Case, epochs: int, shuffle: bool, start: NDArray[Any] | None = None
) -> Trained:
    """Train as the engine's loop does.

    Args:
        program: of the case.
        case: whose arrays are used.
        epochs: at least 1.
        shuffle: draw a new order an epoch.
        start: first parameters (P,); None takes those of the case.

    Returns:
        The last parameters (P,), and the losses of every epoch, (epochs, n).
    """
    drawn = problem(case)
    state = drawn.state(start)
    losses = np.full((epochs, case.rows), np.nan, dtype=drawn.dtype)
    rng = Streams(ORDER_SEED).generator("order")
    length = batches.stretch_samples(drawn.network, program.plan)
    orders = batches.orders(case.rows, shuffle=shuffle, rng=rng)
    for epoch, order in zip(range(epochs), orders, strict=False):
        for steps in batches.stretches(order, case.batch_size, drawn.learning_rate, length):
            program.run_epoch(state, drawn.X, drawn.Y, steps, losses[epoch])
    program.synchronize(state)
    return state.parameters, losses


@cache
def expected(case: Case, epochs: int, shuffle: bool) -> Trained:
    """Return what the reference trains."""
    return trained(compiled(registry.load(REFERENCE), case), case, epochs, shuffle)


@cache
def yardstick(case: Case) -> float:
    """Return what a nudge of each first weight by one ulp does to a run.

    Returns:
        The largest change of a last weight, relative to the largest.
    """
    drawn = problem(case)
    nudged = drawn.parameters.copy()
    for view in drawn.network.layout.views(nudged).values():
        view[...] = np.nextafter(view, np.inf)
    program = compiled(registry.load(REFERENCE), case)
    got, _ = trained(program, case, RUN_EPOCHS, shuffle=True, start=nudged)
    want, _ = expected(case, RUN_EPOCHS, shuffle=True)
    return float(np.abs(got - want).max() / np.abs(want).max())


def kernel(backend: Backend, case: Case) -> list[Measure]:
    """Compare the logits of all rows and of one, and the losses that the first step sees."""
    drawn, allowed = problem(case), tolerances.tolerance("forward", case.dtype)
    program, reference = (compiled(b, case) for b in (backend, registry.load(REFERENCE)))
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


def gradient(backend: Backend, case: Case) -> list[Measure]:
    """Compare the mean loss and its gradient, of all rows and of one."""
    drawn = problem(case)
    program, reference = (compiled(b, case) for b in (backend, registry.load(REFERENCE)))
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


def epoch(backend: Backend, case: Case) -> list[Measure]:
    """Compare losses and weights after one epoch, as the rows lie and in a shuffled order."""
    steps = -(-case.rows // case.batch_size)
    allowed = tolerances.after_steps(steps, case.dtype)
    return [
        measure
        for shuffle in (False, True)
        for measure in _compare(backend, case, 1, shuffle, allowed)
    ]


def run(backend: Backend, case: Case) -> list[Measure]:
    """Compare losses and weights after some shuffled epochs, by the problem's own yardstick."""
    allowed = tolerances.of_run(yardstick(case), case.dtype)
    return list(_compare(backend, case, RUN_EPOCHS, True, allowed))


def _compare(
    backend: Backend, case: Case, epochs: int, shuffle: bool, allowed: tolerances.Tolerance
) -> list[Measure]:
    parameters, losses = trained(compiled(backend, case), case, epochs, shuffle)
    wanted_parameters, wanted_losses = expected(case, epochs, shuffle)
    layout = problem(case).network.layout
    return [
        measures.losses(losses, wanted_losses, allowed),
        *measures.layers("weights", layout, parameters, wanted_parameters, allowed),
    ]


def contract(backend: Backend, case: Case) -> list[Measure]:
    """Check what a program promises whatever it computes."""
    return keeps_contract(backend, compiled(backend, case), problem(case), case.batch_size)


RUNGS: dict[str, tuple[Rung, tuple[Case, ...]]] = {
    "kernel": (kernel, CALM_CASES + EDGE_CASES),
    "gradient": (gradient, CALM_CASES + EDGE_CASES),
    "epoch": (epoch, CALM_CASES + EDGE_CASES),
    "run": (run, CALM_CASES),
    "contract": (contract, CONTRACT_CASES),
}


def climb(backend: Backend, rung: str, case: Case) -> list[Measure]:
    """Return the measures of one rung on one case.

    What a backend raises is a failed measure: it must not end the check of the other cases.
    """
    step, _ = RUNGS[rung]
    # Unusual numbers are the point of some cases; a NaN is found in the results.
    with np.errstate(all="ignore"):
        try:
            return step(backend, case)
        except Exception as error:  # noqa: BLE001 - a plugin may raise anything
            return [measures.promise(f"raised {type(error).__name__}: {error}", kept=False)]


def failures(backend: Backend, rung: str, case: Case) -> list[str]:
    """Return a line for each failed measure, naming backend, rung, case and layer."""
    return [
        f"{backend.name}, {rung} rung, {case}: {measure}"
        for measure in climb(backend, rung, case)
        if not measure.passed
    ]


def offered(backend: Backend, rung: str) -> list[Case]:
    """Return the cases of a rung that the backend's capabilities cover."""
    _, cases = RUNGS[rung]
    return [
        case
        for case in cases
        if not backend.capabilities.missing(case.network, case.loss, SGD(), np.dtype(case.dtype))
    ]
