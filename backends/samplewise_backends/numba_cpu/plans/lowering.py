"""From a network to the kernels' records: one of each layer, and the place of its outputs.

Flattening computes nothing, nor does dropout in prediction: they get no row. Convolutions and
poolings have the channels of an image last, all other layers have them first, as the network has:
rows of their own move them between these. A max pooling after a convolution that ends in ReLU is
fused into the convolution: the largest value is the same before and after ReLU, and so is the first
one above 0.
"""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Any

import numpy as np

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
from samplewise_backends.numba_cpu.kernels.layers.conv_tiles import TAPS_AT_ONCE
from samplewise_backends.numba_cpu.kernels.records import LANES, LAYER
from samplewise_backends.numba_cpu.plans.arrays import Vector

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
_ON_IMAGES = {Kind.CONV, Kind.MAX_POOL, Kind.AVG_POOL, Kind.CHANNELS_LAST, Kind.CHANNELS_FIRST}

# Numbers of float64 in 4 KiB.
CROWDED = 512

# A layer's record as a dictionary of its fields, and the records of all layers as one vector.
Row = dict[str, Any]
Layers = Vector


def padded(units: int) -> int:
    """Return the next multiple of `LANES`: loops over so many elements need no remainder."""
    return -(-units // LANES) * LANES


def spread(units: int, crowded: int = CROWDED) -> int:
    """Return `padded`, or more where rows so far apart crowd the nearest cache: see `tiles`.

    `crowded`: numbers that are too far apart, with their multiples.
    """
    length = padded(units)
    return length + LANES * (length % crowded == 0)


def columns_for(rows: int) -> int:
    """Return the most columns that `thin` has for a batch of so many rows."""
    return spread(rows, CROWDED // 2)


def layer_table(network: Network, rows: int, out: int = 0, *, training: bool) -> tuple[Layers, int]:
    """Return the records of a network's layers, and the length of its buffers.

    Args:
        network: the table points into its flat vector of parameters.
        rows: of each layer's outputs.
        out: where the first layer's outputs start.
        training: whether dropout layers get a row.
    """
    found, length = _table(network, rows, training=training)
    layers = found.copy()
    for place in ("out", "saved", "scratch"):
        layers[place] += out
    return layers, out + length


# Networks that train together are often alike.
@lru_cache(64)
def _table(network: Network, rows: int, *, training: bool) -> tuple[Layers, int]:
    """Return the records where outputs start at 0, not to be written, and the buffers' length."""
    found, out = _rows_of(network, training=training), 0
    for row in found:
        size = padded(rows * row["units"]) + LANES * (row["kind"] in _ON_IMAGES)
        row["out"], row["ld"], row["saved"] = out, row["units"], out
        if _saves(row):
            out += size
            row["saved"] = out
        out += size
    for row in found:
        row["scratch"] = out
    out += max(map(_scratch_of, found))
    # Without numbers of the run's dtype, the layout is the same for all.
    return np.array([tuple(row.values()) for row in found], LAYER.of("float64")), out


def table_across(network: Network, rows: int) -> tuple[Layers, int]:
    """Return the records of a network of dense layers for `thin`, and the length of its buffers."""
    layers, rows, out = layer_table(network, 0, training=True)[0], columns_for(rows), 0
    for layer in layers:
        size, layer["ld"] = rows * layer["units"], spread(layer["units"])
        layer["across"], out = out, out + size
        layer["saved"], out = out, out + (size if _saves(layer) else 0)
        layer["out"], out = out, out + rows * layer["ld"]
    return layers, int(out)


def _rows_of(network: Network, *, training: bool) -> list[Row]:
    """Return a row for each layer that computes something, without the place of its outputs."""
    found: list[Row] = []
    previous: Layer | None = None
    # The shape of the last outputs, where their channels are last.
    shape: tuple[int, ...] = ()
    for index, layer in enumerate(network.layers):
        unchanged = isinstance(layer, Flatten) or (isinstance(layer, Dropout) and not training)
        if unchanged and len(network.layers) > 1:
            continue
        before, after = network.shapes[index : index + 2]
        on_images = KINDS[type(layer)] in _ON_IMAGES
        ends_in_relu = isinstance(previous, Conv2D) and previous.activation == "relu"
        if ends_in_relu and isinstance(layer, MaxPool2D):
            # The convolution pools its own outputs.
            _place_pools(found[-1], after, layer.size, layer.step)
            found[-1]["units"] = math.prod(after)
        else:
            if on_images and not shape:
                found += _reordered(Kind.CHANNELS_LAST, before, index, copied=not found)
            elif shape and not on_images:
                found += _reordered(Kind.CHANNELS_FIRST, shape, index)
            found.append(_row(network, index))
        shape = after if on_images else ()
        previous = layer
    if shape:
        # The last row has no activation: the loss gives the gradient of its outputs.
        active = found[-1]["activation"] != ActivationCode.IDENTITY
        found += _reordered(Kind.CHANNELS_FIRST, shape, len(network.layers) - 1, copied=active)
    # At least the logits must be written.
    found = found or [_row(network, len(network.layers) - 1)]
    _mark_wanted(found)
    return found


def _mark_wanted(rows: list[Row]) -> None:
    """Say which layers have trained ones before them, so that their input gradients are needed."""
    trained = False
    for row in rows:
        row["wanted"] = trained
        trained = trained or row["trained"]


def _reordered(
    kind: Kind, shape: tuple[int, ...], index: int, *, copied: bool = False
) -> list[Row]:
    """Return the row that moves the channels of images, of this shape, or none where nothing moves.

    `copied`: there is a row also then. Kernels read beyond images, but never beyond a caller's
    rows.
    """
    channels, size = shape[0], math.prod(shape)
    if not copied and channels in {1, size}:
        return []
    row: Row = dict.fromkeys(LAYER.fields, 0)
    row["kind"], row["index"], row["channels"] = kind, index, channels
    row["inputs"] = row["units"] = size
    return [row]


def _saves(row: Any) -> bool:
    """Return True if a layer saves values for its backward pass."""
    pools = row["kind"] == Kind.CONV and row["pool_h"] > 0
    return pools or row["kind"] in _SAVING_KINDS or row["activation"] in _SAVING_ACTIVATIONS


def _scratch_of(row: Row) -> int:
    """Place a convolution's scratch for one image, and return its elements."""
    if row["kind"] != Kind.CONV:
        return 0
    image = padded(row["padded_h"] * row["padded_w"] * row["channels"]) + LANES
    row["filters_ld"] = padded(row["filters"])
    row["taps_ld"] = padded(row["kernel_w"] * row["channels"])
    taps = row["kernel_h"] * row["kernel_w"] * row["channels"] + TAPS_AT_ONCE
    weights = max(taps * row["filters_ld"], row["kernel_h"] * row["filters"] * row["taps_ld"])
    # And a row of biases.
    weights += row["filters_ld"]
    row["packed"] = image
    row["summed"] = image + weights
    row["taps"] = row["summed"] + weights
    row["room"] = row["taps"] + padded(2 * taps)
    # All outputs before a pooling; or the image's gradient, and the list of chosen places.
    outputs = padded(row["out_h"] * row["out_w"] * row["filters"]) + LANES
    return int(row["room"] + max(outputs, image + padded(3 * row["units"])))


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
        row["penalised"], row["trained"] = weight in network.weights, layer.trainable
    match layer:
        case LayerNorm():
            row["epsilon"] = layer.epsilon
        case Dropout():
            row["scale"], row["threshold"] = 1 / (1 - layer.rate), round(layer.rate * 2**32)
        case Conv2D():
            (above, under), (left, right) = layer.pads(before)
            _place_image(row, before, after)
            row["kernel_h"], row["kernel_w"] = layer.kernel
            row["stride"], row["above"], row["left"] = layer.stride, above, left
            row["padded_h"] += above + under
            row["padded_w"] += left + right
        case MaxPool2D() | AvgPool2D():
            _place_image(row, before, before)
            _place_pools(row, after, layer.size, layer.step)
        case GlobalAvgPool():
            _place_image(row, before, before)
            _place_pools(row, (before[0], 1, 1), before[1:], 1)
    return row


def _place_image(row: Row, before: tuple[int, ...], after: tuple[int, ...]) -> None:
    row["channels"], row["height"], row["width"] = before
    row["padded_h"], row["padded_w"] = before[1:]
    row["filters"], row["out_h"], row["out_w"] = after
    row["stride"] = 1


def _place_pools(row: Row, after: tuple[int, ...], size: tuple[int, ...], step: int) -> None:
    row["pool_h"], row["pool_w"] = size
    row["pool_step"] = step
    row["pooled_h"], row["pooled_w"] = after[1:]
