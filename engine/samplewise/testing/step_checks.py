"""Checks of fields of `Steps`, without any other backend."""

from __future__ import annotations

import dataclasses
import itertools
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import PENALTIES, RATES, WEIGHTS, Program, Steps, TrainingState
from samplewise.network import SGD, ClassLoss
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import Problem
from samplewise.testing.runs import Ended


def rates_are_of_steps(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """A rate a step trains as the steps made one by one, each at its rate."""
    rates = steps.learning_rate * np.linspace(1.0, 0.25, steps.count)
    windows = [
        dataclasses.replace(step, learning_rate=float(rate))
        for step, rate in zip(_single_steps(steps), rates, strict=True)
    ]
    whole = dataclasses.replace(steps, learning_rate=float(rates[0]), rates=rates)
    got, wanted = (runs.of_windows(program, drawn, cut) for cut in ([whole], windows))
    return _compared("rates", drawn, got, wanted, len(windows))


def weight_2_is_the_row_twice(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """In one batch of all rows, a row of weight 2 counts as that row twice.

    Dropout keeps other values of the row where it stands a second time.
    """
    if drawn.network.differs_in_training:
        return []
    rows, row = len(drawn.X), int(steps.order[1])
    weights = np.ones(rows)
    weights[row] = 2
    # The mean over n + 1 rows, from a sum that is divided by n.
    weights = (weights * rows / (rows + 1)).astype(drawn.dtype)
    whole = dataclasses.replace(steps, batch_size=rows, weights=weights)
    doubled = dataclasses.replace(
        drawn, X=drawn.X[[*range(rows), row]], Y=drawn.Y[[*range(rows), row]]
    )
    order = np.append(steps.order, rows)
    twice = dataclasses.replace(steps, order=order, stop=rows + 1, batch_size=rows + 1)
    got = runs.of_windows(program, drawn, [whole])
    state, losses = runs.of_windows(program, doubled, [twice])
    return _compared("weights", drawn, got, (state, losses[:rows]), 1)


def weights_are_not_normalised(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Without momentum and penalty, half the weight of all rows is half the rate."""
    if drawn.optimizer != SGD():
        return []
    halves = np.full(len(drawn.X), 0.5, dtype=drawn.dtype)
    light = dataclasses.replace(steps, weights=halves)
    slow = dataclasses.replace(steps, learning_rate=steps.learning_rate / 2)
    got, wanted = (runs.of_windows(program, drawn, [each]) for each in (light, slow))
    return _compared("weights", drawn, got, wanted, steps.count)


def penalties_are_of_the_weights_before(
    program: Program, drawn: Problem, steps: Steps
) -> list[Measure]:
    """The penalty of a step is l2/2 |W|^2 right before it; the steps may also be made one by one.

    Without an L2 they train as if the field were not there.
    """
    l2 = np.linspace(0.2, 0.05, steps.count)
    whole = _with_l2(steps, l2)
    singles = [_with_l2(step, l2[k : k + 1]) for k, step in enumerate(_single_steps(steps))]
    none = _with_l2(steps, np.zeros(steps.count))
    one_by_one, squares = _step_by_step(program, drawn, singles, _penalised_squares)
    got, without, plain = (runs.of_windows(program, drawn, [each]) for each in (whole, none, steps))
    allowed = tolerances.after_training(drawn.optimizer, steps.count, drawn.dtype.name)
    return [
        *_compared("penalties", drawn, got, one_by_one, steps.count),
        *(
            measures.sized(
                "penalties", runs.penalties_of(some), l2 / 2 * np.array(squares), allowed
            )
            for some in ([whole], singles)
        ),
        *_compared("penalties of 0", drawn, without, plain, steps.count),
        condition("penalties: not 0 where l2 is 0", not runs.penalties_of([none]).any()),
    ]


def _with_l2(steps: Steps, l2: NDArray[np.float64]) -> Steps:
    return dataclasses.replace(steps, l2=l2, penalties=np.full(len(l2), np.nan))


def _single_steps(steps: Steps) -> list[Steps]:
    """Return a window as windows of one step each."""
    edges = [*range(steps.start, steps.stop, steps.batch_size), steps.stop]
    return [
        dataclasses.replace(steps, start=start, stop=stop)
        for start, stop in itertools.pairwise(edges)
    ]


def _step_by_step(
    program: Program, drawn: Problem, windows: list[Steps], look: Callable[..., Any]
) -> tuple[Ended, list[Any]]:
    """Train on windows; also return `look(drawn, state, steps)` right before each."""
    state, found = drawn.state(), []
    losses = np.full(len(drawn.X), np.nan, dtype=drawn.dtype)
    for steps in windows:
        program.synchronize(state)
        found.append(look(drawn, state, steps))
        runs.run_window(program, drawn, state, steps, losses)
    program.synchronize(state)
    return (state, losses), found


def _penalised_squares(drawn: Problem, state: TrainingState, _: Steps) -> float:
    """Return |W|^2 of the penalised weights."""
    weights = state.parameters.astype(np.float64)
    parts = [weights[slot.offset :][: slot.size] for slot in drawn.network.weights]
    return sum(float(part @ part) for part in parts)


def decisions_are_of_the_losses(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Steps decide as `predict` does right before each, and train as without decisions.

    Dropout takes other logits than `predict`, and a tie may go either way.
    """
    if not isinstance(drawn.loss, ClassLoss) or drawn.network.differs_in_training:
        return []
    decisions = np.full(len(drawn.X), -1, dtype=np.int64)
    got = runs.of_windows(program, drawn, [dataclasses.replace(steps, decisions=decisions)])
    without = runs.of_windows(program, drawn, [steps])

    def logits_of_rows(_: Problem, state: TrainingState, step: Steps) -> NDArray[Any]:
        return program.predict(state.parameters, drawn.X[steps.order[step.start : step.stop]])

    logits = np.concatenate(_step_by_step(program, drawn, _single_steps(steps), logits_of_rows)[1])
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    second, first = np.partition(logits, -2, axis=1)[:, -2:].T
    clear = first - second > np.sqrt(np.finfo(drawn.dtype).eps) * np.abs(logits).max(axis=1)
    right = (decisions == logits.argmax(axis=1)) | (~clear & (decisions >= 0))
    return [
        condition("decisions: not those of the logits behind the losses", bool(right.all())),
        *_compared("decisions", drawn, got, without, steps.count),
    ]


def _compared(field: str, drawn: Problem, got: Ended, wanted: Ended, steps: int) -> list[Measure]:
    found = runs.compare_ends(drawn, got, wanted, steps)
    return [dataclasses.replace(each, what=f"{each.what}, with {field}") for each in found]


STEP_CHECKS: dict[str, list[Callable[[Program, Problem, Steps], list[Measure]]]] = {
    RATES: [rates_are_of_steps],
    WEIGHTS: [weight_2_is_the_row_twice, weights_are_not_normalised],
    PENALTIES: [penalties_are_of_the_weights_before],
}
"""The checks of each step field."""
