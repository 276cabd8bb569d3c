"""Learning rates that change from step to step, and weights of the rows."""

import dataclasses
import itertools

import numpy as np
import pytest
from any_network import LOSSES, NETWORKS, RULES, aligned, drawn, words

from samplewise import registry
from samplewise.contract import RATES, WEIGHTS, Steps, TrainingState, Workload
from samplewise.errors import UnavailableBackendError
from samplewise.network import SGD, Dense, Network
from samplewise.testing import tolerances

ROWS, EPOCHS = 23, 3
FIELDS = [{RATES}, {WEIGHTS}, {RATES, WEIGHTS}]
# What a block of steps can be made of.
LINEAR = (SGD(), SGD(0.9), SGD(0.8, nesterov=True, l2=0.01), SGD(l2=0.1))
WIDE = Network((40,), (Dense(5, "tanh"), Dense(3)))


def field_values(fields, batch_size, dtype):
    """Return the rates of an epoch's steps and the weights of the rows, where they are asked for.

    The rates are calm, and no two are equal; the weights have the mean 1.
    """
    rng = np.random.default_rng(5)
    rates = 0.005 + 0.015 * rng.random(-(-ROWS // batch_size))
    weights = rng.random(ROWS) * 3 + 0.1
    weights = (weights / weights.mean()).astype(dtype)
    return rates if RATES in fields else None, weights if WEIGHTS in fields else None


def window(order, start, stop, batch_size, rates, weights, key=0):
    first, last = start // batch_size, -(-stop // batch_size)
    own = None if rates is None else rates[first:last]
    rate = 0.02 if own is None else float(own[0])
    return Steps(order, start, stop, batch_size, rate, key, own, weights)


def trained(backend, problem, rule, dtype, batch_size, fields, plan=None):
    """Return losses and state after three epochs, of which the second is run in two calls."""
    loaded = registry.load(backend)
    parts = problem.network, problem.loss, rule, np.dtype(dtype)
    workload = plan and Workload(ROWS, batch_size, EPOCHS, plan=plan)
    missing = loaded.capabilities.missing(*parts, step_fields=fields)
    if missing:
        pytest.skip(f"{backend} lacks {', '.join(missing)}")
    program = loaded.compile(*parts, workload)
    vector = aligned(problem.weights, dtype)
    state = TrainingState(vector, aligned(np.zeros(rule.slots * vector.size), dtype))
    X, Y = problem.X.astype(dtype), problem.Y.astype(dtype)
    rates, weights = field_values(fields, batch_size, dtype)
    losses, cut = np.zeros((EPOCHS, ROWS), dtype), 2 * batch_size
    for epoch, row in enumerate(losses):
        order = np.random.default_rng(epoch).permutation(ROWS)
        edges = (0, cut, ROWS) if epoch == 1 and cut < ROWS else (0, ROWS)
        for start, stop in itertools.pairwise(edges):
            steps = window(order, start, stop, batch_size, rates, weights, 2**63 + epoch)
            program.run_epoch(state, X, Y, steps, row)
            state.step += -(-(stop - start) // batch_size)
    program.synchronize(state)
    return losses, state.parameters, state.optimizer_state


def check_agreement(got, wanted, dtype):
    allowed = tolerances.tolerance("adaptive", dtype).relative
    for mine, theirs in zip(got, wanted, strict=True):
        size = max(np.abs(theirs).max(initial=0), 0.001)
        assert np.abs(mine - theirs).max(initial=0) <= allowed * size


# float32 takes turns with float64, but not where RMSprop divides by what single rows have left:
# the reference itself, in float32, then ends 1 % from its float64.
PAIRS = [
    (
        *(network, rule, LOSSES[i % len(LOSSES)], (1, 4, 40)[i % 3]),
        *(("float32", "float64")[i % 2], FIELDS[(i // 2) % 3]),
    )
    for network in NETWORKS
    for i, rule in enumerate(RULES)
]


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@pytest.mark.parametrize(
    ("network", "rule", "loss", "batch_size", "dtype", "fields"),
    PAIRS,
    ids=lambda v: (
        v if isinstance(v, str | int) else "+".join(sorted(v)) if isinstance(v, set) else words(v)
    ),
)
def test_training_agrees_with_the_reference(
    backend, network, rule, loss, batch_size, dtype, fields
):
    problem = drawn(NETWORKS[network]("gelu"), loss, rows=ROWS)
    got = trained(backend, problem, rule, dtype, batch_size, fields)
    check_agreement(got, trained("reference", problem, rule, "float64", batch_size, fields), dtype)


@pytest.mark.parametrize("backend", ["vectorized", "numba_cpu"])
@pytest.mark.parametrize("plan", ["direct", "blocked", "dual"])
@pytest.mark.parametrize("fields", FIELDS, ids=lambda fields: "+".join(sorted(fields)))
@pytest.mark.parametrize("batch_size", [1, 4])
@pytest.mark.parametrize("rule", LINEAR, ids=words)
def test_every_plan_agrees_with_the_reference(backend, plan, fields, batch_size, rule):
    if plan not in registry.load(backend).capabilities.plans:
        pytest.skip(f"{backend} has no plan {plan}")
    problem = drawn(WIDE, LOSSES[0], rows=ROWS)
    got = trained(backend, problem, rule, "float64", batch_size, fields, plan)
    wanted = trained("reference", problem, rule, "float64", batch_size, fields)
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
