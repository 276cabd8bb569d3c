"""Between a training and its snapshots: its identity, and each network's part of one."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import Plan, PlanSpec
from samplewise.contract.state import step_count
from samplewise.errors import DivergenceError, SnapshotError
from samplewise.training.rows.training_rows import TrainingRows
from samplewise.training.snapshot import (
    FORMAT,
    PLAN,
    NetworkSnapshot,
    Snapshot,
    fill,
    frozen,
    json_values,
)
from samplewise.training.training_run import TrainingRun

# Settings that leave these open train as settings that name the choice that was made.
_BACKEND = "backend"
_IN_PLACE = "in_place"


def identity_of(
    runs: Sequence[TrainingRun], rows: TrainingRows, plan: Plan | None = None
) -> dict[str, Any]:
    """Describe a training, as JSON values, so that a snapshot is known to belong to it.

    Before it is compiled, `plan` is None.
    """
    held = rows.validation
    alone = len(runs) == 1
    of_each: dict[str, list[Any]] = {
        # First: an estimator's seed is drawn after the weights of its network.
        "network" if alone else "networks": [run.network.to_dict() for run in runs],
        # Before the data, which some settings decide too.
        "settings": [_settings(run) for run in runs],
        "metrics": [sorted(run.functions.metrics) for run in runs],
        "figures": [sorted([*run.functions.figures, *run.functions.ensemble]) for run in runs],
    }
    identity: dict[str, Any] = {
        "format": FORMAT,
        "networks_at_once": len(runs),
        **{name: each[0] if alone else each for name, each in of_each.items()},
        "dtype": rows.X.dtype.name,
        "data": str(rows.fingerprint),
        "validation": None if held is None else str(held.fingerprint),
    }
    if plan is not None:
        identity[PLAN] = _plan(plan)
    return json_values(identity)


def _plan(plan: Plan) -> dict[str, Any]:
    # The other fields say why it was chosen, predict its time, and cut its work.
    return {**asdict(plan.spec), _IN_PLACE: plan.in_place}


def environment_of(run: TrainingRun) -> dict[str, Any]:
    """Return backend, versions, processor and kernels of a run: later bits may depend on them."""
    found = run.history.environment
    names = "versions", "processor", "kernels"
    return {_BACKEND: run.backend.name} | {name: found[name] for name in names if name in found}


def check_plan(snapshot: Snapshot, plan: Plan, backend: str) -> None:
    """Refuse to continue in another plan, but where both backends update the same arrays.

    A snapshot that names no plan has its weights whole, and goes on in any.

    Raises:
        SnapshotError: it is of another plan.
    """
    if has_whole_weights(snapshot):
        return
    theirs, ours = snapshot.identity.get(PLAN), _plan(plan)
    other = snapshot.environment.get(_BACKEND) != backend
    if not (other and isinstance(theirs, dict) and theirs.get(_IN_PLACE) and plan.in_place):
        snapshot.check({PLAN: json_values(ours)})


def has_whole_weights(snapshot: Snapshot) -> bool:
    """Return True if no plan keeps a part of the weights, as `part_of` leaves none."""
    return PLAN not in snapshot.identity


def _settings(run: TrainingRun) -> dict[str, Any]:
    settings = run.settings.to_options()
    # Compared by themselves, as the backend and plan that "auto" came to.
    del settings[_BACKEND], settings[PLAN]
    return {**dict(sorted(settings.items())), "loss": run.loss.description}


def plan_of(snapshot: Snapshot, backend: str) -> PlanSpec | None:
    """Return the plan that a backend took a snapshot with; None where another one did."""
    plan = snapshot.identity.get(PLAN)
    if not isinstance(plan, dict) or snapshot.environment.get(_BACKEND) != backend:
        return None
    details: dict[str, Any] = {field.name: plan.get(field.name) for field in fields(PlanSpec)}
    return PlanSpec(**details)


def snapshot_of(run: TrainingRun, losses: NDArray[Any]) -> NetworkSnapshot:
    """Return copies of all that a network needs to go on."""
    average, best, failed = run.average.value, run.best.value, run.error is not None
    decisions, penalties = run.own_steps.decisions, run.own_steps.penalties
    steps = _steps(run, len(losses))
    return NetworkSnapshot(
        parameters=frozen(run.state.parameters),
        optimizer_state=frozen(run.state.optimizer_state),
        step=run.state.step,
        losses=frozen(losses),
        samples_run=run.samples_run,
        early_stopping=run.early_stopping.state,
        plateau=run.rates.state,
        epochs=tuple(run.history.epochs),
        stopped=run.stopped,
        diverged=str(run.error) if failed else None,
        finite_parameters=frozen(run.finite) if failed else None,
        average=None if average is None else frozen(average),
        best=None if best is None else frozen(best),
        decisions=None if decisions is None else frozen(decisions[: len(losses)]),
        penalties=None if penalties is None else frozen(penalties[:steps]),
    )


def restore(
    run: TrainingRun, snapshot: NetworkSnapshot, losses: NDArray[Any], *, in_place: bool
) -> None:
    """Let a network go on from its part of a snapshot.

    Args:
        run: of the same network, settings and rows.
        snapshot: of the network.
        losses: of the epoch so far, written.
        in_place: whether `parameters` of the snapshot are all of the trained weights.

    Raises:
        SnapshotError: an array has another shape or dtype.
    """
    fill("parameters", run.state.parameters, snapshot.parameters)
    fill("optimizer_state", run.state.optimizer_state, snapshot.optimizer_state)
    fill("losses", losses, snapshot.losses)
    own, steps = run.own_steps, _steps(run, len(losses))
    _restore_written("decisions", own.decisions, snapshot.decisions, len(losses))
    _restore_written("penalties", own.penalties, snapshot.penalties, steps)
    run.state.step, run.samples_run = snapshot.step, snapshot.samples_run
    run.early_stopping.state, run.rates.state = snapshot.early_stopping, snapshot.plateau
    run.average.value = _copy("average", run, snapshot.average)
    run.best.value = _copy("best", run, snapshot.best)
    run.history.epochs, run.stopped = list(snapshot.epochs), snapshot.stopped
    if in_place:
        run.finite[...] = snapshot.parameters
    if snapshot.diverged is not None:
        finite = _copy("finite_parameters", run, snapshot.finite_parameters)
        if finite is None:
            raise SnapshotError("snapshot: finite_parameters is missing; it is damaged")
        run.error = DivergenceError(snapshot.diverged, finite)


def _steps(run: TrainingRun, rows: int) -> int:
    """Return the steps that so many rows of an epoch take."""
    return step_count(rows, run.settings.batch_size)


def _restore_written(
    name: str, ours: NDArray[Any] | None, theirs: NDArray[Any] | None, count: int
) -> None:
    """Write the `count` values that the steps of the epoch so far have written."""
    if (ours is None) != (theirs is None):
        raise SnapshotError(
            f"snapshot: {name} must be there just where the steps write them; continue with the "
            "backend of the snapshot"
        )
    if ours is not None and theirs is not None:
        fill(name, ours[:count], theirs)


def _copy(name: str, run: TrainingRun, given: NDArray[Any] | None) -> NDArray[Any] | None:
    if given is None:
        return None
    copy = np.empty_like(run.state.parameters)
    fill(name, copy, given)
    return copy
