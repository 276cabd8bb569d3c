"""Checks of rates of single steps, weights of rows and decisions, without any other backend."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.contract import RATES, WEIGHTS, Program, Steps, TrainingState
from samplewise.network import SGD, ClassLoss
from samplewise.testing import measures, runs, tolerances
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import Problem

Trained = tuple[TrainingState, NDArray[Any]]


def rates_are_of_steps(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """A rate a step trains as the steps made one by one, each at its rate."""
    size = steps.batch_size
    edges = [*range(steps.start, steps.stop, size), steps.stop]
    rates = steps.learning_rate * np.linspace(1.0, 0.25, len(edges) - 1)
    windows = [
        dataclasses.replace(steps, start=start, stop=stop, learning_rate=float(rate))
        for start, stop, rate in zip(edges, edges[1:], rates, strict=False)
    ]
    whole = dataclasses.replace(steps, learning_rate=float(rates[0]), rates=rates)
    got, wanted = (_run(program, drawn, cut) for cut in ([whole], windows))
    return _compared("rates", drawn, got, wanted, len(windows))


def weight_2_is_the_row_twice(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """In one batch of all rows, a row of weight 2 counts as that row twice.

    Dropout keeps other values of the row where it stands a second time.
    """
    if any(layer.differs_in_training for layer in drawn.network.layers):
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
    got, (state, losses) = _run(program, drawn, [whole]), _run(program, doubled, [twice])
    return _compared("weights", drawn, got, (state, losses[:rows]), 1)


def weights_are_not_normalised(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Without momentum and penalty, half the weight of all rows is half the rate."""
    if drawn.optimizer != SGD():
        return []
    halves = np.full(len(drawn.X), 0.5, dtype=drawn.dtype)
    light = dataclasses.replace(steps, weights=halves)
    slow = dataclasses.replace(steps, learning_rate=steps.learning_rate / 2)
    got, wanted = (_run(program, drawn, [each]) for each in (light, slow))
    return _compared("weights", drawn, got, wanted, -(-steps.stop // steps.batch_size))


def decisions_are_of_the_losses(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """Steps decide as `predict` does right before each, and train as without decisions.

    Dropout takes other logits than `predict`, and a tie may go either way.
    """
    if not isinstance(drawn.loss, ClassLoss) or any(
        layer.differs_in_training for layer in drawn.network.layers
    ):
        return []
    decisions = np.full(len(drawn.X), -1, dtype=np.int64)
    got = _run(program, drawn, [dataclasses.replace(steps, decisions=decisions)])
    without = _run(program, drawn, [steps])
    logits = _logits_before_each_step(program, drawn, steps)
    if logits.shape[1] == 1:
        logits = np.hstack([np.zeros_like(logits), logits])
    second, first = np.partition(logits, -2, axis=1)[:, -2:].T
    clear = first - second > np.sqrt(np.finfo(drawn.dtype).eps) * np.abs(logits).max(axis=1)
    right = (decisions == logits.argmax(axis=1)) | (~clear & (decisions >= 0))
    return [
        condition("decisions: not those of the logits behind the losses", bool(right.all())),
        *_compared("decisions", drawn, got, without, steps.count),
    ]


def _logits_before_each_step(program: Program, drawn: Problem, steps: Steps) -> NDArray[Any]:
    """Return the logits of each sample, in the order of the epoch, (n, outputs)."""
    state, found = drawn.state(), []
    losses = np.full(len(drawn.X), np.nan, dtype=drawn.dtype)
    for start in range(steps.start, steps.stop, steps.batch_size):
        stop = min(start + steps.batch_size, steps.stop)
        program.synchronize(state)
        found.append(program.predict(state.parameters, drawn.X[steps.order[start:stop]]))
        step = dataclasses.replace(steps, start=start, stop=stop)
        runs.run_window(program, drawn, state, step, losses)
    program.synchronize(state)
    return np.concatenate(found)


def _run(program: Program, drawn: Problem, windows: list[Steps]) -> Trained:
    state = drawn.state()
    losses = np.full(len(drawn.X), np.nan, dtype=drawn.dtype)
    for steps in windows:
        runs.run_window(program, drawn, state, steps, losses)
    program.synchronize(state)
    return state, losses


def _compared(
    field: str, drawn: Problem, got: Trained, wanted: Trained, steps: int
) -> list[Measure]:
    allowed = tolerances.after_training(drawn.optimizer, steps, drawn.dtype.name)
    found = [
        measures.losses(got[1], wanted[1], allowed),
        *runs.compare_states(drawn.network.layout, got[0], wanted[0], allowed),
    ]
    return [dataclasses.replace(each, what=f"{each.what}, with {field}") for each in found]


STEP_CHECKS: dict[str, list[Callable[[Program, Problem, Steps], list[Measure]]]] = {
    RATES: [rates_are_of_steps],
    WEIGHTS: [weight_2_is_the_row_twice, weights_are_not_normalised],
}
"""The checks of each step field."""
