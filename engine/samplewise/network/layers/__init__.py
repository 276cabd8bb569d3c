"""Layers: frozen descriptions that know their shapes and nothing of how they are computed."""

from samplewise.network.layers.base import FROZEN as FROZEN
from samplewise.network.layers.base import Layer as Layer
from samplewise.network.layers.conv import Conv2D as Conv2D
from samplewise.network.layers.dense import Dense as Dense
from samplewise.network.layers.layer_norm import LayerNorm as LayerNorm
from samplewise.network.layers.pooling import AvgPool2D as AvgPool2D
from samplewise.network.layers.pooling import GlobalAvgPool as GlobalAvgPool
from samplewise.network.layers.pooling import MaxPool2D as MaxPool2D
from samplewise.network.layers.shaping import Dropout as Dropout
from samplewise.network.layers.shaping import Flatten as Flatten

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
