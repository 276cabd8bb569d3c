"""Networks of every layer, and data for every loss."""

import dataclasses
from typing import Any

import numpy as np

from samplewise.network import (
    SGD,
    Adagrad,
    Adam,
    AvgPool2D,
    ClassLoss,
    Conv2D,
    Dense,
    Dropout,
    Flatten,
    GlobalAvgPool,
    LayerNorm,
    MaxPool2D,
    Network,
    RMSprop,
    aligned_zeros,
    initialize,
)
from samplewise.network.losses import (
    BinaryCrossEntropy,
    CategoricalCrossEntropy,
    Huber,
    MeanAbsoluteError,
    MeanSquaredError,
    MultiLabelCrossEntropy,
    Poisson,
)

OUTPUTS = 3


def _dense(activation):
    layers = (Dense(9, activation), Dropout(0.4), LayerNorm(), Dense(7, "tanh"), Dense(OUTPUTS))
    return Network((12,), layers)


def _convolutional(activation):
    layers = (
        *(Conv2D(3, (3, 2), 2, "same", activation), MaxPool2D(2, 1), LayerNorm(), Dropout(0.2)),
        *(Conv2D(4, 2, 1, "same", "tanh"), AvgPool2D((1, 2), 1), Dense(5, activation)),
        Dense(OUTPUTS),
    )
    return Network((2, 7, 6), layers)


def _pooled(activation):
    layers = (Conv2D(3, 2, 1, "valid", activation), GlobalAvgPool(), Flatten(), Dense(OUTPUTS))
    return Network((2, 5, 5), layers)


NETWORKS = {"dense": _dense, "convolutional": _convolutional, "pooled": _pooled}
LOSSES = (
    CategoricalCrossEntropy(),
    CategoricalCrossEntropy(0.1),
    MultiLabelCrossEntropy(),
    MeanSquaredError(),
    MeanAbsoluteError(),
    Huber(0.3),
    Poisson(),
)
RULES = (
    SGD(),
    SGD(0.9, l1=0.01),
    SGD(0.5, nesterov=True, l2=0.1, clip_norm=0.5),
    SGD(l2=0.1, weight_decay=0.1),
    SGD(clip_value=0.05),
    Adam(),
    Adam(weight_decay=0.1, clip_norm=1.0),
    Adam(l2=0.1, beta1=0.5),
    RMSprop(),
    RMSprop(l1=0.01),
    Adagrad(l2=0.02),
)


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A problem: network, loss, rows, targets and weights, all float64."""

    network: Network
    loss: Any
    X: Any
    Y: Any
    weights: Any


def drawn(network, loss, rows, seed=0):
    """Draw rows, targets that the loss takes, and weights with biases that are not 0."""
    rng = np.random.default_rng(seed)
    weights = initialize(network, "glorot_normal", rng, np.float64)
    for view in network.layout.views(weights).values():
        view += 0.1 * rng.standard_normal(view.shape)
    outputs = network.outputs
    if isinstance(loss, ClassLoss):
        Y = loss.targets(rng.integers(0, max(outputs, 2), rows), outputs, np.float64)
    elif isinstance(loss, Poisson | MultiLabelCrossEntropy):
        Y = rng.integers(0, 2, (rows, outputs)).astype(np.float64)
    else:
        Y = rng.standard_normal((rows, outputs))
    return Drawn(network, loss, rng.standard_normal((rows, network.inputs)), Y, weights)


def aligned(vector, dtype):
    copy = aligned_zeros(vector.size, dtype)
    copy[...] = vector
    return copy


def words(value):
    """Return a loss or a rule as a test's name."""
    fields = dataclasses.asdict(value)
    usual = {field.name: field.default for field in dataclasses.fields(value)}
    options = [f"{name}={given:g}" for name, given in fields.items() if given != usual[name]]
    return " ".join([value.name, *options])


BINARY = BinaryCrossEntropy()
