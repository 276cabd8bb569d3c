"""Steps of every optimizer worked out here, in plain NumPy and float64, beside every backend.

The ladder compares backends with one another; this shares no line with any of them.
"""

import math

import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import Steps, TrainingState, Workload
from samplewise.network import (
    SGD,
    Dense,
    Network,
    aligned_zeros,
    initialize,
    loss_named,
    multilayer_perceptron,
)
from samplewise.streams import Streams
from samplewise.testing.tolerances import after_steps
from samplewise.training.settings.training_settings import TrainingSettings
from samplewise.training.train import train

ROWS, INPUTS, BATCH, EPOCHS, RATE = 23, 5, 4, 3, 0.05
RNG = np.random.default_rng(7)
X = RNG.standard_normal((ROWS, INPUTS))
LABELS = (X[:, 0] + 0.5 * RNG.standard_normal(ROWS) > 0.2).astype(int)
LINEAR = Network((INPUTS,), (Dense(1),))
EVERYWHERE = [
    *(("reference", "direct"), ("vectorized", "direct"), ("vectorized", "blocked")),
    *(("numba_cpu", plan) for plan in ("direct", "blocked", "dual")),
]
STEPWISE = [place for place in EVERYWHERE if place[1] == "direct"]


def rounded(dtype, **options):
    """Return options as a program in this dtype reads them: at float32, its rates are float32's."""
    return {name: float(np.dtype(dtype).type(value)) for name, value in options.items()}


def sgd(theta, g, kept, t, *, eta, momentum=0.0, nesterov=False, **options):
    weights = np.append(theta[:-1], 0)
    limit = options.get("clip_value", math.inf)
    g = np.clip(g, -limit, limit)
    g = g * min(1.0, options.get("clip_norm", math.inf) / math.sqrt(g @ g))
    g = g + options.get("l2", 0) * weights + options.get("l1", 0) * np.sign(weights)
    kept["v"] = momentum * kept.get("v", 0) + g
    moved = g + momentum * kept["v"] if nesterov else kept["v"]
    # Decay takes its part first, so that the step does not see it.
    return eta * (moved + options.get("weight_decay", 0) * weights)


def adam(theta, g, kept, t, *, eta):
    kept["m"] = 0.9 * kept.get("m", 0) + 0.1 * g
    kept["v"] = 0.999 * kept.get("v", 0) + 0.001 * g * g
    return eta * kept["m"] / (1 - 0.9**t) / (np.sqrt(kept["v"] / (1 - 0.999**t)) + 1e-8)


def rmsprop(theta, g, kept, t, *, eta):
    kept["v"] = 0.99 * kept.get("v", 0) + 0.01 * g * g
    return eta * g / (np.sqrt(kept["v"]) + 1e-8)


def adagrad(theta, g, kept, t, *, eta):
    kept["v"] = kept.get("v", 0) + g * g
    return eta * g / (np.sqrt(kept["v"]) + 1e-10)


def by_hand(move, **options):
    """Return weights and bias of logistic regression after the epochs, and each epoch's loss."""
    theta, kept, t, losses = np.zeros(INPUTS + 1), {}, 0, []
    inputs = np.column_stack([X, np.ones(ROWS)])
    for _ in range(EPOCHS):
        of_epoch = []
        for start in range(0, ROWS, BATCH):
            rows, y = inputs[start : start + BATCH], LABELS[start : start + BATCH]
            p = 1 / (1 + np.exp(-rows @ theta))
            of_epoch += (-y * np.log(p) - (1 - y) * np.log(1 - p)).tolist()
            t += 1
            theta = theta - move(theta, rows.T @ (p - y) / len(y), kept, t, **options)
        losses.append(math.fsum(of_epoch) / ROWS)
    return theta, losses


def trained(backend, plan, dtype, **options):
    chosen = TrainingSettings.from_options(
        backend=backend,
        plan=plan,
        dtype=dtype,
        batch_size=BATCH,
        **{"epochs": EPOCHS, "learning_rate": RATE, "init": "zeros", **options},
    )
    result = train(LINEAR, X, LABELS, chosen)
    views = LINEAR.layout.views(result.parameters)
    return np.append(views["0.weight"][0], views["0.bias"]), result.history.losses


def assert_as_by_hand(got, wanted, dtype):
    allowed = after_steps(EPOCHS * -(-ROWS // BATCH), dtype).relative
    np.testing.assert_allclose(got[0], wanted[0], rtol=0, atol=allowed * np.abs(wanted[0]).max())
    np.testing.assert_allclose(got[1], wanted[1], rtol=0, atol=allowed)


SGD_OPTIONS = [
    {},
    {"l2": 0.1},
    {"momentum": 0.8},
    {"momentum": 0.8, "nesterov": True},
    {"momentum": 0.8, "nesterov": True, "l2": 0.1},
    {"weight_decay": 0.5},
    {"l1": 0.05, "momentum": 0.8},
    {"clip_value": 0.1},
    {"clip_norm": 0.2},
    {"clip_value": 0.15, "clip_norm": 0.2, "l2": 0.1, "weight_decay": 0.5},
]


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("options", SGD_OPTIONS, ids=str)
@pytest.mark.parametrize(("backend", "plan"), EVERYWHERE)
def test_sgd_with_its_options_is_that_of_the_textbook(backend, plan, options, dtype):
    """The last batch of an epoch is short, and the bias has no penalty, but momentum."""
    got = trained(backend, plan, dtype, **options)
    numbers = rounded(dtype, eta=RATE, **options)
    assert_as_by_hand(got, by_hand(sgd, **{**numbers, "nesterov": "nesterov" in options}), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("rule", [adam, rmsprop, adagrad], ids=lambda rule: rule.__name__)
@pytest.mark.parametrize(("backend", "plan"), STEPWISE)
def test_adaptive_rules_are_those_of_their_papers(backend, plan, rule, dtype):
    """A short batch is a step like others: it counts in the corrections of Adam."""
    got = trained(backend, plan, dtype, optimizer=rule.__name__)
    assert_as_by_hand(got, by_hand(rule, eta=RATE), dtype)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize(("backend", "plan"), EVERYWHERE)
@pytest.mark.parametrize("outputs", [1, 3])
def test_logits_beyond_the_range_of_exp_have_their_loss_and_gradient(backend, plan, dtype, outputs):
    """Exp of 1,000 overflows in either dtype: a right row costs nothing, a wrong one its distance.

    Logits are (1000, 0, -1000) for the first two rows and their opposite for the others, of one
    output 1000 and its opposite.
    """
    network, eta = Network((1,), (Dense(outputs),)), 0.5
    rows = np.array([[1000], [1000], [-1000], [-1000]], dtype)
    if outputs == 1:
        loss, weights = loss_named("binary_cross_entropy"), np.array([[1.0]])
        Y, gaps = np.array([[1], [0], [0], [1]], dtype), [0, 1000, 0, 1000]
        slopes = np.array([[0], [1], [0], [-1]])
    else:
        loss, weights = loss_named("categorical_cross_entropy"), np.array([[1.0], [0], [-1]])
        Y, gaps = np.eye(3, dtype=dtype)[[0, 1, 2, 0]], [0, 1000, 0, 2000]
        slopes = np.array([[0, 0, 0], [1, -1, 0], [0, 0, 0], [-1, 0, 1]])
    theta = network.layout.zeros(dtype)
    network.layout.views(theta)["0.weight"][...] = weights
    program = registry.load(backend).compile(
        network, loss, SGD(), np.dtype(dtype), Workload(4, 4, plan=plan)
    )
    state, losses = TrainingState(theta, aligned_zeros(0, dtype)), np.full(4, np.nan, dtype)
    with np.errstate(all="ignore"):
        program.run_epoch(state, rows, Y, Steps(np.arange(4), 0, 4, 4, eta), losses)
        program.synchronize(state)
    assert losses.tolist() == gaps
    views = network.layout.views(state.parameters)
    np.testing.assert_array_equal(views["0.weight"], weights - eta * slopes.T @ rows / 4)
    np.testing.assert_array_equal(views["0.bias"], -eta * slopes.sum(axis=0) / 4)


@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_a_step_behind_a_hidden_layer_is_that_of_the_chain_rule(backend):
    network = multilayer_perceptron(2, (2,), 1)
    x, y, eta = np.array([0.5, -1.0]), 1, 0.25
    chosen = TrainingSettings.from_options(
        backend=backend, epochs=1, learning_rate=eta, seed=3, init="glorot_normal"
    )
    start = initialize(network, chosen.init, Streams(3).of_run("init"), "float64")
    W, b, V, c = (view.copy() for view in network.layout.views(start).values())
    a = 1 / (1 + np.exp(-(W @ x + b)))
    p = 1 / (1 + np.exp(-(V @ a + c)))
    dz = (p - y) * V[0] * a * (1 - a)
    got = network.layout.views(train(network, x[None], [y], chosen).parameters)
    for name, wanted in {
        "0.weight": W - eta * np.outer(dz, x),
        "0.bias": b - eta * dz,
        "1.weight": V - eta * (p - y) * a,
        "1.bias": c - eta * (p - y),
    }.items():
        np.testing.assert_allclose(got[name], wanted, rtol=after_steps(1, "float64").relative)
