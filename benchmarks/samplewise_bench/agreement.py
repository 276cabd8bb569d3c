"""Before anything is timed: do all contestants compute the same thing?

Backends on a row of the report are compared by their losses, as some rows are chaotic. Peers are
held against one run in float64, step by step, by their losses and the weights of each layer.
"""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby

import numpy as np

from samplewise.contract.plan import DIRECT
from samplewise.errors import ContractError
from samplewise.plugins import AUTO
from samplewise.registry import resolve
from samplewise.testing import measures
from samplewise.testing.measures import Measure
from samplewise.testing.tolerances import Tolerance, of_run, tolerance
from samplewise_bench.peers.own import OwnTraining, program_calls
from samplewise_bench.peers.task import Outcome, Runner, Task
from samplewise_bench.training import TimedRun, Training

# Relative, on mean losses. Backends differ by the order of their sums only: after the 800 steps of
# a first epoch about 1e-15 in float64 and 1e-6 in float32 was measured.
FIRST_LOSS = {"float64": 1e-9, "float32": 1e-3}
# After a whole training; in float32, 1 % is noticeable to a user.
FINAL_LOSS = {"float64": 1e-6, "float32": 1e-2}
# Some rows are chaotic: there one rounding of the initial parameters changes the final loss by
# more than any fixed tolerance, on one and the same backend. That change, times this, is allowed.
NUDGE_FACTOR = 100
# From here on a final loss means nothing, and a note says so.
CHAOTIC = 0.01


@dataclass(frozen=True)
class Key:
    """One cell of a comparison of backends."""

    row: str
    batch_size: int
    backend: str


def check_agreement(trainings: Mapping[Key, Training]) -> list[str]:
    """Train each once; refuse backends that disagree on a row and batch size.

    Returns:
        A note for each row and batch size whose final losses cannot be compared.

    Raises:
        ContractError: naming row, batch size, backends and losses.
    """
    notes = []
    for (row, batch_size), keys in groupby(trainings, lambda key: (key.row, key.batch_size)):
        contestants = {key.backend: trainings[key] for key in keys}
        runs = {name: each.run_once() for name, each in contestants.items()}
        # Any backend would do: chaos is a property of the row.
        fastest = min(runs, key=lambda name: runs[name].seconds)
        nudged = contestants[fastest].run_once(nudged=True)
        sensitivity = _difference(nudged.final_loss, runs[fastest].final_loss)
        dtype = contestants[fastest].problem.dtype.name
        what = f"row {row} at batch size {batch_size} in {dtype}"
        compare_losses(what, runs, dtype, sensitivity)
        if sensitivity > CHAOTIC:
            notes.append(
                f"{what} is chaotic: moving its first weights by one ulp moves its final loss by "
                f"{sensitivity:.0%}, so only first epochs were compared"
            )
    return notes


def compare_losses(what: str, runs: Mapping[str, TimedRun], dtype: str, sensitivity: float) -> None:
    """Refuse runs whose losses differ from those of the first run.

    Raises:
        ContractError: a loss differs, or is not finite.
    """
    (other, expected), *others = runs.items()
    final_tolerance = max(FINAL_LOSS[dtype], NUDGE_FACTOR * sensitivity)
    for backend, run in others:
        for epoch, got, want, allowed in (
            ("first", run.first_loss, expected.first_loss, FIRST_LOSS[dtype]),
            ("last", run.final_loss, expected.final_loss, final_tolerance),
        ):
            # Not ">": a NaN must not pass.
            if not _difference(got, want) <= allowed:
                raise ContractError(
                    f"{what}: the loss of the {epoch} epoch is {got:.9g} on {backend} but "
                    f"{want:.9g} on {other}; programs that compute different things are not timed"
                )


def _difference(got: float, want: float) -> float:
    return abs(got - want) / max(abs(want), sys.float_info.min)


@dataclass(frozen=True, eq=False)
class Standard:
    """The correct outcome of a task, and how far from it a float32 run may end.

    Args:
        outcome: of the run in float64.
        allowed: for weights relative to the largest weight, for losses to the largest loss or 1.
    """

    outcome: Outcome
    allowed: Tolerance


def standard(task: Task) -> Standard:
    """Run a task in float64, and again from parameters moved by one float32 ulp.

    The change of the last weights is the yardstick of `testing.tolerances.of_run`.

    Raises:
        ParameterError: the task is so chaotic that no tolerance means anything.
    """
    problem, dtype = task.problem, np.dtype("float64")
    parts = problem.network, problem.loss, problem.optimizer
    backend = resolve(AUTO, *parts, dtype, DIRECT).backend.name
    if task.calls:
        outcome = _outcome(program_calls(task, backend, "float64"))
        return Standard(outcome, tolerance("forward", problem.dtype.name))
    trainings = [Training(each, backend, DIRECT, dtype="float64") for each in task.problems]
    outcome, nudged = (_outcome(OwnTraining(trainings, nudged=moved)) for moved in (False, True))
    size = np.abs(outcome.values).max()
    yardstick = float(np.abs(nudged.values - outcome.values).max() / size)
    return Standard(outcome, of_run(yardstick, problem.dtype.name))


def _outcome(runner: Runner) -> Outcome:
    runner.reset()
    runner.run()
    return runner.outcome()


def compare(task: Task, got: Outcome, want: Outcome, allowed: Tolerance) -> list[Measure]:
    """Return the measures of an outcome: its losses, and the weights of each layer."""
    if task.calls:
        return [measures.entries("probabilities", got.values, want.values, allowed)]
    found = [measures.losses(got.losses, want.losses, allowed)]
    if got.values.shape != want.values.shape:
        shapes = f"weights: are {got.values.shape}, expected {want.values.shape}"
        return [*found, measures.condition(shapes, holds=False)]
    for problem, own, other in zip(task.problems, got.values, want.values, strict=True):
        found += measures.layers("weights", problem.network.layout, own, other, allowed)
    return found


def worst(found: Sequence[Measure]) -> Measure:
    """Return the measure that comes nearest to failing, or fails the most."""
    return max(found, key=lambda measure: measure.ratio)
