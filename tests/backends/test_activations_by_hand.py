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


def test_every_activation_has_a_formula_here():
    assert set(FORMULAS) == set(ACTIVATIONS)


@pytest.mark.parametrize("dtype", ["float64", "float32"])
@pytest.mark.parametrize("name", FORMULAS)
@pytest.mark.parametrize("backend", ["reference", "vectorized", "numba_cpu"])
def test_an_activation_and_its_slope_are_those_of_the_formula(backend, name, dtype):
    """The slope is the gradient of a bias before it, with a loss whose own slope is 1 / 2."""
    network, loss = Network((1,), (Dense(1, name), Dense(1))), loss_named("mean_squared_error")
    program = registry.load(backend).compile(network, loss, SGD(), np.dtype(dtype))
    parameters = network.layout.zeros(dtype)
    for key in ("0.weight", "1.weight"):
        network.layout.views(parameters)[key][...] = 1
    rows = Z[:, None].astype(dtype)
    f = FORMULAS[name]
    allowed = tolerance("forward", dtype)
    logits = program.predict(parameters, rows)[:, 0]
    np.testing.assert_allclose(logits, f(Z), rtol=allowed.relative, atol=allowed.absolute)
    step = 2.0**-17
    slopes = (f(Z + step) - f(Z - step)) / (2 * step)
    for row, a, slope in zip(rows, logits, slopes, strict=True):
        # d (a - y)^2 is 2 (a - y): 1 for a target half below.
        _, gradient = program.gradients(parameters, row[None], np.array([[a - 0.5]], dtype))
        got = network.layout.views(gradient)["0.bias"][0]
        near = max(allowed.relative, tolerance("central_difference", "float64").relative)
        assert got == pytest.approx(slope, rel=near, abs=near)
