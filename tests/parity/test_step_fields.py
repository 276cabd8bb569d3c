"""Learning rates that change from step to step, weights of the rows, and what dropout keeps."""

import dataclasses

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import RATES, WEIGHTS, Steps, TrainingState, Workload
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, Dense, Dropout, LayerNorm, Network, aligned_zeros, loss_named
from samplewise.testing import runs, tolerances
from samplewise.testing.cases import Case, dense_case
from samplewise.testing.problems import aligned_copy, problem

FLOAT64 = np.dtype("float64")
CLOSE = tolerances.tolerance("forward", "float64").relative
WIDE = dense_case(40, (5,), 3, "tanh", batch_size=4, rows=23)
SQUARED = loss_named("mean_squared_error")


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
def test_a_rate_a_step_is_that_of_steps_made_one_by_one(backend):
    case = dataclasses.replace(WIDE, optimizer=SGD(0.9), step_fields=frozenset({RATES}))
    drawn, program = problem(case), runs.compiled(registry.load(backend), case, "direct")
    order, ends = np.arange(case.rows), []
    for windows in ([(0, 23)], [(i, min(i + 4, 23)) for i in range(0, 23, 4)]):
        state = drawn.state()
        for start, stop in windows:
            steps = runs.with_fields(drawn, Steps(order, start, stop, 4, case.learning_rate))
            if len(windows) > 1:
                steps = dataclasses.replace(steps, rates=None)
            runs.run_window(program, drawn, state, steps, np.zeros(case.rows))
        ends.append(state.parameters)
    np.testing.assert_array_equal(*ends)


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
def test_a_step_follows_the_weighted_sum_over_the_rows_of_the_batch(backend):
    case = dataclasses.replace(WIDE, batch_size=WIDE.rows, step_fields=frozenset({WEIGHTS}))
    drawn, program = problem(case), runs.compiled(registry.load(backend), case)
    single = [
        program.gradients(drawn.parameters, drawn.X[i : i + 1], drawn.Y[i : i + 1])
        for i in range(case.rows)
    ]
    pairs = zip(drawn.weights, single, strict=True)
    wanted = sum(weight * gradient for weight, (_, gradient) in pairs) / case.rows
    state, losses = drawn.state(), np.zeros(case.rows)
    steps = Steps(np.arange(case.rows), 0, case.rows, case.rows, 1.0, weights=drawn.weights)
    program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
    allowed = tolerances.tolerance("gradient", "float64").relative
    found = drawn.parameters - state.parameters
    assert np.abs(found - wanted).max() <= allowed * np.abs(drawn.parameters).max()
    assert losses == pytest.approx([loss for loss, _ in single], rel=allowed)


def test_rates_that_were_foretold_choose_no_blocks():
    parts = WIDE.network, WIDE.loss, SGD(), FLOAT64
    workload = Workload(WIDE.rows, plan="blocked", step_fields=frozenset({RATES}))
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
    parts = network, WIDE.loss, SGD(), FLOAT64, "auto"
    assert registry.resolve("auto", *parts).backend.name == "numba_cpu"
    found = registry.resolve("auto", *parts, [field])
    assert found.backend.name == "vectorized"
    assert f"step field '{field}'" in found.reason
    with pytest.raises(UnavailableBackendError, match=f"it lacks step field '{field}'"):
        registry.resolve("numba_cpu", *parts, [field])


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_dropout_drops_its_share_in_training_and_nothing_in_prediction(backend):
    network = Network((400,), (Dropout(0.25), Dense(1)))
    program = registry.load(backend).compile(network, SQUARED, SGD(), FLOAT64)
    X, weights = np.ones((50, 400)), network.layout.zeros(FLOAT64)
    state = TrainingState(aligned_copy(weights), aligned_zeros(0, FLOAT64))
    steps = Steps(np.arange(50), 0, 50, 50, 1.0, dropout_key=7)
    program.run_epoch(state, X, np.full((50, 1), -0.5), steps, np.zeros(50))
    # At weights of 0 the mean gradient of input j is the mean of its factors, 0 or 4/3.
    factors = -network.layout.views(state.parameters)["1.weight"][0]
    assert factors.mean() == pytest.approx(1.0, abs=4 * np.sqrt(0.25 / 0.75 / (400 * 50)))
    counts = factors * 0.75 * 50
    assert counts == pytest.approx(np.round(counts), abs=50 * CLOSE)
    undropped = program.predict(state.parameters, X)
    np.testing.assert_allclose(undropped, np.full_like(undropped, undropped[0, 0]))


@pytest.mark.parametrize("backend", ["reference", "vectorized"])
def test_weights_are_penalised_and_scales_are_not(backend):
    layers = (Dense(9, "relu"), Dropout(0.4), LayerNorm(), Dense(7, "tanh"), Dense(3))
    network = Network((12,), layers)
    rule = SGD(weight_decay=0.5, clip_value=np.finfo(float).tiny)
    case = Case(network, SQUARED, rule, batch_size=23, rows=23)
    still = runs.trained(runs.compiled(registry.load(backend), case), case, 3, False)
    started = network.layout.views(problem(case).parameters)
    for name, view in network.layout.views(still.parameters).items():
        shrunk = 0.99**3 if name in ("0.weight", "3.weight", "4.weight") else 1.0
        assert view == pytest.approx(shrunk * started[name], rel=CLOSE)
