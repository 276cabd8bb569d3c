"""Training sessions of cases, and comparisons of their runs; the reference trains each case once.

The kit trains and compiles through `training.session`, as everything does. The unit checks take
`Session.program` and call its methods: `gradients`, the predictor and windows of their own choice
lie below the session.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from samplewise import registry
from samplewise.contract import Backend, Program, Steps, TrainingState, Workload
from samplewise.network import ParameterLayout
from samplewise.testing import measures, tolerances
from samplewise.testing.cases import Case
from samplewise.testing.measures import Measure
from samplewise.testing.problems import REFERENCE, Problem, problem
from samplewise.testing.tolerances import Tolerance
from samplewise.training import batches
from samplewise.training.session import Session

RUN_EPOCHS = 3
# A thousand million times less than the first one.
MOST_RATES = 16
# All 64 bits count.
FIRST_DROPOUT_KEY = 2**63
ORDER_SEED = 7
# The state after some windows, and the losses of all rows.
Ended = tuple[TrainingState, NDArray[Any]]


@dataclass(frozen=True, eq=False)
class RunEnd:
    """The end of a run.

    Args:
        parameters: last ones, (P,).
        optimizer_state: last slots, (slots * P,).
        losses: of every epoch, (epochs, n).
        penalties: of all steps in turn; empty where they have none.
    """

    parameters: NDArray[Any]
    optimizer_state: NDArray[Any]
    losses: NDArray[Any]
    penalties: NDArray[np.float64]


def workload_of(case: Case, plan: str, *, shuffle: bool = False) -> Workload:
    """Return the workload of a run of a case by a plan."""
    return Workload(
        case.rows,
        case.batch_size,
        RUN_EPOCHS,
        shuffle,
        plan,
        step_fields=case.step_fields,
    )


def session_of(backend: Backend, cases: Sequence[Case], workload: Workload | None) -> Session:
    """Return a session of one case, or of several that train at once, not yet compiled."""
    first = cases[0]
    return Session(
        backend,
        [case.network for case in cases],
        first.loss,
        [case.optimizer for case in cases],
        np.dtype(first.dtype),
        workload,
    )


def compiled(
    backend: Backend, case: Case, plan: str | None = None, *, shuffle: bool = False
) -> Session:
    """Return a session of a case, compiled and warmed up."""
    workload = None if plan is None else workload_of(case, plan, shuffle=shuffle)
    session = session_of(backend, [case], workload)
    session.compile()
    return session


def program_of(
    backend: Backend, case: Case, plan: str | None = None, *, shuffle: bool = False
) -> Program:
    """Return the program of a case, for checks of its single methods."""
    return cast(Program, compiled(backend, case, plan, shuffle=shuffle).program)


def trained(
    session: Session,
    case: Case,
    epochs: int,
    shuffle: bool,
    *,
    start: NDArray[Any] | None = None,
    chunk: int | None = None,
) -> RunEnd:
    """Train a case in a session of it.

    Args:
        session: compiled.
        case: whose arrays are used.
        epochs: at least 1.
        shuffle: draw a new order an epoch.
        start: first parameters (P,); None takes those of the case.
        chunk: samples in a call; None takes the session's.
    """
    drawn = problem(case)
    state = drawn.state(start)
    session.begin([state])
    losses = np.full((epochs, 1, case.rows), np.nan, dtype=drawn.dtype)
    windows = []
    samples = session.chunk_samples if chunk is None else chunk
    orders = batches.Orders(case.rows, ORDER_SEED if shuffle else None)
    for epoch in range(epochs):
        order = orders.of_epoch(epoch + 1)
        for steps in batches.chunks(order, case.batch_size, drawn.learning_rate, samples):
            own = with_fields(drawn, steps, FIRST_DROPOUT_KEY + epoch)
            session.run(drawn.X, drawn.Y, [own], losses[epoch], [0])
            windows.append(own)
    session.synchronize()
    penalties = penalties_of(windows)
    return RunEnd(state.parameters, state.optimizer_state, losses[:, 0], penalties)


def penalties_of(windows: Sequence[Steps]) -> NDArray[np.float64]:
    """Return the penalties of windows in turn; empty where they have none."""
    found = [steps.penalties for steps in windows if steps.penalties is not None]
    return np.concatenate(found) if found else np.empty(0)


def with_fields(drawn: Problem, steps: Steps, dropout_key: int = FIRST_DROPOUT_KEY) -> Steps:
    """Return a window with a dropout key, and the problem's rates, weights and L2.

    Its penalties are still to be written.
    """
    first, last = steps.start // steps.batch_size, -(-steps.stop // steps.batch_size)
    rates = None if drawn.rates is None else drawn.rates[first:last]
    l2 = None if drawn.l2 is None else drawn.l2[first:last]
    return dataclasses.replace(
        steps,
        learning_rate=drawn.learning_rate if rates is None else float(rates[0]),
        dropout_key=dropout_key,
        rates=rates,
        weights=drawn.weights,
        l2=l2,
        penalties=None if l2 is None else np.full(len(l2), np.nan),
    )


def run_window(
    program: Program, drawn: Problem, state: TrainingState, steps: Steps, losses: NDArray[Any]
) -> None:
    """Train on a window, and count its steps as a session does."""
    program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
    state.step += steps.count


def of_windows(program: Program, drawn: Problem, windows: Sequence[Steps]) -> Ended:
    """Train on windows from the problem's state; losses are NaN where none are written."""
    state, losses = drawn.state(), np.full(len(drawn.X), np.nan, dtype=drawn.dtype)
    for steps in windows:
        run_window(program, drawn, state, steps, losses)
    program.synchronize(state)
    return state, losses


@cache
def expected(case: Case, epochs: int, shuffle: bool) -> RunEnd:
    """Return the reference's run of a case."""
    return trained(compiled(registry.load(REFERENCE), case), case, epochs, shuffle)


@cache
def at_finite_rate(case: Case, epochs: int, shuffle: bool) -> Case:
    """Return the case, with a lower rate where the reference's run of it overflows.

    Nothing can be compared with such a run. The rate that suits all others is too high for a few:
    two in a thousand of all triples of factors. One that overflows at any rate keeps its own.
    """
    for rate in case.learning_rate / 4.0 ** np.arange(MOST_RATES):
        calm = dataclasses.replace(case, learning_rate=float(rate))
        if np.isfinite(expected(calm, epochs, shuffle).losses).all():
            return calm
    return case


@cache
def yardstick(case: Case, shuffle: bool = True) -> float:
    """Return the effect on a run of nudging each first weight by one unit in the last place.

    Up and down, as one of them may happen to change little: in one run of the thorough
    certificate, the nudge down has 28 times the effect of the nudge up.

    Args:
        case: to train.
        shuffle: draw a new order an epoch. A problem may be calmer in one order than in another.

    Returns:
        The largest change of a last weight, relative to the largest.
    """
    return max(_effect_of_nudge(case, shuffle, towards) for towards in (np.inf, -np.inf))


def _effect_of_nudge(case: Case, shuffle: bool, towards: float) -> float:
    drawn = problem(case)
    nudged = drawn.parameters.copy()
    for view in drawn.network.layout.views(nudged).values():
        view[...] = np.nextafter(view, towards)
    session = compiled(registry.load(REFERENCE), case)
    got = trained(session, case, RUN_EPOCHS, shuffle, start=nudged).parameters
    want = expected(case, RUN_EPOCHS, shuffle).parameters
    return float(np.abs(got - want).max() / np.abs(want).max())


def compare_states(
    layout: ParameterLayout,
    got: RunEnd | TrainingState,
    want: RunEnd | TrainingState,
    allowed: Tolerance,
) -> list[Measure]:
    """Measure parameters, and each slot of the optimizer by its own largest entry."""
    found = measures.layers("weights", layout, got.parameters, want.parameters, allowed)
    if got.optimizer_state.shape != want.optimizer_state.shape:
        return [*found, measures.condition("the optimizer's state has another length", holds=False)]
    slots = (state.optimizer_state.reshape(-1, layout.size) for state in (got, want))
    for ours, theirs in zip(*slots, strict=True):
        found += measures.layers("optimizer's state", layout, ours, theirs, allowed)
    return found


def compare_ends(drawn: Problem, got: Ended, want: Ended, steps: int) -> list[Measure]:
    """Measure the losses and the state after so many steps."""
    allowed = tolerances.after_training(drawn.optimizer, steps, drawn.dtype.name)
    states = compare_states(drawn.network.layout, got[0], want[0], allowed)
    return [measures.losses(got[1], want[1], allowed), *states]


def compare_runs(case: Case, got: RunEnd, want: RunEnd, allowed: Tolerance) -> list[Measure]:
    """Measure the losses and penalties of a run, and its last state."""
    found = [measures.losses(got.losses, want.losses, allowed)]
    if want.penalties.size:
        found.append(measures.sized("penalties", got.penalties, want.penalties, allowed))
    return [*found, *compare_states(case.network.layout, got, want, allowed)]
