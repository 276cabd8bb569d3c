"""Points where JAX by itself would give something else than samplewise."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from samplewise import registry
from samplewise.contract import dropout
from samplewise.network import SGD, Dense, MaxPool2D, Network, loss_named
from samplewise.network.activations import ACTIVATIONS
from samplewise_jax import device
from samplewise_jax.layers import max_pool
from samplewise_jax.passes import kept


def gradients(name, network, parameters, X, Y):
    """Return the gradient of a squared error by a backend."""
    loss = loss_named("mean_squared_error")
    program = registry.load(name).compile(network, loss, SGD(), np.dtype("float64"))
    return program.gradients(parameters, X, Y)[1]


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_derivatives_at_0_are_the_reference_s(activation):
    network = Network((2,), (Dense(3, activation), Dense(1)))
    parameters = network.layout.zeros("float64")
    network.layout.views(parameters)["1.weight"][...] = [1.0, 2.0, 3.0]
    X, Y = np.array([[1.0, -1.0], [0.0, 2.0]]), np.array([[1.0], [2.0]])
    got, want = (gradients(name, network, parameters, X, Y) for name in ("jax", "reference"))
    np.testing.assert_allclose(got, want, rtol=1e-14, atol=1e-15)


def test_the_first_of_equal_values_gets_the_gradient_of_a_pool():
    pool = MaxPool2D(3, 1)
    with device.in_use():
        found = jax.grad(lambda a: max_pool(pool, a).sum())(np.ones((1, 4, 4)))
    assert np.asarray(found)[0].tolist() == [[1, 1, 0, 0], [1, 1, 0, 0], [0] * 4, [0] * 4]


@pytest.mark.parametrize("key", [0, 12345, 2**64 - 1])
def test_dropout_keeps_what_the_contract_says(key):
    with device.in_use():
        words = [jnp.asarray(np.uint64(at)) for at in (key, 0, 1, 70_000)]
        found = [kept(words[0], position, 3, 40, 0.3) for position in words[1:]]
    want = dropout.kept(key, [0, 1, 70_000], 3, 40, 0.3)
    assert (np.array(found) == want).all()
    assert 0 < want.sum() < want.size
