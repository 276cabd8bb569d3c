"""From a network to the kernels' records: one of each layer, and the place of its outputs.

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
from samplewise_backends.numba_cpu.kernels.codes import ActivationCode, Kind
from samplewise_backends.numba_cpu.kernels.records import LAYER

ACTIVATION_CODES = {code.name.lower(): code for code in ActivationCode}
KINDS: dict[type[Layer], Kind] = {
    Dense: Kind.DENSE,
    Conv2D: Kind.CONV,
    MaxPool2D: Kind.MAX_POOL,
    AvgPool2D: Kind.AVG_POOL,
    GlobalAvgPool: Kind.AVG_POOL,
    LayerNorm: Kind.LAYER_NORM,
    Dropout: Kind.DROPOUT,
    Flatten: Kind.UNCHANGED,
}
_SAVING_ACTIVATIONS = {ActivationCode.GELU, ActivationCode.GELU_TANH, ActivationCode.SILU}
_SAVING_KINDS = {Kind.MAX_POOL, Kind.DROPOUT}

# The fields of a layer's record, by name, and the records of a network's layers.
Row = dict[str, Any]
Layers = NDArray[Any]
LANES = 16


def padded(units: int) -> int:
    """Return the next multiple of 16: loops over that many elements need no remainder."""
    return -(-units // LANES) * LANES


def layer_table(network: Network, rows: int, out: int = 0, *, training: bool) -> tuple[Layers, int]:
    """Return the records of a network's layers, and the length of its buffers.

    Args:
        network: the table points into its flat vector of parameters.
        rows: of each layer's outputs.
        out: where the first layer's outputs start.
        training: whether dropout layers get a row.
    """
    found = _rows_of(network, training=training)
    for row in found:
        size = padded(rows * row["units"])
        row["out"], row["ld"], row["saved"] = out, row["units"], out
        if _saves(row):
            out += size
            row["saved"] = out
        out += size
    for row in found:
        row["scratch"] = out
    out += padded(max(map(_scratch_of, found)))
    # Without numbers of the run's dtype, the layout is the same for all.
    return np.array([tuple(row.values()) for row in found], LAYER.of("float64")), out


def table_across(network: Network, rows: int) -> tuple[Layers, int]:
    """Return the records of a network of dense layers for `thin`, and the length of its buffers."""
    layers, rows, out = layer_table(network, 0, training=True)[0], padded(rows), 0
    for layer in layers:
        size, layer["ld"] = rows * layer["units"], padded(layer["units"])
        layer["across"], out = out, out + size
        layer["saved"], out = out, out + (size if _saves(layer) else 0)
        layer["out"], out = out, out + rows * layer["ld"]
    return layers, int(out)


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


def _saves(row: Any) -> bool:
    """Return True if a layer saves values for its backward pass."""
    pools = row["kind"] == Kind.CONV and row["pool_h"] > 0
    return pools or row["kind"] in _SAVING_KINDS or row["activation"] in _SAVING_ACTIVATIONS


def _scratch_of(row: Row) -> int:
    """Return the elements of scratch that a layer needs for one image."""
    if row["kind"] != Kind.CONV:
        return 0
    planes = row["channels"] * row["padded_h"] * row["padded_w"]
    taps = row["channels"] * row["kernel_h"] * row["kernel_w"]
    return int(planes + (taps + row["filters"]) * row["products"])


def _is_fused(previous: Layer | None, layer: Layer) -> bool:
    ends_in_relu = isinstance(previous, Conv2D) and previous.activation == "relu"
    return ends_in_relu and isinstance(layer, MaxPool2D)


def _row(network: Network, index: int) -> Row:
    layer, (before, after) = network.layers[index], network.shapes[index : index + 2]
    row: Row = dict.fromkeys(LAYER.fields, 0)
    row["kind"], row["index"] = KINDS[type(layer)], index
    row["inputs"], row["units"] = math.prod(before), math.prod(after)
    row["activation"] = ACTIVATION_CODES[layer.activation]
    slots = {slot.name: slot for slot in network.layout.slots}
    if f"{index}.weight" in slots:
        weight, bias = slots[f"{index}.weight"], slots[f"{index}.bias"]
        row["weight"], row["weights"] = weight.offset, weight.size
        row["bias"], row["biases"] = bias.offset, bias.size
        row["penalised"] = weight in network.weights
    match layer:
        case LayerNorm():
            row["epsilon"] = layer.epsilon
        case Dropout():
            row["scale"], row["threshold"] = 1 / (1 - layer.rate), round(layer.rate * 2**32)
        case Conv2D():
            _place_convolution(row, layer, before, after)
        case MaxPool2D() | AvgPool2D():
            _place_windows(row, before, after, layer.size, layer.step)
        case GlobalAvgPool():
            _place_windows(row, before, (before[0], 1, 1), before[1:], 1)
    return row


def _place_windows(
    row: Row, before: tuple[int, ...], after: tuple[int, ...], size: tuple[int, ...], step: int
) -> None:
    row["channels"], row["height"], row["width"] = before
    row["padded_h"], row["padded_w"] = before[1:]
    row["kernel_h"], row["kernel_w"] = size
    row["stride"] = step
    row["out_h"], row["out_w"] = after[1:]


def _place_convolution(row: Row, layer: Conv2D, before: Any, after: Any) -> None:
    _place_windows(row, before, after, layer.kernel, layer.stride)
    (above, under), (left, right) = layer.pads(before)
    row["above"], row["left"] = above, left
    row["padded_h"] += above + under
    row["padded_w"] += left + right
    row["filters"] = layer.filters
    height, width = after[1:]
    pitch = row["padded_w"] if layer.stride == 1 else width
    row["pitch"], row["products"] = pitch, (height - 1) * pitch + width


def _pool_too(row: Row, pool: Layer, after: tuple[int, ...]) -> None:
    """Let a convolution pool its own outputs."""
    assert isinstance(pool, MaxPool2D)
    row["pool_h"], row["pool_w"] = pool.size
    row["pool_step"] = pool.step
    row["pooled_h"], row["pooled_w"] = after[1:]
    row["units"] = math.prod(after)
