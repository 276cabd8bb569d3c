"""scikit-learn's own steps as a judge of penalties, `epsilon_hat` and `rate_in_velocity`."""

import numpy as np
import pytest
from sklearn.neural_network import MLPClassifier
from sklearn.neural_network._stochastic_optimizers import AdamOptimizer, SGDOptimizer

from samplewise import registry
from samplewise.contract import PENALTIES, WEIGHTS, PlanSpec, Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Adam,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.testing import tolerances

ROWS, BATCH, EPOCHS, ALPHA = 23, 5, 5, 0.3
RATES = [0.1 / (epoch + 1) ** 0.5 for epoch in range(EPOCHS)]
NETWORK = multilayer_perceptron(7, (6, 4), 3, "tanh")
LOSS, FLOAT64 = loss_named("categorical_cross_entropy"), np.dtype("float64")
RNG = np.random.default_rng(0)
X, Y = RNG.standard_normal((ROWS, 7)), np.eye(3)[RNG.integers(0, 3, ROWS)]
ORDERS = [RNG.permutation(ROWS) for _ in range(EPOCHS)]
ROW_WEIGHTS = RNG.random(ROWS) + 0.1
FIRST = initialize(NETWORK, "glorot_uniform", RNG, "float64")
EDGES = range(0, ROWS, BATCH)
CLOSE = tolerances.tolerance("outside", "float64").relative
RULES = {
    "plain": (SGD(), (SGDOptimizer, {"momentum": 0.0})),
    "momentum": (
        SGD(0.9, rate_in_velocity=True),
        (SGDOptimizer, {"momentum": 0.9, "nesterov": False}),
    ),
    "nesterov": (
        SGD(0.9, nesterov=True, rate_in_velocity=True),
        (SGDOptimizer, {"momentum": 0.9, "nesterov": True}),
    ),
    "adam": (Adam(epsilon_hat=True), (AdamOptimizer, {})),
    "adam, epsilon": (Adam(epsilon=0.01, epsilon_hat=True), (AdamOptimizer, {"epsilon": 0.01})),
}
WAYS = (
    *(("reference", "direct"), ("vectorized", "direct"), ("vectorized", "blocked")),
    *(("numba_cpu", "direct"), ("numba_cpu", "direct:thin"), ("numba_cpu", "auto")),
)


def theirs(rule, weights):
    """Return the weights that scikit-learn ends with, laid out like ours, and each batch's loss."""
    kind, options = RULES[rule][1]
    model, views = MLPClassifier(activation="tanh", alpha=ALPHA), NETWORK.layout.views(FIRST)
    model.n_layers_, model.out_activation_, model.loss = 4, "softmax", "log_loss"
    model.coefs_ = [views[f"{k}.weight"].T.copy() for k in range(3)]
    model.intercepts_ = [views[f"{k}.bias"].copy() for k in range(3)]
    params, losses = model.coefs_ + model.intercepts_, []
    optimizer = kind(params, **options)
    for order, rate in zip(ORDERS, RATES, strict=True):
        optimizer.learning_rate = optimizer.learning_rate_init = rate
        for first in EDGES:
            rows = order[first : first + BATCH]
            of_rows = None if weights is None else weights[rows]
            room = [[X[rows], None, None, None], *([None] * 3 for _ in range(3))]
            loss, of_coefs, of_intercepts = model._backprop(X[rows], Y[rows], of_rows, *room)
            optimizer.update_params(params, of_coefs + of_intercepts)
            losses.append(loss)
    found = NETWORK.layout.zeros(FLOAT64)
    ends = NETWORK.layout.views(found)
    for k in range(3):
        ends[f"{k}.weight"][...], ends[f"{k}.bias"][...] = model.coefs_[k].T, model.intercepts_[k]
    return found, np.array(losses)


def steps_of(order, rate, weights):
    """Return an epoch whose batches are divided by the sum of their weights, as the penalty is."""
    batches = [order[first : first + BATCH] for first in EDGES]
    if weights is None:
        l2, scaled = ALPHA / np.array([len(rows) for rows in batches]), None
    else:
        sums, scaled = np.array([weights[rows].sum() for rows in batches]), np.empty(ROWS)
        for rows, total in zip(batches, sums, strict=True):
            scaled[rows] = weights[rows] * len(rows) / total
        l2 = ALPHA / sums
    penalties = np.full(len(l2), np.nan)
    return Steps(order, 0, ROWS, BATCH, rate, weights=scaled, l2=l2, penalties=penalties)


def ours(rule, way, weights):
    """Return the weights, and each batch's loss with its penalty."""
    (backend, plan), optimizer = way, RULES[rule][0]
    fields = frozenset({PENALTIES} if weights is None else {PENALTIES, WEIGHTS})
    spec = PlanSpec.parse("plan", plan).fields()
    workload = Workload(ROWS, BATCH, EPOCHS, shuffle=True, step_fields=fields, **spec)
    program = registry.load(backend).compile(NETWORK, LOSS, optimizer, FLOAT64, workload)
    state = TrainingState(FIRST.copy(), aligned_zeros(optimizer.slots * len(FIRST), FLOAT64))
    losses = []
    for order, rate in zip(ORDERS, RATES, strict=True):
        steps, seen = steps_of(order, rate, weights), np.full(ROWS, np.nan)
        program.run_epoch(state, X, Y, steps, seen)
        state.step += steps.count
        seen *= 1 if weights is None else steps.weights[order]
        means = np.array([seen[first : first + BATCH].mean() for first in EDGES])
        losses.append(means + steps.penalties)
    program.synchronize(state)
    return state.parameters, np.concatenate(losses)


@pytest.mark.parametrize("weights", [None, ROW_WEIGHTS], ids=["", "weighted"])
@pytest.mark.parametrize("rule", RULES)
@pytest.mark.parametrize("way", WAYS, ids=":".join)
def test_steps_are_those_of_scikit_learn(way, rule, weights):
    for got, want in zip(ours(rule, way, weights), theirs(rule, weights), strict=True):
        assert np.abs(got - want).max() <= CLOSE * max(np.abs(want).max(), 1)
