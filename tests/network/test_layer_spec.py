"""Layers as a short text: read, written, and refused with the part that is wrong."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samplewise.errors import ParameterError
from samplewise.network import (
    ACTIVATIONS,
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
)
from samplewise.network.layer_spec import layer_spec, layers_from

EXAMPLE = "conv 8x3 relu, pool 2, conv 16x3 relu, pool 2, dense 10"

SMALL = st.integers(1, 9)
PAIR = st.tuples(SMALL, SMALL)
ACTIVATION = st.sampled_from(ACTIVATIONS)
LAYER = st.one_of(
    st.builds(Dense, SMALL, ACTIVATION, st.booleans()),
    st.builds(
        Conv2D, SMALL, PAIR, SMALL, st.sampled_from(["valid", "same"]), ACTIVATION, st.booleans()
    ),
    st.builds(MaxPool2D, PAIR, SMALL),
    st.builds(AvgPool2D, PAIR, SMALL),
    st.builds(Dropout, st.sampled_from([0.0, 0.25, 1 / 3, 0.9])),
    st.sampled_from([Flatten(), GlobalAvgPool(), LayerNorm(), LayerNorm(trainable=False)]),
)


def test_a_description_gives_its_layers():
    assert layers_from(EXAMPLE) == (
        *(Conv2D(8, (3, 3), activation="relu"), MaxPool2D((2, 2), 2)),
        *(Conv2D(16, (3, 3), activation="relu"), MaxPool2D((2, 2), 2), Dense(10)),
    )
    assert layer_spec(layers_from(EXAMPLE)) == EXAMPLE


@given(st.lists(LAYER, min_size=1, max_size=6).map(tuple))
def test_what_is_written_is_read_again(layers):
    assert layers_from(layer_spec(layers)) == layers


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "'' is not a layer"),
        ("dense 10,", "'' is not a layer"),
        ("dens 10", "did you mean 'dense'"),
        ("dense", "layer 'dense': it needs a number of units"),
        ("dense ten", "it needs a number of units"),
        ("dense 12345678901", "'12345678901' has more than 10 digits"),
        ("conv 8x3 stride 00000000002", "'00000000002' has more than 10 digits"),
        ("dense 0", "dense: units must be a whole number of at least 1, got 0"),
        ("dense 10 rleu", "got 'rleu'; did you mean 'relu'?"),
        ("dense 10 relu same", "unexpected 'same' in layer 'dense 10 relu same'"),
        ("dense 10 frozen relu", "unexpected 'relu' in layer 'dense 10 frozen relu'"),
        ("pool 2 frozen", "layer 'pool 2 frozen': it has no weights to be frozen"),
        ("dropout 0.5 frozen", "it has no weights to be frozen"),
        ("conv 8", "a size of the kernel is missing"),
        ("conv 8x3x3x3", "it needs filters and size"),
        ("conv 8x3 stride", "it needs a stride"),
        ("conv 8x3 stride 0", "conv: stride must be a whole number of at least 1, got 0"),
        ("pool", "it needs a size"),
        ("pool 2x3", "window of 2 x 3 is not square, so that its stride"),
        ("dropout", "a share is missing"),
        ("dropout 1", "dropout: rate must be at least 0 and below 1, got 1"),
        ("dropout nan", "dropout: rate must be"),
        ("flatten 3", "unexpected '3' in layer 'flatten 3'"),
        ("dense 1\u0660", "it needs a number of units"),
        ("dense 1," * 5000, "characters"),
    ],
)
def test_a_part_that_is_no_layer_is_named(text, said):
    with pytest.raises(ParameterError) as caught:
        layers_from(text)
    assert said in str(caught.value)
