"""Step fields as plans and the registry see them; dropout and penalties of the reference by hand.

The certificate holds step fields and the other backends against the reference.
"""

import dataclasses

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import PENALTIES, RATES, WEIGHTS, Steps, TrainingState, Workload
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, Dense, Dropout, LayerNorm, Network, aligned_zeros, loss_named
from samplewise.testing import runs, tolerances
from samplewise.testing.cases import Case, dense_case
from samplewise.testing.problems import aligned_copy, problem

FLOAT64 = np.dtype("float64")
REFERENCE = registry.load("reference")
CLOSE = tolerances.tolerance("forward", "float64").relative
WIDE = dense_case(40, (5,), 3, "tanh", batch_size=4, rows=23)
SQUARED = loss_named("mean_squared_error")


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@pytest.mark.parametrize(
    ("field", "reason"), [(RATES, "learning rate"), (PENALTIES, "takes the weights before it")]
)
def test_announced_rates_and_penalties_choose_no_blocks(field, reason, backend):
    parts = WIDE.network, WIDE.loss, SGD(), FLOAT64
    workload = Workload(WIDE.rows, plan="blocked", step_fields=frozenset({field}))
    plan = registry.load(backend).compile(*parts, workload).plan
    assert plan.name == "direct"
    assert plan.in_place
    assert reason in plan.reason
    weighted = dataclasses.replace(workload, step_fields=frozenset({WEIGHTS}))
    assert registry.load(backend).compile(*parts, weighted).plan.name == "blocked"


@pytest.mark.parametrize("plan", ["blocked", "dual"])
def test_penalties_that_were_not_announced_end_the_blocks(plan):
    """The weights come out of the plan's own form first, and steps without penalties follow."""
    case = dataclasses.replace(WIDE, batch_size=1)
    drawn, found = problem(case), []
    for backend, workload in (
        (REFERENCE, None),
        (registry.load("numba_cpu"), Workload(case.rows, plan=plan)),
    ):
        program = backend.compile(case.network, case.loss, SGD(), FLOAT64, workload)
        state, losses, penalties = drawn.state(), np.zeros(case.rows), np.zeros(case.rows)
        plain = Steps(np.arange(case.rows), 0, case.rows, 1, 0.01)
        l2 = np.full(case.rows, 0.1)
        penalised = dataclasses.replace(plain, l2=l2, penalties=penalties)
        for steps in (plain, penalised, plain):
            program.run_epoch(state, drawn.X, drawn.Y, steps, losses)
        program.synchronize(state)
        found.append(np.concatenate([state.parameters, penalties, losses]))
    want, got = found
    allowed = tolerances.after_steps(3 * case.rows, "float64").relative
    assert np.abs(got - want).max() <= allowed * np.abs(want).max()


@pytest.mark.parametrize("field", [RATES, WEIGHTS, PENALTIES])
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


def test_dropout_drops_its_share_in_training_and_nothing_in_prediction():
    network = Network((400,), (Dropout(0.25), Dense(1)))
    program = REFERENCE.compile(network, SQUARED, SGD(), FLOAT64)
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


def test_a_step_has_its_own_penalty_beside_that_of_all():
    """Gradients are clipped to nothing first, so only penalties move the weights."""
    network = Network((5,), (Dense(4, "tanh"), LayerNorm(), Dense(2)))
    rule = SGD(l2=0.1, clip_value=np.finfo(float).tiny)
    program = REFERENCE.compile(network, SQUARED, rule, FLOAT64)
    drawn = problem(Case(network, SQUARED, rule, rows=4))
    state, penalties, l2 = drawn.state(), np.full(2, np.nan), np.array([0.0, 0.3])
    steps = Steps(np.arange(4), 0, 4, 2, 0.5, l2=l2, penalties=penalties)
    program.run_epoch(state, drawn.X, drawn.Y, steps, np.zeros(4))
    started, ended = map(network.layout.views, (drawn.parameters, state.parameters))
    shrunk = {"0.weight": (1 - 0.5 * 0.1) * (1 - 0.5 * 0.4)}
    shrunk["2.weight"] = shrunk["0.weight"]
    for name, view in ended.items():
        assert view == pytest.approx(shrunk.get(name, 1.0) * started[name], rel=CLOSE)
    squares = sum(float((started[name] ** 2).sum()) for name in shrunk)
    assert penalties == pytest.approx([0, 0.15 * 0.95**2 * squares], rel=CLOSE)


def test_weights_are_penalised_and_scales_are_not():
    layers = (Dense(9, "relu"), Dropout(0.4), LayerNorm(), Dense(7, "tanh"), Dense(3))
    network = Network((12,), layers)
    rule = SGD(weight_decay=0.5, clip_value=np.finfo(float).tiny)
    case = Case(network, SQUARED, rule, batch_size=23, rows=23)
    still = runs.trained(runs.compiled(REFERENCE, case), case, 3, False)
    started = network.layout.views(problem(case).parameters)
    for name, view in network.layout.views(still.parameters).items():
        shrunk = 0.99**3 if name in ("0.weight", "3.weight", "4.weight") else 1.0
        assert view == pytest.approx(shrunk * started[name], rel=CLOSE)
