"""Do peers compute the same? Each is held against one run in float64, step by step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from samplewise.bench.peers.own import Training
from samplewise.bench.peers.own_prediction import ProgramCall
from samplewise.bench.peers.task import Outcome, Runner, Task
from samplewise.contract.plan import DIRECT
from samplewise.registry import AUTO, resolve
from samplewise.testing import measures
from samplewise.testing.measures import Measure
from samplewise.testing.tolerances import Tolerance, of_run, tolerance


@dataclass(frozen=True, eq=False)
class Standard:
    """What a task comes to, and how far from it a correct float32 run may end.

    Args:
        outcome: of the run in float64.
        allowed: for weights relative to the largest weight, for losses to the largest loss or 1.
    """

    outcome: Outcome
    allowed: Tolerance


def standard(task: Task) -> Standard:
    """Run a task in float64, and again from weights moved by one float32 ulp.

    What the nudge does to the last weights is the yardstick of `testing.tolerances.of_run`.

    Raises:
        ParameterError: the task is so chaotic that no tolerance means anything.
    """
    if task.calls:
        return _of_prediction(task)
    backend = _backend(task)
    outcome, nudged = (
        _outcome(Training(task, backend, DIRECT, "float64", nudged=moved))
        for moved in (False, True)
    )
    size = np.abs(outcome.values).max()
    yardstick = float(np.abs(nudged.values - outcome.values).max() / size)
    return Standard(outcome, of_run(yardstick, task.problem.dtype.name))


def _of_prediction(task: Task) -> Standard:
    outcome = _outcome(ProgramCall(task, _backend(task), "float64"))
    return Standard(outcome, tolerance("forward", task.problem.dtype.name))


def _backend(task: Task) -> str:
    problem, dtype = task.problem, np.dtype("float64")
    choice = resolve(AUTO, problem.network, problem.loss, problem.optimizer, dtype, DIRECT)
    return choice.backend.name


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
        came, expected = got.values.shape, want.values.shape
        return [
            *found,
            measures.condition(f"weights: are {came}, expected {expected}", holds=False),
        ]
    for problem, own, other in zip(task.problems, got.values, want.values, strict=True):
        found += measures.layers("weights", problem.network.layout, own, other, allowed)
    return found


def worst(found: Sequence[Measure]) -> Measure:
    """Return the measure that comes nearest to failing, or fails the most."""
    return max(found, key=lambda measure: measure.ratio)
