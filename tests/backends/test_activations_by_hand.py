"""Every activation beside its formula, with derivatives taken by differences."""

import math

import numpy as np
import pytest
from scipy.special import erfc

from samplewise import registry
from samplewise.network import ACTIVATIONS, SGD, Dense, Network, loss_named
from samplewise.testing.tolerances import tolerance

# The fixed point of mean 0 and variance 1: Klambauer et al. (2017), equation 14.
ALPHA = -math.sqrt(2 / math.pi) / (erfc(1 / math.sqrt(2)) * math.exp(0.5) - 1)
SCALE = (
    *(1 - erfc(1 / math.sqrt(2)) * math.sqrt(math.e),),
    *(2 * erfc(math.sqrt(2)) * math.e**2 + math.pi * erfc(1 / math.sqrt(2)) ** 2 * math.e,),
    *(2 * (2 + math.pi) * erfc(1 / math.sqrt(2)) * math.sqrt(math.e), math.pi + 2),
)
SELU = SCALE[0] * math.sqrt(2 * math.pi) / math.sqrt(SCALE[1] - SCALE[2] + SCALE[3])
Z = np.array([-3.0, -1.0, -0.125, 0.125, 1.0, 2.5])
FORMULAS = {
    "identity": lambda z: z,
    "sigmoid": lambda z: 1 / (1 + np.exp(-z)),
    "tanh": lambda z: (np.exp(z) - np.exp(-z)) / (np.exp(z) + np.exp(-z)),
    "relu": lambda z: np.where(z > 0, z, 0),
    "leaky_relu": lambda z: np.where(z > 0, z, z / 100),
    "elu": lambda z: np.where(z > 0, z, np.exp(z) - 1),
    "selu": lambda z: SELU * np.where(z > 0, z, ALPHA * (np.exp(z) - 1)),
    "gelu": lambda z: z * erfc(-z / math.sqrt(2)) / 2,
    "gelu_tanh": lambda z: z * (1 + np.tanh(math.sqrt(2 / math.pi) * (z + 0.044715 * z**3))) / 2,
    "silu": lambda z: z / (1 + np.exp(-z)),
    "softplus": lambda z: np.log(1 + np.exp(z)),
}


def logistic(z):
    return 1 / (1 + np.exp(-z))


def gelu_tanh_far_below(z):
    """z sigmoid(u), as (1 + tanh(u / 2)) / 2 has no digits there, and its slope."""
    u, du = (math.sqrt(8 / math.pi) * each for each in (z + 0.044715 * z**3, 1 + 0.134145 * z**2))
    p = logistic(u)
    return z * p, p + z * p * (1 - p) * du


# Values and slopes of those that go to 0 far below it.
FAR_BELOW = {
    "gelu": lambda z: (
        z * erfc(-z / math.sqrt(2)) / 2,
        erfc(-z / math.sqrt(2)) / 2 + z * np.exp(-z * z / 2) / math.sqrt(2 * math.pi),
    ),
    "gelu_tanh": gelu_tanh_far_below,
    "silu": lambda z: (z * logistic(z), logistic(z) + z * logistic(z) * (1 - logistic(z))),
    "softplus": lambda z: (np.log1p(np.exp(z)), logistic(z)),
}


def test_every_activation_has_a_formula_here():
    assert set(FORMULAS) == set(ACTIVATIONS)


def values_and_slopes(backend, name, dtype, Z):
    """Return f and f' by a backend: f' is the gradient of a bias before it, with a loss whose own
    slope is 1 for a target half below."""
    network, loss = Network((1,), (Dense(1, name), Dense(1))), loss_named("mean_squared_error")
    program = registry.load(backend).compile(network, loss, SGD(), np.dtype(dtype))
    parameters = network.layout.zeros(dtype)
    for key in ("0.weight", "1.weight"):
        network.layout.views(parameters)[key][...] = 1
    rows, slopes = Z[:, None].astype(dtype), []
    logits = program.predict(parameters, rows)[:, 0]
    for row, a in zip(rows, logits, strict=True):
        _, gradient = program.gradients(parameters, row[None], np.array([[a - 0.5]], dtype))
        slopes.append(network.layout.views(gradient)["0.bias"][0])
    return logits, np.array(slopes)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_an_activation_and_its_slope_are_those_of_the_formula(backend, name, dtype):
    f, allowed = FORMULAS[name], tolerance("forward", dtype)
    values, slopes = values_and_slopes(backend, name, dtype, Z)
    np.testing.assert_allclose(values, f(Z), rtol=allowed.relative, atol=allowed.absolute)
    step = 2.0**-17
    near = max(allowed.relative, tolerance("central_difference", "float64").relative)
    by_differences = (f(Z + step) - f(Z - step)) / (2 * step)
    np.testing.assert_allclose(slopes, by_differences, rtol=near, atol=near)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FAR_BELOW)
@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_an_activation_keeps_its_digits_where_it_goes_to_0(backend, name, dtype):
    """Within z^2 units of the dtype and a little: so much does the rounding of z count there."""
    Z = np.array([-8.0, -6.5, -5.0, -4.0])
    found, wanted = values_and_slopes(backend, name, dtype, Z), FAR_BELOW[name](Z)
    for got, want in zip(found, wanted, strict=True):
        assert (np.abs(got / want - 1) <= 4 * Z * Z * np.finfo(dtype).eps).all()


@pytest.mark.parametrize(("dtype", "large"), [("float64", 1e105), ("float32", 1e15)])
@pytest.mark.parametrize("name", ["gelu", "gelu_tanh", "silu"])
@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_the_slope_is_1_for_a_value_whose_cube_overflows(backend, name, dtype, large):
    """The gradient of a bias, where the loss's slope is 1."""
    network, loss = Network((1,), (Dense(1, name), Dense(1))), loss_named("mean_absolute_error")
    program = registry.load(backend).compile(network, loss, SGD(), np.dtype(dtype))
    parameters = network.layout.zeros(dtype)
    for key in ("0.weight", "1.weight"):
        network.layout.views(parameters)[key][...] = 1
    with np.errstate(over="ignore"):
        row, target = np.full((1, 1), large, dtype), np.zeros((1, 1), dtype)
        _, gradient = program.gradients(parameters, row, target)
    assert network.layout.views(gradient)["0.bias"] == 1
