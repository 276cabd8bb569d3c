"""One epoch by each plan; a group compares plans on one shape."""

import dataclasses

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import PLANS, Steps
from samplewise.contract.plan import AUTO_PLAN, DIRECT
from samplewise_bench.shapes import SHAPES, WIDE
from samplewise_bench.training import Training

BACKEND = "numba_cpu"
CHOSEN = (
    "784-10-1, batch 1",
    "784-10-1, batch 32",
    "784-256-1, batch 1",
    "784-128-10, batch 16",
    WIDE,
)


def epoch(training):
    """Return what pedantic takes: an epoch after the first, from fresh weights."""
    problem = training.problem
    state = training.fresh_states()[0]
    order = np.arange(len(problem.X))
    steps = Steps(order, 0, len(order), problem.batch_size, problem.learning_rate)
    losses = np.ones(len(order), dtype=problem.dtype)
    given = (state, problem.X, problem.Y, steps, losses)
    training.program.run_epoch(*given)
    return given, {}


@pytest.mark.parametrize("plan", [AUTO_PLAN, *PLANS])
@pytest.mark.parametrize("shape", CHOSEN)
def test_epoch(benchmark, shape, plan):
    if plan not in {AUTO_PLAN, *registry.load(BACKEND).capabilities.plans}:
        pytest.skip(f"{BACKEND} has no plan {plan}")
    benchmark.group = f"epoch of {shape}, float32"
    training = Training(SHAPES[shape].problem(), BACKEND, plan)
    seen = []

    def fresh():
        for state, *_ in seen:
            training.program.synchronize(state)
        given, named = epoch(training)
        seen[:] = [given]
        return given, named

    benchmark.pedantic(training.program.run_epoch, setup=fresh, rounds=5, warmup_rounds=1)

    direct = Training(SHAPES[shape].problem(), BACKEND, DIRECT)
    (*given, expected), _ = epoch(direct)
    direct.program.run_epoch(*given, expected)
    np.testing.assert_allclose(seen[0][-1], expected, rtol=2e-3, atol=2e-4)


@pytest.mark.parametrize("plan", [AUTO_PLAN])
def test_many_networks(benchmark, plan):
    if not registry.load(BACKEND).capabilities.many:
        pytest.skip(f"{BACKEND} trains one network at a time")
    benchmark.group = "train 50 networks 784-10-1, float32"
    problem = SHAPES["784-10-1, batch 1"].problem()
    problems = [dataclasses.replace(problem, seed=seed) for seed in range(50)]
    training = Training(problems, BACKEND, plan)

    run = benchmark.pedantic(training.run_once, rounds=5, warmup_rounds=1)

    alone = [Training(each, BACKEND).run_once().final_loss for each in problems]
    assert run.final_loss == pytest.approx(np.mean(alone), rel=1e-4)
