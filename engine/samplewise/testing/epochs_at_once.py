"""Checks of programs that run several epochs in one call."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Backend, Steps, TrainingState
from samplewise.testing import measures, runs
from samplewise.testing.cases import Case
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import Problem, problem
from samplewise.testing.tolerances import Tolerance
from samplewise.training import batches
from samplewise.training.session import Session

Epochs = list[list[Steps]]
LEFT_OUT = 1


def epochs_at_once(
    backend: Backend, members: Sequence[Case], plan: str, allowed: Sequence[Tolerance]
) -> list[Measure]:
    """Compare whole epochs in one call with the same program's epochs one by one.

    Nothing is measured where the program runs no epochs at once. Of several networks one is left
    out. Where the plan is in place, each epoch has an order of its own.

    Args:
        backend: that compiles.
        members: a network, or several that train at once.
        plan: that the backend is asked for.
        allowed: of each network.
    """
    session = runs.session_of(backend, members, runs.workload_of(members[0], plan))
    # Warming up may take seconds, for nothing where epochs are not run at once.
    session.compile(warm_up=False)
    if not session.runs_epochs:
        return []
    session.compile()
    drawn = [problem(member) for member in members]
    orders = batches.Orders(members[0].rows, runs.ORDER_SEED if session.plan.in_place else None)
    epochs = [
        _epoch(drawn, orders.of_epoch(epoch + 1), members[0].batch_size, epoch)
        for epoch in range(runs.RUN_EPOCHS)
    ]
    one_by_one, at_once = (_trained(session, drawn, epochs, at_once=way) for way in (False, True))
    return [
        *_compared(drawn, at_once, one_by_one, allowed),
        _stops_early(session, drawn, epochs),
    ]


def _epoch(
    drawn: Sequence[Problem], order: NDArray[np.int64], batch_size: int, epoch: int
) -> list[Steps]:
    steps = Steps(order, 0, len(order), batch_size, 0.0)
    return [runs.with_fields(one, steps, runs.FIRST_DROPOUT_KEY + epoch) for one in drawn]


def _trained(
    session: Session, drawn: Sequence[Problem], epochs: Epochs, *, at_once: bool
) -> tuple[list[TrainingState], NDArray[np.floating]]:
    """Return the states after all epochs, and the losses (epochs, networks, n)."""
    states = [one.state() for one in drawn]
    session.begin(states)
    X, Y, losses = drawn[0].X, drawn[0].Y, _unwritten(drawn, epochs)
    active = [k for k in range(len(drawn)) if k != LEFT_OUT or len(drawn) == 1]
    if at_once:
        session.run_epochs(X, Y, epochs, losses, active, lambda: False)
    else:
        for steps, seen in zip(epochs, losses, strict=True):
            session.run(X, Y, steps, seen, active)
    session.synchronize()
    return states, losses


def _unwritten(drawn: Sequence[Problem], epochs: Epochs) -> NDArray[np.floating]:
    return np.full((len(epochs), len(drawn), len(drawn[0].X)), np.nan, drawn[0].dtype)


def _compared(
    drawn: Sequence[Problem],
    at_once: tuple[list[TrainingState], NDArray[np.floating]],
    one_by_one: tuple[list[TrainingState], NDArray[np.floating]],
    allowed: Sequence[Tolerance],
) -> list[Measure]:
    (states, losses), (wanted, wanted_losses) = at_once, one_by_one
    same = np.isfinite(losses) == np.isfinite(wanted_losses)
    complaint = "epochs at once: losses of an inactive network are written, or of an active not"
    found = [condition(complaint, bool(same.all()))]
    for k, (one, tolerance) in enumerate(zip(drawn, allowed, strict=True)):
        steps, expected = states[k].step, wanted[k].step
        own = [condition(f"it counts {steps} steps, not {expected}", steps == expected)]
        ours, theirs = (np.nan_to_num(some[:, k]) for some in (losses, wanted_losses))
        own.append(measures.losses(ours, theirs, tolerance))
        own += runs.compare_states(one.network.layout, states[k], wanted[k], tolerance)
        where = f"network {k}, epochs at once" if len(drawn) > 1 else "epochs at once"
        found += [replace(measure, what=f"{where}: {measure.what}") for measure in own]
    return found


def _stops_early(session: Session, drawn: Sequence[Problem], epochs: Epochs) -> Measure:
    """A stop that is set already lets the first epoch end, and begins no other."""
    states = [one.state() for one in drawn]
    session.begin(states)
    everyone, losses = range(len(drawn)), _unwritten(drawn, epochs)
    times = session.run_epochs(drawn[0].X, drawn[0].Y, epochs, losses, everyone, lambda: True)
    counted = [state.step // one.count for state, one in zip(states, epochs[0], strict=True)]
    # Whatever it returns: what it has written beyond that would be lost.
    ran = max(len(times), int(np.isfinite(losses).any(axis=(1, 2)).sum()), *counted)
    return condition(f"epochs at once: {ran} were run after a stop, not 1", ran == 1)
