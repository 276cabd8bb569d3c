"""Every layer, activation, loss and rule: gradients, and training, against the reference."""

import itertools

import numpy as np
import pytest
from any_network import BINARY, LOSSES, NETWORKS, RULES, aligned, drawn, words

from samplewise import registry
from samplewise.contract import Steps, TrainingState
from samplewise.network import ACTIVATIONS, SGD, Conv2D, Dense, Dropout, MaxPool2D, Network
from samplewise.testing import tolerances

FLOAT64 = np.dtype("float64")
CLOSE = tolerances.tolerance("forward", "float64").relative
BACKENDS = ("reference", "vectorized", "numba_cpu")


def compiled(backend, problem, rule, dtype=FLOAT64):
    loaded = registry.load(backend)
    missing = loaded.capabilities.missing(problem.network, problem.loss, rule, dtype)
    if missing:
        pytest.skip(f"{backend} lacks {', '.join(missing)}")
    return loaded.compile(problem.network, problem.loss, rule, dtype)


def slope(program, problem):
    """Return the central differences of the mean loss by every parameter."""
    found, step = np.zeros_like(problem.weights), tolerances.DIFFERENCE_STEP
    for slot in problem.network.layout.slots:
        for i in range(slot.offset, slot.offset + slot.size):
            moved = problem.weights.copy()
            moved[i] += step
            above = problem.loss.mean(program.predict(moved, problem.X), problem.Y)
            moved[i] -= 2 * step
            below = problem.loss.mean(program.predict(moved, problem.X), problem.Y)
            found[i] = (above - below) / (2 * step)
    return found


def check_gradient(backend, network, loss):
    problem = drawn(network, loss, rows=3)
    program = compiled(backend, problem, SGD())
    mean, gradient = program.gradients(problem.weights, problem.X, problem.Y)
    logits = program.predict(problem.weights, problem.X)
    assert mean == pytest.approx(loss.mean(logits, problem.Y), rel=CLOSE)
    allowed = tolerances.tolerance("central_difference", "float64").relative
    wanted = slope(program, problem)
    assert np.abs(gradient - wanted).max() <= allowed * np.abs(wanted).max()


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("network", NETWORKS)
def test_gradients_are_slopes_with_every_activation(network, activation, backend):
    check_gradient(backend, NETWORKS[network](activation), LOSSES[1])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("loss", LOSSES, ids=words)
def test_gradients_are_slopes_of_every_loss(loss, backend):
    check_gradient(backend, NETWORKS["pooled"]("silu"), loss)


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_slopes_of_binary_cross_entropy(backend):
    network = Network((1, 4, 4), (Conv2D(2, 2, activation="softplus"), MaxPool2D(), Dense(1)))
    check_gradient(backend, network, BINARY)


def trained(backend, problem, rule, dtype, batch_size):
    """Return losses and state after three epochs, of which the second is run in two calls."""
    program = compiled(backend, problem, rule, np.dtype(dtype))
    weights = aligned(problem.weights, dtype)
    state = TrainingState(weights, aligned(np.zeros(rule.slots * weights.size), dtype))
    X, Y = problem.X.astype(dtype), problem.Y.astype(dtype)
    losses, rows, cut = np.zeros((3, len(X)), dtype), len(X), 2 * batch_size
    for epoch, row in enumerate(losses):
        order = np.random.default_rng(epoch).permutation(rows)
        edges = (0, cut, rows) if epoch == 1 and cut < rows else (0, rows)
        for start, stop in itertools.pairwise(edges):
            steps = Steps(order, start, stop, batch_size, 0.02, dropout_key=2**63 + epoch)
            program.run_epoch(state, X, Y, steps, row)
            state.step += -(-(stop - start) // batch_size)
    return losses, state.parameters, state.optimizer_state


PAIRS = [
    (network, rule, LOSSES[i % len(LOSSES)], (1, 4, 40)[i % 3], ("float64", "float32")[i % 2])
    for network in NETWORKS
    for i, rule in enumerate((*RULES, *RULES, *RULES[:9]))
]


@pytest.mark.parametrize("backend", BACKENDS[1:])
@pytest.mark.parametrize(
    ("network", "rule", "loss", "batch_size", "dtype"),
    PAIRS,
    ids=lambda value: value if isinstance(value, str | int) else words(value),
)
def test_training_agrees_with_the_reference(backend, network, rule, loss, batch_size, dtype):
    problem = drawn(NETWORKS[network]("gelu"), loss, rows=23)
    got = trained(backend, problem, rule, dtype, batch_size)
    wanted = trained("reference", problem, rule, "float64", batch_size)
    allowed = tolerances.tolerance("adaptive", dtype).relative
    for mine, theirs in zip(got, wanted, strict=True):
        size = max(np.abs(theirs).max(initial=0), 0.001)
        assert np.abs(mine - theirs).max(initial=0) <= allowed * size


@pytest.mark.parametrize("backend", BACKENDS)
def test_dropout_drops_its_share_in_training_and_nothing_in_prediction(backend):
    network = Network((400,), (Dropout(0.25), Dense(1)))
    problem = drawn(network, LOSSES[3], rows=50)
    program = compiled(backend, problem, SGD())
    X, weights = np.ones_like(problem.X), np.zeros_like(problem.weights)
    state = TrainingState(aligned(weights, FLOAT64), aligned(np.zeros(0), FLOAT64))
    steps = Steps(np.arange(50), 0, 50, 50, 1.0, dropout_key=7)
    program.run_epoch(state, X, np.full((50, 1), -0.5), steps, np.zeros(50))
    # At weights of 0 the mean gradient of input j is the mean of its factors, 0 or 4/3.
    factors = -network.layout.views(state.parameters)["1.weight"][0]
    assert factors.mean() == pytest.approx(1.0, abs=4 * np.sqrt(0.25 / 0.75 / (400 * 50)))
    counts = factors * 0.75 * 50
    assert counts == pytest.approx(np.round(counts), abs=50 * CLOSE)
    undropped = program.predict(problem.weights, X)
    np.testing.assert_allclose(undropped, np.full_like(undropped, undropped[0, 0]))


def test_weights_are_penalised_and_scales_are_not():
    for backend in BACKENDS[:2]:
        problem = drawn(NETWORKS["dense"]("relu"), LOSSES[3], rows=4)
        still = trained(
            backend, problem, SGD(weight_decay=0.5, clip_value=np.finfo(float).tiny), "float64", 4
        )
        views = problem.network.layout.views
        for name, view in views(still[1]).items():
            shrunk = 0.99**3 if name in ("0.weight", "3.weight", "4.weight") else 1.0
            assert view == pytest.approx(shrunk * views(problem.weights)[name], rel=CLOSE)
