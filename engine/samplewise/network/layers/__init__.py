"""Layers: frozen descriptions that know their shapes and nothing of how they are computed."""

from samplewise.network.layers.base import FROZEN, Layer
from samplewise.network.layers.conv import Conv2D
from samplewise.network.layers.dense import Dense
from samplewise.network.layers.layer_norm import LayerNorm
from samplewise.network.layers.pooling import AvgPool2D, GlobalAvgPool, MaxPool2D
from samplewise.network.layers.shaping import Dropout, Flatten

LAYERS: dict[str, type[Layer]] = {
    layer.kind: layer
    for layer in (
        Dense,
        Conv2D,
        MaxPool2D,
        AvgPool2D,
        GlobalAvgPool,
        Flatten,
        Dropout,
        LayerNorm,
    )
}

__all__ = [
    "FROZEN",
    "LAYERS",
    "AvgPool2D",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "LayerNorm",
    "MaxPool2D",
]
