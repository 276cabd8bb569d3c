"""Checks of calls that a program prepares once: to predict rows, and to learn them."""

from __future__ import annotations

import dataclasses
from functools import partial

import numpy as np

from samplewise.contract import Program, Steps
from samplewise.contract.plan import DIRECT
from samplewise.testing import measures, tolerances
from samplewise.testing.measures import Measure, condition
from samplewise.testing.problems import Problem


def predictor_predicts(program: Program, drawn: Problem, _: Steps) -> list[Measure]:
    """A prepared call gives the logits of the rows and parameters that it finds at the call."""
    X, others, parameters = drawn.X[:2].copy(), drawn.X[-2:], np.zeros_like(drawn.parameters)
    call, logits = program.predictor(parameters, X)
    X[...], parameters[...] = others, drawn.parameters
    wanted = program.predict(drawn.parameters, others)
    call()
    allowed = tolerances.tolerance("forward", drawn.dtype.name)
    found = [
        measures.entries("logits of a prepared call", logits, wanted, allowed),
        measures.same_bits("rows of a prepared call", X, others),
    ]
    X[-1, -1] = np.inf
    call()
    refused = bool(np.isnan(logits).all())
    return [*found, condition("a prepared call answers an infinite value, not NaN", refused)]


def learner_learns(program: Program, drawn: Problem, steps: Steps) -> list[Measure]:
    """A prepared call learns the rows that it finds, each time from the state of the last one."""
    if program.plan.name != DIRECT or not program.plan.in_place:
        return []
    X, Y = drawn.X[:1].copy(), drawn.Y[:1].copy()
    one = dataclasses.replace(steps, order=np.arange(1), start=0, stop=1, batch_size=1)
    (state, losses), (other, others) = ((drawn.state(), np.zeros((2, 1), X.dtype)) for _ in "ab")
    learner = getattr(program, "learner", None) or partial(Program.learner, program)
    seen = np.zeros(1, X.dtype)
    call = learner(state, X, Y, one, seen)
    for k in range(2):
        X[...], Y[...] = drawn.X[k], drawn.Y[k]
        call()
        losses[k] = seen
        state.step += 1
    for k in range(2):
        row = slice(k, k + 1)
        program.run_epoch(other, drawn.X[row].copy(), drawn.Y[row].copy(), one, others[k])
        other.step += 1
    program.synchronize(other)
    allowed = tolerances.after_steps(2, drawn.dtype.name)
    return [
        measures.entries("weights of a prepared step", state.parameters, other.parameters, allowed),
        measures.entries("losses of a prepared step", losses, others, allowed),
        measures.same_bits("rows of a prepared step", X, drawn.X[1:2]),
    ]
