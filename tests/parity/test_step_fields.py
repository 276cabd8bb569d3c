"""Learning rates that change from step to step, and weights of the rows."""

import dataclasses

import numpy as np
import pytest
from any_network import (
    FIELDS,
    LOSSES,
    ROWS,
    aligned,
    check_agreement,
    drawn,
    field_values,
    trained,
    trained_by_reference,
    window,
    words,
)

from samplewise import registry
from samplewise.contract import RATES, WEIGHTS, Steps, TrainingState, Workload
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, Dense, Network
from samplewise.testing import tolerances

# What a block of steps can be made of.
LINEAR = (SGD(), SGD(0.9), SGD(0.8, nesterov=True, l2=0.01), SGD(l2=0.1))
WIDE = Network((40,), (Dense(5, "tanh"), Dense(3)))


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: "+".join(sorted(fields)))
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("rule", LINEAR, ids=words)
def test_every_plan_agrees_with_the_reference(backend, plan, fields, batch_size, rule):
    if plan not in registry.load(backend).capabilities.plans:
        pytest.skip(f"{backend} has no plan {plan}")
    problem, wanted = trained_by_reference(WIDE, LOSSES[0], rule, batch_size, fields)
    got = trained(backend, problem, rule, "float64", batch_size, fields, plan)
    check_agreement(got, wanted, "float64")


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
def test_a_rate_a_step_is_that_of_steps_made_one_by_one(backend):
    problem = drawn(WIDE, LOSSES[0], rows=ROWS)
    program = registry.load(backend).compile(
        WIDE, problem.loss, SGD(0.9), np.dtype(float), Workload(ROWS, 4, plan="direct")
    )
    rates, _ = field_values({RATES}, 4, "float64")
    order, ends = np.arange(ROWS), []
    for windows in ([(0, ROWS)], [(i, min(i + 4, ROWS)) for i in range(0, ROWS, 4)]):
        vector = aligned(problem.weights, float)
        state = TrainingState(vector, aligned(np.zeros(vector.size), float))
        for start, stop in windows:
            steps = window(order, start, stop, 4, rates, None)
            if len(windows) > 1:
                steps = dataclasses.replace(steps, rates=None)
            program.run_epoch(state, problem.X, problem.Y, steps, np.zeros(ROWS))
        ends.append(state.parameters)
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
def test_a_step_follows_the_weighted_sum_over_the_rows_of_the_batch(backend):
    problem = drawn(WIDE, LOSSES[0], rows=ROWS)
    program = registry.load(backend).compile(WIDE, problem.loss, SGD(), np.dtype(float))
    _, weights = field_values({WEIGHTS}, ROWS, "float64")
    single = [
        program.gradients(problem.weights, problem.X[i : i + 1], problem.Y[i : i + 1])
        for i in range(ROWS)
    ]
    wanted = sum(w * g for w, (_, g) in zip(weights, single, strict=True)) / ROWS
    state = TrainingState(aligned(problem.weights, float), aligned(np.zeros(0), float))
    losses = np.zeros(ROWS)
    steps = Steps(np.arange(ROWS), 0, ROWS, ROWS, 1.0, weights=weights)
    program.run_epoch(state, problem.X, problem.Y, steps, losses)
    allowed = tolerances.tolerance("gradient", "float64").relative
    found = problem.weights - state.parameters
    assert np.abs(found - wanted).max() <= allowed * np.abs(problem.weights).max()
    assert losses == pytest.approx([loss for loss, _ in single], rel=allowed)


def test_rates_that_were_foretold_choose_no_blocks():
    parts = WIDE, LOSSES[0], SGD(), np.dtype(float)
    workload = Workload(ROWS, plan="blocked", step_fields=frozenset({RATES}))
    plan = registry.load("vectorized").compile(*parts, workload).plan
    assert plan.name == "direct"
    assert "one learning rate" in plan.reason
    weighted = dataclasses.replace(workload, step_fields=frozenset({WEIGHTS}))
    assert registry.load("vectorized").compile(*parts, weighted).plan.name == "blocked"


@pytest.mark.parametrize("field", [RATES, WEIGHTS])
def test_a_backend_that_does_not_know_a_field_is_never_asked(field, monkeypatch):
    chosen = registry.load("numba_cpu")
    plain = dataclasses.replace(chosen.capabilities, step_fields=frozenset())
    monkeypatch.setattr(type(chosen), "capabilities", plain)
    network = Network((4,), (Dense(3),))
    parts = network, LOSSES[0], SGD(), np.dtype(float), "auto"
    assert registry.resolve("auto", *parts).backend.name == "numba_cpu"
    found = registry.resolve("auto", *parts, [field])
    assert found.backend.name == "vectorized"
    assert f"step field '{field}'" in found.reason
    with pytest.raises(UnavailableBackendError, match=f"it lacks step field '{field}'"):
        registry.resolve("numba_cpu", *parts, [field])
