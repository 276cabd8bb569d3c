"""Every layer, activation, loss and rule: gradients, and training, against the reference."""

from functools import cache

import numpy as np
import pytest
from any_network import (
    BINARY,
    FIELDS,
    LOSSES,
    NETWORKS,
    ROWS,
    RULES,
    aligned,
    check_agreement,
    drawn,
    trained,
    trained_by_reference,
    words,
)

from samplewise import registry
from samplewise.contract import Steps, TrainingState
from samplewise.network import ACTIVATIONS, SGD, Conv2D, Dense, Dropout, MaxPool2D, Network
from samplewise.testing import tolerances
from samplewise.testing.pairwise import pairwise

FLOAT64 = np.dtype("float64")
CLOSE = tolerances.tolerance("forward", "float64").relative
BACKENDS = ("reference", "vectorized", "numba_cpu")


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


@cache
def sloped(network, loss):
    """Return a problem, its logits and mean loss, and the slopes of that by every parameter."""
    problem = drawn(network, loss, rows=3)
    program = program_of("vectorized", problem)
    logits = program.predict(problem.weights, problem.X)
    return problem, logits, loss.mean(logits, problem.Y), slope(program, problem)


def program_of(backend, problem):
    return registry.load(backend).compile(problem.network, problem.loss, SGD(), FLOAT64)


def check_gradient(backend, network, loss):
    """All backends report one loss, so that its slopes are found once for all of them."""
    problem, logits, wanted_mean, wanted = sloped(network, loss)
    program = program_of(backend, problem)
    mean, gradient = program.gradients(problem.weights, problem.X, problem.Y)
    found = program.predict(problem.weights, problem.X)
    assert np.abs(found - logits).max() <= CLOSE * np.abs(logits).max()
    assert mean == pytest.approx(wanted_mean, rel=CLOSE)
    allowed = tolerances.tolerance("central_difference", "float64").relative
    assert np.abs(gradient - wanted).max() <= allowed * np.abs(wanted).max()


def name(value):
    """Return a value of a design as a test's name."""
    if isinstance(value, frozenset):
        return "+".join(sorted(value)) or "no field"
    return str(value) if isinstance(value, str | int) else words(value)


def designed(factors):
    """Return a parameter a row of the factors' pairwise design."""
    rows = pairwise(factors)
    return [pytest.param(row, id=", ".join(map(name, row.values()))) for row in rows]


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize(
    "row", designed({"network": tuple(NETWORKS), "activation": ACTIVATIONS, "loss": LOSSES})
)
def test_gradients_are_slopes(row, backend):
    check_gradient(backend, NETWORKS[row["network"]](row["activation"]), row["loss"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_are_slopes_of_binary_cross_entropy(backend):
    network = Network((1, 4, 4), (Conv2D(2, 2, activation="softplus"), MaxPool2D(), Dense(1)))
    check_gradient(backend, network, BINARY)


TRAININGS = {
    "rule": RULES,
    "activation": ACTIVATIONS,
    "loss": LOSSES,
    "network": tuple(NETWORKS),
    "batch_size": (1, 4, 40),
    "fields": (frozenset(), *FIELDS),
    "dtype": ("float64", "float32"),
}


@pytest.mark.parametrize("backend", BACKENDS[1:])
@pytest.mark.parametrize("row", designed(TRAININGS))
def test_training_agrees_with_the_reference(backend, row):
    network = NETWORKS[row["network"]](row["activation"])
    how = row["batch_size"], row["fields"]
    problem, wanted = trained_by_reference(network, row["loss"], row["rule"], *how)
    got = trained(backend, problem, row["rule"], row["dtype"], *how)
    check_agreement(got, wanted, row["dtype"])


@pytest.mark.parametrize("backend", BACKENDS)
def test_dropout_drops_its_share_in_training_and_nothing_in_prediction(backend):
    network = Network((400,), (Dropout(0.25), Dense(1)))
    problem = drawn(network, LOSSES[3], rows=50)
    program = program_of(backend, problem)
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
    rule = SGD(weight_decay=0.5, clip_value=np.finfo(float).tiny)
    for backend in BACKENDS[:2]:
        problem = drawn(NETWORKS["dense"]("relu"), LOSSES[3], ROWS)
        still = trained(backend, problem, rule, "float64", ROWS)
        views = problem.network.layout.views
        for name, view in views(still[1]).items():
            shrunk = 0.99**3 if name in ("0.weight", "3.weight", "4.weight") else 1.0
            assert view == pytest.approx(shrunk * views(problem.weights)[name], rel=CLOSE)
