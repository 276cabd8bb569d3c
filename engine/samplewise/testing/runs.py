"""Training as the engine's loop does it, for comparing; the reference's runs are made once."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, Program, TrainingState, Workload
from samplewise.network import ParameterLayout
from samplewise.testing import measures
from samplewise.testing.cases import Case
from samplewise.testing.measures import Measure
from samplewise.testing.problems import REFERENCE, problem
from samplewise.testing.tolerances import Tolerance
from samplewise.training import batches

RUN_EPOCHS = 3
ORDER_SEED = 7


@dataclass(frozen=True, eq=False)
class Trained:
    """What a run left behind.

    Args:
        parameters: last ones, (P,).
        optimizer_state: last slots, (slots * P,).
        losses: of every epoch, (epochs, n).
    """

    parameters: NDArray[Any]
    optimizer_state: NDArray[Any]
    losses: NDArray[Any]


def compiled(
    backend: Backend, case: Case, plan: str | None = None, *, shuffle: bool = False
) -> Program:
    """Return the backend's program of a case.

    Args:
        backend: asked for it.
        case: what to train.
        plan: of the workload that is given along; None gives none.
        shuffle: of the workload.
    """
    drawn, workload = problem(case), None
    if plan is not None:
        workload = Workload(case.rows, case.batch_size, RUN_EPOCHS, shuffle, plan)
    return backend.compile(drawn.network, drawn.loss, drawn.optimizer, drawn.dtype, workload)


def trained(
    program: Program,
    case: Case,
    epochs: int,
    shuffle: bool,
    *,
    start: NDArray[Any] | None = None,
    stretch: int | None = None,
) -> Trained:
    """Train as the engine's loop does.

    Args:
        program: of the case.
        case: whose arrays are used.
        epochs: at least 1.
        shuffle: draw a new order an epoch.
        start: first parameters (P,); None takes those of the case.
        stretch: samples in a call; None takes as many as the engine would.
    """
    drawn = problem(case)
    state = drawn.state(start)
    losses = np.full((epochs, case.rows), np.nan, dtype=drawn.dtype)
    length = batches.chunk_samples(drawn.network, program.plan) if stretch is None else stretch
    orders = batches.Orders(case.rows, ORDER_SEED if shuffle else None)
    for epoch in range(epochs):
        order = orders.of_epoch(epoch + 1)
        for steps in batches.chunks(order, case.batch_size, drawn.learning_rate, length):
            program.run_epoch(state, drawn.X, drawn.Y, steps, losses[epoch])
    program.synchronize(state)
    return Trained(state.parameters, state.optimizer_state, losses)


@cache
def expected(case: Case, epochs: int, shuffle: bool) -> Trained:
    """Return what the reference trains."""
    return trained(compiled(registry.load(REFERENCE), case), case, epochs, shuffle)


@cache
def yardstick(case: Case, shuffle: bool = True) -> float:
    """Return what a nudge of each first weight by one ulp does to a run.

    Args:
        case: what is trained.
        shuffle: draw a new order an epoch. A problem may be calmer in one order than in another.

    Returns:
        The largest change of a last weight, relative to the largest.
    """
    drawn = problem(case)
    nudged = drawn.parameters.copy()
    for view in drawn.network.layout.views(nudged).values():
        view[...] = np.nextafter(view, np.inf)
    program = compiled(registry.load(REFERENCE), case)
    got = trained(program, case, RUN_EPOCHS, shuffle, start=nudged).parameters
    want = expected(case, RUN_EPOCHS, shuffle).parameters
    return float(np.abs(got - want).max() / np.abs(want).max())


def compare_states(
    layout: ParameterLayout,
    got: Trained | TrainingState,
    want: Trained | TrainingState,
    allowed: Tolerance,
) -> list[Measure]:
    """Measure parameters, and each slot of the optimizer by its own largest entry."""
    found = measures.layers("weights", layout, got.parameters, want.parameters, allowed)
    if got.optimizer_state.shape != want.optimizer_state.shape:
        return [*found, measures.promise("the optimizer's state has another length", kept=False)]
    slots = (state.optimizer_state.reshape(-1, layout.size) for state in (got, want))
    for ours, theirs in zip(*slots, strict=True):
        found += measures.layers("optimizer's state", layout, ours, theirs, allowed)
    return found


def compare_runs(case: Case, got: Trained, want: Trained, allowed: Tolerance) -> list[Measure]:
    """Measure the losses of a run and the state that it left behind."""
    return [
        measures.losses(got.losses, want.losses, allowed),
        *compare_states(case.network.layout, got, want, allowed),
    ]
