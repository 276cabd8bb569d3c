"""Small networks of every layer, each kind with and without the others."""

from __future__ import annotations

from collections.abc import Callable

from samplewise.network import (
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

Body = Callable[[str, int], Network]


BODIES: dict[str, Body] = {
    "deep": lambda f, n: Network((6,), (Dense(4, f), Dense(3, f), Dense(n))),
    "dropout": lambda f, n: Network((6,), (Dense(5, f), Dropout(0.4), Dense(n))),
    "layer_norm": lambda f, n: Network((6,), (Dense(4, f), LayerNorm(), Dense(n))),
    "flatten": lambda f, n: Network((1, 3, 2), (Flatten(), Dense(4, f), Dense(n))),
    "padded_conv": lambda f, n: Network((2, 4, 3), (Conv2D(2, (3, 2), 2, "same", f), Dense(n))),
    # No dense layer.
    "two_convs": lambda f, n: Network(
        (2, 4, 3),
        (Conv2D(2, (2, 2), 1, "valid", f), Conv2D(n, (2, 2), 1, "same"), GlobalAvgPool()),
    ),
    "pooled_conv": lambda f, n: Network(
        (1, 5, 4), (Conv2D(2, (2, 2), 1, "same", f), MaxPool2D((2, 2)), Dense(n))
    ),
    "max_pool": lambda f, n: Network((2, 3, 4), (MaxPool2D((2, 2), 1), Dense(3, f), Dense(n))),
    "avg_pool": lambda f, n: Network((2, 3, 2), (AvgPool2D((1, 2), 1), Dense(3, f), Dense(n))),
    "global_avg_pool": lambda f, n: Network((4, 3, 2), (GlobalAvgPool(), Dense(4, f), Dense(n))),
    "every_layer": lambda f, n: Network(
        (2, 6, 5),
        (
            Conv2D(2, (3, 2), 2, "same", f),
            MaxPool2D((2, 2), 1),
            LayerNorm(),
            Dropout(0.2),
            Conv2D(2, (2, 2), 1, "same", f),
            AvgPool2D((1, 2), 1),
            Flatten(),
            Dense(3, f),
            Dense(n),
        ),
    ),
}
"""Networks of an activation and a number of outputs."""

# Which of the layers with weights are frozen; where none lies between, the first is.
PLACES: dict[str, slice] = {"first": slice(1), "between": slice(1, -1), "last": slice(-1, None)}


def with_frozen(network: Network, place: str) -> Network:
    """Return the network with some of its layers frozen; as it is where none would be trained."""
    pairs = enumerate(network.layers_and_inputs)
    having = [k for k, (layer, inputs) in pairs if layer.parameter_shapes(inputs)]
    frozen = having[PLACES[place]] or having[:1]
    if len(frozen) == len(having):
        return network
    layers = [layer.with_trainable(k not in frozen) for k, layer in enumerate(network.layers)]
    return Network(network.input_shape, tuple(layers))


def _hidden(*units: int) -> Callable[[str, int, int], Network]:
    def body(activation: str, inputs: int, outputs: int) -> Network:
        layers = [Dense(width, activation) for width in units]
        return Network((inputs,), (*layers, Dense(outputs)))

    return body


# A dense layer first, which plans treat by itself; of an activation, inputs and outputs.
DENSE_FIRST: dict[str, Callable[[str, int, int], Network]] = {
    "no hidden layer": _hidden(),
    "5": _hidden(5),
    "17-1": _hidden(17, 1),
    "33-8": _hidden(33, 8),
    "dropout": lambda f, i, n: Network((i,), (Dense(8, f), Dropout(0.3), Dense(n))),
    "layer_norm": lambda f, i, n: Network((i,), (Dense(8, f), LayerNorm(), Dense(5, f), Dense(n))),
}
