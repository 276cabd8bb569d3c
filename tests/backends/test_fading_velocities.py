"""The dual plan keeps of a velocity what can still be seen: the coefficients of the last rows."""

import math

import numpy as np
import pytest

from samplewise.contract import Steps, TrainingState, Workload
from samplewise.network import SGD, Adam, aligned_zeros, initialize, multilayer_perceptron
from samplewise.network.losses import BinaryCrossEntropy
from samplewise_backends.exact.recurrence import Recurrence
from samplewise_backends.numba_cpu.backend import NumbaBackend
from samplewise_backends.numba_cpu.plans import coefficients
from samplewise_backends.numba_cpu.plans.coefficients import steps_seen, velocity_rows

FLOAT64 = np.dtype("float64")
ROWS, INPUTS, EPOCHS = 200, 30, 3
RNG = np.random.default_rng(7)
X, Y = RNG.standard_normal((ROWS, INPUTS)), RNG.integers(0, 2, (ROWS, 1)).astype(float)


@pytest.mark.parametrize("nesterov", [False, True])
@pytest.mark.parametrize("momentum", [0.001, 0.3, 0.5, 0.9, 0.95])
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_what_an_older_gradient_brings_into_the_weights_does_not_change(dtype, momentum, nesterov):
    optimizer = SGD(momentum=momentum, nesterov=nesterov)
    seen = int(steps_seen(optimizer, 1, np.dtype(dtype)))
    found = Recurrence.of(optimizer, 0.01, seen + 20, np.dtype(dtype))
    effects = found.responses[:, 0].astype(dtype)
    assert len(set(effects[seen:])) == 1
    assert effects[0] != effects[-1]


def test_a_step_is_seen_as_long_as_its_momentum_lasts():
    assert steps_seen(SGD(), 1, FLOAT64) == 0
    assert steps_seen(SGD(momentum=0.5), 1, FLOAT64) == 55
    assert steps_seen(SGD(momentum=0.5), 8, FLOAT64) == 8 * 55
    assert steps_seen(SGD(momentum=0.5, l2=1e-9), 1, FLOAT64) == math.inf
    assert steps_seen(Adam(), 1, FLOAT64) == math.inf


@pytest.mark.parametrize(
    ("momenta", "block", "kept"),
    [((0.5,), 16, 55), ((0.5,), 64, 64), ((0.5, 0.9), 16, 200), ((0.0,), 16, 200)],
)
def test_rows_are_kept_for_the_slowest_velocity_and_a_block(momenta, block, kept):
    optimizers = [SGD(momentum=momentum) for momentum in momenta]
    assert velocity_rows(optimizers, ROWS, 1, block, FLOAT64) == kept


def trained(optimizer, batch_size, shuffle):
    """Return parameters, velocities and losses after some epochs by the dual plan."""
    network, orders = multilayer_perceptron(INPUTS, (9,), 1), np.random.default_rng(3)
    workload = Workload(ROWS, batch_size, epochs=EPOCHS, plan="dual", shuffle=shuffle)
    program = NumbaBackend().compile(network, BinaryCrossEntropy(), optimizer, FLOAT64, workload)
    assert program.plan.name == "dual"
    weights = initialize(network, "glorot_normal", np.random.default_rng(1), FLOAT64)
    velocities = aligned_zeros(optimizer.slots * len(weights), FLOAT64)
    # That of an earlier training.
    velocities[:] = 0.01 * np.random.default_rng(2).standard_normal(len(velocities))
    state, losses = TrainingState(weights, velocities), np.zeros((EPOCHS, ROWS))
    for epoch in range(EPOCHS):
        order = orders.permutation(ROWS) if shuffle else np.arange(ROWS)
        steps = Steps(order, 0, ROWS, batch_size, 0.05)
        program.run_epoch(state, X, Y, steps, losses[epoch])
    program.synchronize(state)
    return weights, velocities, losses


@pytest.mark.parametrize("shuffle", [False, True], ids=["fixed", "shuffled"])
@pytest.mark.parametrize(
    ("optimizer", "batch_size"),
    [(SGD(momentum=0.5), 1), (SGD(momentum=0.3, nesterov=True), 3), (SGD(momentum=0.1), 7)],
    ids=str,
)
def test_the_last_rows_give_what_all_rows_give(monkeypatch, optimizer, batch_size, shuffle):
    got = trained(optimizer, batch_size, shuffle)
    monkeypatch.setattr(coefficients, "WORTH_IT", 0.0)
    want = trained(optimizer, batch_size, shuffle)
    assert any((one != other).any() for one, other in zip(got, want, strict=True))
    for one, other in zip(got, want, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-12, atol=1e-14)
