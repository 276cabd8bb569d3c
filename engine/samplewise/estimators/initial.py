"""Initial weights of a multi-layer perceptron, drawn as scikit-learn draws them.

From the same `random_state`, both begin with the same weights and hold out the same rows.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import DTypeLike, NDArray

from samplewise.network import Dense, Network


def glorot_parameters(
    network: Network, random_state: np.random.RandomState, dtype: DTypeLike, *, logistic: bool
) -> NDArray[Any]:
    """Draw the weights and biases of dense layers; return the flat vector (P,).

    Uniform between +-sqrt(6 / (inputs + outputs)) of a layer; where hidden layers are logistic,
    +-sqrt(2 / (inputs + outputs)). Source: Glorot and Bengio (2010), as in scikit-learn.

    Args:
        network: of dense layers, and others without weights.
        random_state: drawn from, layer by layer.
        dtype: of the vector; draws are float64.
        logistic: whether the activation of hidden layers is, even where there are none.
    """
    parameters = network.layout.zeros(dtype)
    views = network.layout.views(parameters)
    factor = 2.0 if logistic else 6.0
    for index in dense_layers(network):
        weight, bias = views[f"{index}.weight"], views[f"{index}.bias"]
        bound = math.sqrt(factor / sum(weight.shape))
        weight[...] = random_state.uniform(-bound, bound, weight.shape[::-1]).T
        bias[...] = random_state.uniform(-bound, bound, bias.shape)
    return parameters


def dense_layers(network: Network) -> list[int]:
    """Return the indices of the dense layers."""
    return [index for index, layer in enumerate(network.layers) if isinstance(layer, Dense)]
