"""The description of a network: what it is made of, never how it is computed."""

from samplewise.network.activations import ACTIVATIONS
from samplewise.network.initializers import INITIALIZERS, initialize
from samplewise.network.layers import Dense, Layer
from samplewise.network.layout import ParameterLayout, aligned_zeros
from samplewise.network.losses import LOSSES, Loss, loss_named
from samplewise.network.network import Network, multilayer_perceptron
from samplewise.network.optimizers import SGD, Optimizer

__all__ = [
    "ACTIVATIONS",
    "INITIALIZERS",
    "LOSSES",
    "SGD",
    "Dense",
    "Layer",
    "Loss",
    "Network",
    "Optimizer",
    "ParameterLayout",
    "aligned_zeros",
    "initialize",
    "loss_named",
    "multilayer_perceptron",
]
