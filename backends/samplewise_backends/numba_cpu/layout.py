"""Where each layer's outputs lie in the buffers of kernels."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import Network
from samplewise_backends.numba_cpu.kernels import tables

LANES = 16

ACTIVATION_CODES = {
    "identity": tables.IDENTITY,
    "sigmoid": tables.SIGMOID,
    "tanh": tables.TANH,
    "relu": tables.RELU,
}
LOSS_CODES = {
    "binary_cross_entropy": tables.BINARY,
    "categorical_cross_entropy": tables.CATEGORICAL,
}


def padded(units: int) -> int:
    """Return the next multiple of 16: loops over that many elements need no remainder."""
    return -(-units // LANES) * LANES


def layer_table(network: Network, rows: int, out: int = 0) -> tuple[NDArray[np.int64], int]:
    """Return the table of a network's layers, and the length of its buffers.

    Args:
        network: whose own flat vector of parameters the table points into.
        rows: of each layer's outputs.
        out: where the first layer's outputs start.
    """
    offsets = {slot.name: slot.offset for slot in network.layout.slots}
    table = np.zeros((len(network.layers), tables.LAYER_COLUMNS), np.int64)
    for k, layer in enumerate(network.layers):
        inputs, units = (math.prod(shape) for shape in network.shapes[k : k + 2])
        activation = ACTIVATION_CODES[layer.activation]
        weight, bias = offsets[f"{k}.weight"], offsets[f"{k}.bias"]
        table[k] = inputs, units, activation, weight, bias, out, units
        out += padded(rows * units)
    return table, out


def largest_layer(network: Network) -> int:
    """Return the most weights in one layer: the size of a scratch gradient."""
    return max(slot.size for slot in network.layout.slots)


def smallest_normal(dtype: np.dtype[Any]) -> Any:
    """Return the smallest positive normal number, as a scalar of `dtype`."""
    return dtype.type(np.finfo(dtype).tiny)
