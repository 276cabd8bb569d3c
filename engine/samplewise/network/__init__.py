"""The description of a network: its layers, loss and optimizer, never how they are computed."""

from samplewise.network.activations import ACTIVATIONS
from samplewise.network.initializers import INITIALIZERS, initialize
from samplewise.network.layers import (
    FROZEN,
    LAYERS,
    AvgPool2D,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    Layer,
    LayerNorm,
    MaxPool2D,
)
from samplewise.network.layout import ParameterLayout, aligned_empty, aligned_zeros
from samplewise.network.losses import (
    LOSSES,
    ClassLoss,
    Loss,
    ValueLoss,
    as_class_loss,
    class_loss_named,
    loss_from,
    loss_named,
)
from samplewise.network.network import Network, multilayer_perceptron
from samplewise.network.optimizers import OPTIMIZERS, SGD, Adagrad, Adam, Optimizer, RMSprop

__all__ = [
    "ACTIVATIONS",
    "FROZEN",
    "INITIALIZERS",
    "LAYERS",
    "LOSSES",
    "OPTIMIZERS",
    "SGD",
    "Adagrad",
    "Adam",
    "AvgPool2D",
    "ClassLoss",
    "Conv2D",
    "Dense",
    "Dropout",
    "Flatten",
    "GlobalAvgPool",
    "Layer",
    "LayerNorm",
    "Loss",
    "MaxPool2D",
    "Network",
    "Optimizer",
    "ParameterLayout",
    "RMSprop",
    "ValueLoss",
    "aligned_empty",
    "aligned_zeros",
    "as_class_loss",
    "class_loss_named",
    "initialize",
    "loss_from",
    "loss_named",
    "multilayer_perceptron",
]
