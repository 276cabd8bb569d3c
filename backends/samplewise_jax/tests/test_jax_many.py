"""Networks that train at once, beside each alone."""

import dataclasses

import numpy as np
import pytest

from samplewise.contract import Steps, TrainingState, Workload
from samplewise.network import SGD, Adam, loss_named, multilayer_perceptron
from samplewise_jax import many

NETWORKS = [multilayer_perceptron(5, hidden, 2, "tanh") for hidden in (3, 3, 4, 3)]
OPTIMIZERS = [SGD(0.9), SGD(0.5), Adam(), SGD(0.2)]
ROWS = 12


def states():
    found = []
    for seed, (network, optimizer) in enumerate(zip(NETWORKS, OPTIMIZERS, strict=True)):
        rng, parameters = np.random.default_rng(seed), network.layout.zeros("float64")
        for view in network.layout.views(parameters).values():
            view[...] = rng.standard_normal(view.shape)
        found.append(TrainingState(parameters, np.zeros(optimizer.slots * len(parameters))))
    return found


@pytest.fixture
def parts(backend):
    loss, workload = loss_named("mean_squared_error"), Workload(ROWS, 4)
    dtype = np.dtype("float64")
    together = backend.compile_many(NETWORKS, loss, OPTIMIZERS, dtype, workload)
    pairs = zip(NETWORKS, OPTIMIZERS, strict=True)
    alone = [backend.compile(network, loss, each, dtype, workload) for network, each in pairs]
    rng = np.random.default_rng(9)
    return together, alone, rng.standard_normal((ROWS, 5)), rng.standard_normal((ROWS, 2))


def test_each_trains_as_alone_and_those_not_active_stay(parts):
    together, alone, X, Y = parts
    got, want, first = states(), states(), states()
    window = Steps(np.arange(ROWS)[::-1].copy(), 0, ROWS, 4, 0.1)
    steps = [dataclasses.replace(window, learning_rate=0.01 * (k + 1)) for k in range(4)]
    losses, expected = np.full((2, 4, ROWS), np.nan)
    together.run_epoch(got, X, Y, steps, losses, [0, 1, 2])
    for k in range(3):
        alone[k].run_epoch(want[k], X, Y, steps[k], expected[k])
    for ours, theirs in zip(got, want, strict=True):
        np.testing.assert_allclose(ours.parameters, theirs.parameters, rtol=1e-13)
        np.testing.assert_allclose(ours.optimizer_state, theirs.optimizer_state, rtol=1e-13)
    np.testing.assert_allclose(losses, expected, rtol=1e-13)
    assert np.isnan(losses[3]).all()
    assert (got[3].parameters == first[3].parameters).all()


@pytest.mark.parametrize(
    ("limit", "groups"), [(10**6, [[0, 1, 3], [2]]), (700, [[0], [1], [3], [2]])]
)
def test_large_networks_train_one_after_the_other(parts, monkeypatch, limit, groups):
    together, *_ = parts
    monkeypatch.setattr(many, "BYTES_AT_ONCE", limit)
    programs = together._programs
    assert list(many._groups(programs, NETWORKS, np.dtype("float64"))) == groups
