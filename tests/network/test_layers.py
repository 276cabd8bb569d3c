"""Layers know their shapes, and refuse what does not fit when the network is built."""

import dataclasses
import re

import pytest

from samplewise.errors import ParameterError
from samplewise.network import (
    LAYERS,
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
    Network,
)

IMAGE = (3, 9, 8)


@pytest.mark.parametrize(
    ("layer", "output", "parameters", "multiply_adds"),
    [
        (Conv2D(4, 3), (4, 7, 6), 4 * 27 + 4, 4 * 27 * 42),
        (Conv2D(4, (2, 3)), (4, 8, 6), 4 * 18 + 4, 4 * 18 * 48),
        (Conv2D(4, 3, 2), (4, 4, 3), 4 * 27 + 4, 4 * 27 * 12),
        (Conv2D(4, 3, 1, "same"), (4, 9, 8), 4 * 27 + 4, 4 * 27 * 72),
        (Conv2D(4, 4, 2, "same"), (4, 5, 4), 4 * 48 + 4, 4 * 48 * 20),
        (Conv2D(4, 1, 9), (4, 1, 1), 4 * 3 + 4, 12),
        (MaxPool2D(), (3, 4, 4), 0, 0),
        (MaxPool2D(3, 2), (3, 4, 3), 0, 0),
        (AvgPool2D((2, 3), 1), (3, 8, 6), 0, 0),
        (GlobalAvgPool(), (3,), 0, 0),
        (Flatten(), (216,), 0, 0),
        (Dropout(0.2), IMAGE, 0, 0),
        (LayerNorm(), IMAGE, 2 * 216, 0),
        (Dense(5), (5,), 5 * 216 + 5, 5 * 216),
    ],
    ids=str,
)
def test_shapes_and_costs(layer, output, parameters, multiply_adds):
    network = Network(IMAGE, (layer,))
    assert network.shapes[-1] == output
    assert network.layout.parameters == parameters
    assert network.multiply_adds == multiply_adds


def test_same_padding_puts_the_odd_row_at_the_end():
    assert Conv2D(1, (2, 4), 1, "same").pads((1, 5, 5)) == ((0, 1), (1, 2))


@pytest.mark.parametrize(
    ("build", "said"),
    [
        (lambda: Network((1, 4, 4), (Conv2D(2, 5),)), "layer 0: the kernel of conv, 5 x 5"),
        (
            lambda: Network((1, 4, 4), (Conv2D(2, 3), MaxPool2D(3))),
            "layer 1: the window of",
        ),
        (lambda: Network((16,), (Conv2D(2, 3),)), r"layer 0: .* has shape \(16,\)"),
        (lambda: Network((1, 4, 4), (Dense(3), MaxPool2D())), "layer 1: max_pool takes"),
        (
            lambda: Network((4,), (GlobalAvgPool(),)),
            "global_avg_pool takes images",
        ),
        (lambda: Conv2D(2, 3, 0), "conv: stride must be .* got 0"),
        (lambda: Conv2D(0, 3), "conv: filters must be .* got 0"),
        (lambda: Conv2D(2, (3, 0)), "conv: kernel must be .* got 0"),
        (lambda: Conv2D(2, (3, 3, 3)), "conv: kernel must be a whole number, or a pair"),
        (lambda: Conv2D(2, 3, padding="full"), "padding: must be .* got 'full'"),
        (lambda: Conv2D(2, 3, activation="rleu"), "relu"),
        (lambda: MaxPool2D((2, 3)), "window of 2 x 3 is not square"),
        (lambda: AvgPool2D(0), "avg_pool: size must be .* got 0"),
        (lambda: Dropout(1.0), "dropout: rate must be .* got 1"),
        (lambda: Dropout(-0.1), "dropout: rate must be .* got -0.1"),
        (lambda: LayerNorm(0.0), "layer_norm: epsilon must be .* got 0"),
        (lambda: Network((3,), ("dense",)), "'dense' is not a layer"),
    ],
)
def test_what_does_not_fit_is_refused_when_it_is_built(build, said):
    with pytest.raises(ParameterError) as caught:
        build()
    assert re.search(said, str(caught.value))


def test_every_kind_survives_json():
    network = Network(
        (2, 12, 12),
        (
            *(Conv2D(3, (3, 2), 1, "same", "gelu"), LayerNorm(), MaxPool2D(2), AvgPool2D(2, 1)),
            *(Conv2D(2, 2, 2), Dropout(0.25), Flatten(), Dense(4, "selu"), Dense(2)),
        ),
    )
    pooled = Network((2, 3, 3), (GlobalAvgPool(), Dense(1)))
    assert {layer.kind for built in (network, pooled) for layer in built.layers} == set(LAYERS)
    for built in (network, pooled):
        assert Network.from_dict(built.to_dict()) == built
        assert all(dataclasses.is_dataclass(layer) for layer in built.layers)


def test_penalties_shrink_weights_and_no_scales():
    network = Network((1, 4, 4), (Conv2D(2, 3), LayerNorm(), Flatten(), Dense(3)))
    assert [slot.name for slot in network.weights] == ["0.weight", "3.weight"]


def test_only_a_square_window_may_leave_its_stride_out():
    assert MaxPool2D((2, 3), 1).stride == 1
    assert MaxPool2D(3).stride == 3
