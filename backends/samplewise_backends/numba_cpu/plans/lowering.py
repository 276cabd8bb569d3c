"""From a network to the kernels' table: the row of each layer, and the place of its outputs.

Flattening computes nothing, nor does dropout in prediction: they get no row. A max pooling after a
convolution that ends in ReLU is fused into the convolution: the largest value is the same before
and after ReLU, and so is the first one above 0.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samplewise.network import (
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LayerNorm,
    MaxPool2D,
    Network,
)
from samplewise_backends.numba_cpu.kernels import tables as t

ACTIVATION_CODES = {
    "identity": t.IDENTITY,
    "sigmoid": t.SIGMOID,
    "tanh": t.TANH,
    "relu": t.RELU,
    "leaky_relu": t.LEAKY_RELU,
    "elu": t.ELU,
    "selu": t.SELU,
    "gelu": t.GELU,
    "gelu_tanh": t.GELU_TANH,
    "silu": t.SILU,
    "softplus": t.SOFTPLUS,
}
KINDS: dict[type[Layer], int] = {
    Dense: t.DENSE,
    Conv2D: t.CONV,
    MaxPool2D: t.MAX_POOL,
    AvgPool2D: t.AVG_POOL,
    GlobalAvgPool: t.AVG_POOL,
    LayerNorm: t.LAYER_NORM,
    Dropout: t.DROPOUT,
    Flatten: t.UNCHANGED,
}
_SAVING_ACTIVATIONS = {t.GELU, t.GELU_TANH, t.SILU}
_SAVING_KINDS = {t.MAX_POOL, t.DROPOUT}

Row = NDArray[np.int64]
LANES = 16


def padded(units: int) -> int:
    """Return the next multiple of 16: loops over that many elements need no remainder."""
    return -(-units // LANES) * LANES


def layer_table(
    network: Network, rows: int, out: int = 0, *, training: bool
) -> tuple[NDArray[np.int64], int]:
    """Return the table of a network's layers, and the length of its buffers.

    Args:
        network: the table points into its flat vector of parameters.
        rows: of each layer's outputs.
        out: where the first layer's outputs start.
        training: whether dropout layers get a row.
    """
    table = np.array(_rows_of(network, training=training))
    for row in table:
        size = padded(rows * row[t.UNITS])
        row[[t.OUT, t.LD, t.SAVED]] = out, row[t.UNITS], out
        if _saves(row):
            out += size
            row[t.SAVED] = out
        out += size
    table[:, t.SCRATCH] = out
    out += padded(max(map(_scratch_of, table)))
    return table, out


def _rows_of(network: Network, *, training: bool) -> list[Row]:
    """Return a row for each layer that computes something, without the place of its outputs."""
    found: list[Row] = []
    previous: Layer | None = None
    for index, layer in enumerate(network.layers):
        unchanged = isinstance(layer, Flatten) or (isinstance(layer, Dropout) and not training)
        if unchanged and len(network.layers) > 1:
            continue
        if _is_fused(previous, layer):
            _pool_too(found[-1], layer, network.shapes[index + 1])
        else:
            found.append(_row(network, index))
        previous = layer
    # At least the logits must be written.
    return found or [_row(network, len(network.layers) - 1)]


def _saves(row: Row) -> bool:
    """Return True if a layer saves values for its backward pass."""
    pools = row[t.KIND] == t.CONV and row[t.POOL_H] > 0
    return pools or row[t.KIND] in _SAVING_KINDS or row[t.ACTIVATION] in _SAVING_ACTIVATIONS


def _scratch_of(row: Row) -> int:
    """Return the elements of scratch that a layer needs for one image."""
    if row[t.KIND] != t.CONV:
        return 0
    planes = row[t.CHANNELS] * row[t.PADDED_H] * row[t.PADDED_W]
    taps = row[t.CHANNELS] * row[t.KERNEL_H] * row[t.KERNEL_W]
    return int(planes + (taps + row[t.FILTERS]) * row[t.PRODUCTS])


def _is_fused(previous: Layer | None, layer: Layer) -> bool:
    ends_in_relu = isinstance(previous, Conv2D) and previous.activation == "relu"
    return ends_in_relu and isinstance(layer, MaxPool2D)


def _row(network: Network, index: int) -> Row:
    layer, (before, after) = network.layers[index], network.shapes[index : index + 2]
    row = np.zeros(t.LAYER_COLUMNS, np.int64)
    row[[t.KIND, t.INDEX]] = KINDS[type(layer)], index
    row[[t.INPUTS, t.UNITS]] = math.prod(before), math.prod(after)
    row[t.ACTIVATION] = ACTIVATION_CODES[layer.activation]
    slots = {slot.name: slot for slot in network.layout.slots}
    if f"{index}.weight" in slots:
        weight, bias = slots[f"{index}.weight"], slots[f"{index}.bias"]
        row[[t.WEIGHT, t.WEIGHTS]] = weight.offset, weight.size
        row[[t.BIAS, t.BIASES]] = bias.offset, bias.size
        row[t.PENALISED] = weight in network.weights
    match layer:
        case LayerNorm():
            row[t.REAL] = _bits(layer.epsilon)
        case Dropout():
            row[[t.REAL, t.THRESHOLD]] = _bits(1 / (1 - layer.rate)), round(layer.rate * 2**32)
        case Conv2D():
            _place_convolution(row, layer, before, after)
        case MaxPool2D() | AvgPool2D():
            _place_windows(row, before, after, layer.size, layer.step)
        case GlobalAvgPool():
            _place_windows(row, before, (before[0], 1, 1), before[1:], 1)
    return row


def _bits(number: float) -> int:
    return int(np.float64(number).view(np.int64))


def _place_windows(
    row: Row, before: tuple[int, ...], after: tuple[int, ...], size: tuple[int, ...], step: int
) -> None:
    row[[t.CHANNELS, t.HEIGHT, t.WIDTH]] = before
    row[[t.PADDED_H, t.PADDED_W]] = before[1:]
    row[[t.KERNEL_H, t.KERNEL_W]] = size
    row[t.STRIDE] = step
    row[[t.OUT_H, t.OUT_W]] = after[1:]


def _place_convolution(row: Row, layer: Conv2D, before: Any, after: Any) -> None:
    _place_windows(row, before, after, layer.kernel, layer.stride)
    (above, under), (left, right) = layer.pads(before)
    row[[t.ABOVE, t.LEFT]] = above, left
    row[[t.PADDED_H, t.PADDED_W]] += above + under, left + right
    row[t.FILTERS] = layer.filters
    height, width = after[1:]
    pitch = row[t.PADDED_W] if layer.stride == 1 else width
    row[[t.PITCH, t.PRODUCTS]] = pitch, (height - 1) * pitch + width


def _pool_too(row: Row, pool: Layer, after: tuple[int, ...]) -> None:
    """Let a convolution pool its own outputs."""
    assert isinstance(pool, MaxPool2D)
    row[[t.POOL_H, t.POOL_W]] = pool.size
    row[t.POOL_STEP] = pool.step
    row[[t.POOLED_H, t.POOLED_W]] = after[1:]
    row[t.UNITS] = math.prod(after)
